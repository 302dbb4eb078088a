//! A user's or pipeline's API token: what a person makes in the UI and a tool is given. It never goes
//! out with a call; it is exchanged for a token that expires.

use std::fmt;
use std::str::FromStr;

use secrecy::{ExposeSecret as _, SecretString};
use url::form_urlencoded;

use crate::token::{InvalidToken, one_word};

/// An API token of a user or a pipeline, wiped from memory when dropped and never shown.
#[derive(Clone)]
pub struct ApiToken {
    secret: SecretString,
}

// === impl ApiToken ===

impl ApiToken {
    pub(crate) fn expose(&self) -> &str {
        self.secret.expose_secret()
    }

    /// As it stands in a query, which is another spelling that an answer may echo.
    pub(crate) fn encoded(&self) -> SecretString {
        form_urlencoded::byte_serialize(self.expose().as_bytes())
            .collect::<String>()
            .into()
    }
}

impl TryFrom<String> for ApiToken {
    type Error = InvalidToken;

    fn try_from(text: String) -> Result<Self, InvalidToken> {
        Ok(Self {
            secret: one_word(text)?,
        })
    }
}

impl FromStr for ApiToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        Self::try_from(text.to_owned())
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_api_token_is_one_word_and_never_shown() {
        let token: ApiToken = "a+b/c=".parse().unwrap();
        assert_eq!(format!("{token:?}"), "[redacted]");
        assert_eq!(token.encoded().expose_secret(), "a%2Bb%2Fc%3D");
        for text in ["", "two words", "line\n"] {
            assert!(text.parse::<ApiToken>().is_err(), "{text:?}");
        }
    }
}
