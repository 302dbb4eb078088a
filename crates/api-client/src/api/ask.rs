//! A call as data: everything of it but the address of the API, the credential and the attempt.

use bytes::Bytes;
use http::Method;
use serde::Serialize;

use crate::classify::Words;
use crate::error::Error;
use crate::id::BuildId;

#[derive(Clone)]
pub(crate) struct Ask {
    pub(super) method: Method,
    /// The path as the API documents it.
    pub(super) template: &'static str,
    /// What stands in the template's places.
    pub(super) values: Vec<String>,
    pub(super) query: Vec<(String, String)>,
    /// JSON.
    pub(super) body: Option<Bytes>,
    /// The build that the call is about, whose end is told by refusals.
    pub(super) build: Option<BuildId>,
    /// A refusal that says that there is nothing.
    pub(super) unless: Option<&'static Words>,
    pub(super) anonymous: bool,
    /// What it asks for is refused where it is so already.
    refused_twice: bool,
}

// === impl Ask ===

impl Ask {
    pub(super) fn new(method: Method, template: &'static str) -> Self {
        Self {
            method,
            template,
            values: Vec::new(),
            query: Vec::new(),
            body: None,
            build: None,
            unless: None,
            anonymous: false,
            refused_twice: false,
        }
    }

    pub(super) fn get(template: &'static str) -> Self {
        Self::new(Method::GET, template)
    }

    /// What stands in the template's next place.
    pub(super) fn with(mut self, value: &(impl ToString + ?Sized)) -> Self {
        self.values.push(value.to_string());
        self
    }

    /// A build in the template's next place, which the call is about.
    pub(super) fn about(mut self, build: BuildId) -> Self {
        self.build = Some(build);
        self.with(&build)
    }

    pub(super) fn query(mut self, name: &str, value: &(impl ToString + ?Sized)) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// Asks for this only if there is something to ask for.
    pub(super) fn query_if(self, name: &str, value: Option<&impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    pub(super) fn queries(mut self, pairs: Vec<(String, String)>) -> Self {
        self.query.extend(pairs);
        self
    }

    pub(super) fn body<T: Serialize>(mut self, body: &T) -> Result<Self, Error> {
        let json = serde_json::to_vec(body).map_err(Error::undecodable)?;
        self.body = Some(json.into());
        Ok(self)
    }

    /// Refused so, the call has its answer: there is nothing.
    pub(super) fn unless(mut self, refused: &'static Words) -> Self {
        self.unless = Some(refused);
        self
    }

    /// Where it has had its effect, the same again is refused.
    pub(super) fn refused_twice(mut self, refused: bool) -> Self {
        self.refused_twice = refused;
        self
    }

    /// Whether twice is the same as once, as HTTP has it and the builds API mostly keeps it.
    pub(super) fn is_idempotent(&self) -> bool {
        let methods = [Method::GET, Method::PUT, Method::DELETE, Method::HEAD];
        methods.contains(&self.method) && !self.refused_twice
    }

    /// Goes out without a credential.
    pub(super) fn anonymous(mut self) -> Self {
        self.anonymous = true;
        self
    }
}
