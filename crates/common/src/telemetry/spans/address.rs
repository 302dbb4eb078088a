//! Addresses as spans show them: whole, but for what may be a secret.

use url::Url;

/// What stands for what is hidden, as the HTTP conventions have it.
const REDACTED: &str = "REDACTED";

/// The address without its user, its password, the values of its query and its fragment.
pub(super) fn redacted(url: &Url) -> String {
    let mut shown = url.clone();
    shown.set_fragment(None);
    // An address that cannot have a user has none to hide.
    if !url.username().is_empty() || url.password().is_some() {
        let _hidden = shown.set_username(REDACTED);
        let _hidden = shown.set_password(Some(REDACTED));
    }
    if let Some(query) = url.query() {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((key, _)) => format!("{key}={REDACTED}"),
            // What is no pair may be a token as well.
            None => REDACTED.to_owned(),
        });
        let pairs: Vec<String> = pairs.collect();
        shown.set_query(Some(&pairs.join("&")));
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_be_a_secret_is_hidden() {
        let table = [
            (
                "https://api.example/v4/builds/1",
                "https://api.example/v4/builds/1",
            ),
            (
                "https://u:s3cret@api.example/v4",
                "https://REDACTED:REDACTED@api.example/v4",
            ),
            (
                "https://s3cret@api.example",
                "https://REDACTED:REDACTED@api.example/",
            ),
            (
                "https://k:6443/pods?labelSelector=sdbuild%3D1&limit=5",
                "https://k:6443/pods?labelSelector=REDACTED&limit=REDACTED",
            ),
            ("https://api.example/?s3cret", "https://api.example/?REDACTED"),
            (
                "https://api.example/?a=s3cret=x",
                "https://api.example/?a=REDACTED",
            ),
            ("https://api.example/#s3cret", "https://api.example/"),
        ];
        for (url, expected) in table {
            assert_eq!(redacted(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
