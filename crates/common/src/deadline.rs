//! Until when a start may be tried. Pure; both workers must agree on it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use screwdriver_api_client::BuildToken;

use crate::job::BuildConfig;

/// A FAILURE must still be possible before the token expires.
const RESERVE: SignedDuration = SignedDuration::from_mins(30);

/// `allowed` after `since`, not counting the `held` milliseconds that outages took; absolutely, half an
/// hour before the build's token expires.
pub fn of_start(since: Timestamp, held: u64, config: &BuildConfig<'_>, allowed: Duration) -> Timestamp {
    let relative = since.saturating_add(allowed.saturating_add(Duration::from_millis(held)));
    let relative = relative.unwrap_or(Timestamp::MAX);
    let claims = config.token.as_ref().and_then(BuildToken::claims);
    match claims
        .and_then(|claims| claims.expires)
        .and_then(|expires| expires.checked_sub(RESERVE).ok())
    {
        Some(absolute) => relative.min(absolute),
        None => relative,
    }
}
