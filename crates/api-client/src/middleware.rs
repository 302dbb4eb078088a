//! What an application may add to each request and learn of each answer: a place for tracing and metrics
//! that knows none of their libraries.

use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};

/// One attempt at a call. It names the template of the path, never the address: ids would make a label
/// without bounds, and a query may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path as the API documents it, such as `/v4/builds/{id}`.
    pub template: &'static str,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answered {
    /// The answer's status; `None` if there was no answer.
    pub status: Option<StatusCode>,
    /// The name of the error ([`Error::as_str`](crate::Error::as_str)); `None` for a success.
    pub error: Option<&'static str>,
    /// From the request to the end of the answer; of a stream, to its beginning.
    pub took: Duration,
}

/// Sees every attempt. Both methods run in the caller's own task, so the caller's span is the current one.
///
/// An attempt whose future is dropped, by a timeout of the caller's or in a `select!`, has an `on_request` and
/// no `on_answer`: what the first counts up, the second alone does not count down.
///
/// A closure that takes `&mut HeaderMap` is one that only adds headers.
///
/// ```
/// use http::{HeaderMap, HeaderValue};
/// use screwdriver_api_client::{Answered, Call, Client, Middleware};
///
/// struct Log;
///
/// impl Middleware for Log {
///     fn on_answer(&self, call: &Call, answered: &Answered) {
///         println!("{} {} took {:?}", call.method, call.template, answered.took);
///     }
/// }
///
/// let logs = Client::builder().middleware(Log);
/// let traces = Client::builder().middleware(|headers: &mut HeaderMap| {
///     let parent = HeaderValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
///     headers.insert("traceparent", parent);
/// });
/// ```
pub trait Middleware: Send + Sync {
    /// Adds headers, such as the context of a trace, before the request is sent. It sees no headers of the
    /// client's own, and cannot replace the credential.
    fn on_request(&self, call: &Call, headers: &mut HeaderMap) {
        let _ = (call, headers);
    }

    /// Learns what came of it.
    fn on_answer(&self, call: &Call, answered: &Answered) {
        let _ = (call, answered);
    }
}

impl<F: Fn(&mut HeaderMap) + Send + Sync> Middleware for F {
    fn on_request(&self, _call: &Call, headers: &mut HeaderMap) {
        self(headers);
    }
}
