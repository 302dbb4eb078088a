//! How a call of an [`Api`] is made: with the token of the moment, again where that is safe, and once more
//! with a new token if the API does not take the one it was sent.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

use http::Method;
use http::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{RequestBuilder, Response};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Api, Ask, Holder};
use crate::address;
use crate::classify::{self, Question, Words};
use crate::client::{Client, Keep, Opened, Whole, now};
use crate::error::Error;
use crate::items::Items;
use crate::listing::Listing;
use crate::login::Login;
use crate::middleware::Call;
use crate::token::BuildToken;

/// How an answer is wanted.
trait Form {
    type Got;

    fn fetch(
        client: &Client,
        call: &Call,
        request: RequestBuilder,
        question: Question<'_>,
        unless: Option<&Words>,
    ) -> impl Future<Output = Result<Self::Got, Error>> + Send;
}

/// With its body, of a success only.
struct Entire;

/// With its body still to come.
struct Streamed;

/// The answer to an exchange of tokens.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) token: BuildToken,
}

/// Where a list is read on.
struct Page {
    number: u32,
    /// What the page before held, to notice an API that does not know pages.
    before: Vec<u8>,
}

// === impl Api ===

impl Api {
    /// A call whose answer is JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, ask: &Ask) -> Result<T, Error> {
        let whole = self.whole(ask).await?;
        serde_json::from_slice(&whole.body).map_err(Error::undecodable)
    }

    /// The same, but nothing where the call is refused as it says (see [`Ask::unless`]).
    pub(super) async fn json_if_any<T: DeserializeOwned>(&self, ask: &Ask) -> Result<Option<T>, Error> {
        let whole = self.whole(ask).await?;
        if !whole.status.is_success() {
            return Ok(None);
        }
        serde_json::from_slice(&whole.body)
            .map(Some)
            .map_err(Error::undecodable)
    }

    /// A call whose answer says nothing but that it was done.
    pub(super) async fn done(&self, ask: &Ask) -> Result<(), Error> {
        self.whole(ask).await.map(drop)
    }

    /// A call whose answer is read by the caller.
    pub(super) async fn whole(&self, ask: &Ask) -> Result<Whole, Error> {
        self.authorised::<Entire>(ask).await
    }

    /// A list, page after page until an empty one: the API filters some lists after it has cut the pages,
    /// so that a short page need not be the last.
    pub(super) fn pages<T: DeserializeOwned + Send + 'static>(&self, ask: Ask, listing: Listing) -> Items<T> {
        let api = self.clone();
        let first = Page {
            number: 1,
            before: Vec::new(),
        };
        Items::in_batches(first, move |page| {
            let api = api.clone();
            let ask = ask.clone().queries(listing.query(page.number));
            async move {
                let body = api.whole(&ask).await?.body;
                let items: Vec<T> = serde_json::from_slice(&body).map_err(Error::undecodable)?;
                if items.is_empty() {
                    return Ok(None);
                }
                if body == page.before {
                    return Err(Error::SamePage { page: page.number });
                }
                let next = Page {
                    number: page.number.saturating_add(1),
                    before: body,
                };
                Ok(Some((items, next)))
            }
        })
    }

    /// A call whose answer is a stream of bytes. The API may point to its store, which is then asked once
    /// and without the token: the address is the credential there.
    pub(super) async fn stream(&self, ask: &Ask) -> Result<Response, Error> {
        let target = match self.authorised::<Streamed>(ask).await? {
            Opened::Here(response) => return Ok(response),
            Opened::Elsewhere(target) => target,
        };
        let call = Call {
            method: Method::GET,
            template: "the store",
            attempt: 1,
        };
        let secrets = address::secrets(&target);
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        let request = self.shared.client.request(Method::GET, target);
        let judge = |whole: Whole| {
            let question = Question {
                build: None,
                secrets: &secrets,
            };
            refusal(question, &whole)
        };
        match self.shared.client.open(&call, request, judge).await? {
            Opened::Here(response) => Ok(response),
            Opened::Elsewhere(_) => Err(Error::Unexpected {
                status: http::StatusCode::FOUND,
                message: "a redirect beyond the store".to_owned(),
            }),
        }
    }

    /// The token that calls go out with now.
    pub(super) async fn current_token(&self) -> Result<Option<BuildToken>, Error> {
        match &self.shared.holder {
            Holder::Nobody => Ok(None),
            Holder::Given(token) => Ok(Some(token.clone())),
            Holder::Login(login) => login.token(None, self.exchange(login)).await.map(Some),
        }
    }

    async fn authorised<F: Form>(&self, ask: &Ask) -> Result<F::Got, Error> {
        if ask.anonymous {
            return self.repeated::<F>(ask, None).await;
        }
        let token = self.current_token().await?;
        let result = self.repeated::<F>(ask, token.as_ref()).await;
        let (Err(Error::Unauthorized { .. }), Holder::Login(login), Some(refused)) =
            (&result, &self.shared.holder, &token)
        else {
            return result;
        };
        // A refused call had no effect, so even a POST can be made again.
        let renewed = login.token(Some(refused), self.exchange(login)).await?;
        if renewed == *refused {
            return result;
        }
        self.repeated::<F>(ask, Some(&renewed)).await
    }

    /// `GET /v4/auth/token?api_token=...`: the one call that carries a secret in its address.
    async fn exchange(&self, login: &Login) -> Result<BuildToken, Error> {
        let ask = Ask::get("/v4/auth/token").query("api_token", login.api_token.expose());
        let whole = self.repeated::<Entire>(&ask, None).await?;
        let answer: TokenAnswer = serde_json::from_slice(&whole.body).map_err(Error::undecodable)?;
        Ok(answer.token)
    }

    async fn repeated<F: Form>(&self, ask: &Ask, token: Option<&BuildToken>) -> Result<F::Got, Error> {
        let mut attempt = 1;
        loop {
            let error = match self.attempt::<F>(ask, token, attempt).await {
                Ok(got) => return Ok(got),
                Err(error) => error,
            };
            let Some(pause) = self.retry.pause(ask.is_idempotent(), attempt, &error, dice()) else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
            attempt = attempt.saturating_add(1);
        }
    }

    async fn attempt<F: Form>(
        &self,
        ask: &Ask,
        token: Option<&BuildToken>,
        attempt: u32,
    ) -> Result<F::Got, Error> {
        let call = Call {
            method: ask.method.clone(),
            template: ask.template,
            attempt,
        };
        let request = self.request(ask, token)?;
        let encoded = match (&self.shared.holder, token) {
            // Only the exchange carries the API token.
            (Holder::Login(login), None) => Some((login.api_token.expose(), login.api_token.encoded())),
            _ => None,
        };
        let secrets = [
            token.map_or("", BuildToken::expose),
            encoded.as_ref().map_or("", |(plain, _)| plain),
            encoded
                .as_ref()
                .map_or("", |(_, encoded)| encoded.expose_secret()),
        ];
        let question = Question {
            build: ask.build,
            secrets: &secrets,
        };
        F::fetch(&self.shared.client, &call, request, question, ask.unless).await
    }

    fn request(&self, ask: &Ask, token: Option<&BuildToken>) -> Result<RequestBuilder, Error> {
        let mut url = address::by_template(&self.shared.uri, ask.template, &ask.values)?;
        if !ask.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&ask.query);
        }
        let mut request = self.shared.client.request(ask.method.clone(), url);
        if let Some(token) = token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = &ask.body {
            let json = HeaderValue::from_static("application/json");
            request = request.header(CONTENT_TYPE, json).body(body.clone());
        }
        Ok(request)
    }
}

