//! The calls about events.

use http::Method;

use super::{Api, Ask};
use crate::error::Error;
use crate::id::EventId;
use crate::resource::{Build, Event, NewEvent};

/// Events: `/v4/events`.
#[derive(Debug, Clone, Copy)]
pub struct Events<'a> {
    pub(super) api: &'a Api,
}

// === impl Events ===

impl Events<'_> {
    /// Starts an event, and with it builds. Scopes: user, pipeline.
    ///
    /// Twice would be two events: it is tried again only where the first attempt found no connection or the
    /// API asked to come back. After [`Error::Timeout`] or [`Error::Transport`] the event may exist.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn create(&self, event: &NewEvent) -> Result<Event, Error> {
        let ask = Ask::new(Method::POST, "/v4/events").body(event)?;
        self.api.json(&ask).await
    }

    /// An event. Scopes: user, build, pipeline.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such event.
    pub async fn get(&self, event: EventId) -> Result<Event, Error> {
        self.api.json(&Ask::get("/v4/events/{id}").with(&event)).await
    }

    /// The builds of an event, without their steps.
    ///
    /// # Errors
    /// [`Error::NotFound`] if there is no such event.
    pub async fn builds(&self, event: EventId) -> Result<Vec<Build>, Error> {
        let ask = Ask::get("/v4/events/{id}/builds").with(&event);
        self.api.json(&ask.query("fetchSteps", &false)).await
    }

    /// Aborts all builds of an event that have not ended. Scopes: user, pipeline.
    ///
    /// # Errors
    /// As [`Error`] documents.
    pub async fn stop(&self, event: EventId) -> Result<Event, Error> {
        let ask = Ask::new(Method::PUT, "/v4/events/{id}/stop").with(&event);
        self.api.json(&ask).await
    }
}
