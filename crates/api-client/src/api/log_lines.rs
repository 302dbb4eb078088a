//! The lines of a step's log, over as many calls as they take.

use std::time::Duration;

use super::{Api, Ask};
use crate::error::Error;
use crate::id::BuildId;
use crate::items::Items;
use crate::resource::LogLine;

/// The least time between two calls about a step that runs.
const LEAST_PAUSE: Duration = Duration::from_millis(100);

/// As many lines at once are not what a step has just said, but what is still to be read of earlier.
const BACKLOG: usize = 500;

/// Where a log is read on.
#[derive(Default)]
struct Place {
    /// The number of the next line.
    from: u64,
    more: bool,
    /// Whether the API was asked just now and had no more than it gave.
    caught_up: bool,
}

/// Reads a step's log from its first line; on and on until the step has ended, if asked to wait.
pub(super) fn read(api: &Api, build: BuildId, step: &str, wait: Option<Duration>) -> Items<LogLine> {
    let api = api.clone();
    let ask = Ask::get("/v4/builds/{id}/steps/{name}/logs")
        .with(&build)
        .with(step);
    let begin = Place {
        more: true,
        ..Place::default()
    };
    Items::in_batches(begin, move |place| {
        let (api, ask) = (api.clone(), ask.clone());
        async move { next(&api, &ask, place, wait).await }
    })
}

/// The next lines; `None` when there are none and none will come.
async fn next(
    api: &Api,
    ask: &Ask,
    mut place: Place,
    wait: Option<Duration>,
) -> Result<Option<(Vec<LogLine>, Place)>, Error> {
    while place.more {
        match wait {
            Some(every) if place.caught_up => tokio::time::sleep(every.max(LEAST_PAUSE)).await,
            _ => {}
        }
        let whole = api.whole(&ask.clone().query("from", &place.from)).await?;
        let mut lines: Vec<LogLine> = serde_json::from_slice(&whole.body).map_err(Error::undecodable)?;
        lines.retain(|line| line.number.is_none_or(|number| number >= place.from));
        // True as long as the step runs, too.
        place.more = whole
            .headers
            .get("x-more-data")
            .is_some_and(|more| more == "true");
        if let Some(last) = lines.last() {
            let counted = place.from.saturating_add(lines.len() as u64);
            place.from = last.number.map_or(counted, |number| number.saturating_add(1));
            place.caught_up = lines.len() < BACKLOG;
            return Ok(Some((lines, place)));
        }
        if wait.is_none() {
            return Ok(None);
        }
        place.caught_up = true;
    }
    Ok(None)
}