// === impl Form ===

impl Form for Entire {
    type Got = Whole;

    async fn fetch(
        client: &Client,
        call: &Call,
        request: RequestBuilder,
        question: Question<'_>,
        unless: Option<&Words>,
    ) -> Result<Whole, Error> {
        let judge = |whole: Whole| {
            if !unless.is_some_and(|words| words.are_in(whole.answer())) {
                classify::classify(question, whole.answer(), now())?;
            }
            Ok(whole)
        };
        client.exchange(call, request, Keep::All, judge).await
    }
}

impl Form for Streamed {
    type Got = Opened;

    async fn fetch(
        client: &Client,
        call: &Call,
        request: RequestBuilder,
        question: Question<'_>,
        _unless: Option<&Words>,
    ) -> Result<Opened, Error> {
        client
            .open(call, request, |whole| refusal(question, &whole))
            .await
    }
}

/// The error of an answer that is no success.
fn refusal(question: Question<'_>, whole: &Whole) -> Error {
    match classify::classify(question, whole.answer(), now()) {
        Err(error) => error,
        Ok(()) => Error::Unexpected {
            status: whole.status,
            message: "a success where there was none".to_owned(),
        },
    }
}

/// Spreads the pauses of callers that failed together. The standard library's hasher is seeded at random.
fn dice() -> u32 {
    u32::try_from(RandomState::new().build_hasher().finish() >> 32).unwrap_or_default()
}
