//! The lines of a step's log, over as many calls as they take.

use std::time::Duration;

use super::{Api, Ask};
use crate::error::Error;
use crate::id::BuildId;
use crate::items::Items;
use crate::resource::LogLine;

/// The least time between two calls that bring nothing new.
const LEAST_PAUSE: Duration = Duration::from_millis(100);

/// Where a log is read on.
struct Place {
    /// The number of the next line.
    from: u64,
    more: bool,
}

/// Reads a step's log from its first line; on and on until the step has ended, if asked to wait.
pub(super) fn read(api: &Api, build: BuildId, step: &str, wait: Option<Duration>) -> Items<LogLine> {
    let api = api.clone();
    let ask = Ask::get("/v4/builds/{id}/steps/{name}/logs")
        .with(&build)
        .with(step);
    let begin = Place { from: 0, more: true };
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
            return Ok(Some((lines, place)));
        }
        match wait {
            Some(every) if place.more => tokio::time::sleep(every.max(LEAST_PAUSE)).await,
            _ => return Ok(None),
        }
    }
    Ok(None)
}
