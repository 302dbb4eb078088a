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
        .map(Timestamp::from)
        .and_then(|expires| expires.checked_sub(RESERVE).ok())
    {
        Some(absolute) => relative.min(absolute),
        None => relative,
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;
    use crate::job::Job;

    const HOUR: Duration = Duration::from_hours(1);

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The deadline of a start that was first handled at noon, with this token.
    fn deadline(token: &str, held: u64, allowed: Duration) -> Timestamp {
        let config = serde_json::json!({ "buildId": 1, "apiUri": "https://api.sd.example", "token": token });
        let body = serde_json::json!({ "job": "stop", "buildConfig": config }).to_string();
        let job = Job::decode(body.as_bytes()).unwrap();
        of_start(time("2026-01-01T12:00:00Z"), held, job.config().unwrap(), allowed)
    }

    fn expiring(text: &str) -> String {
        let claims = format!(r#"{{"exp":{}}}"#, time(text).as_second());
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn an_hour_without_the_time_that_outages_took() {
        let long = expiring("2026-01-02T00:00:00Z");
        let cases = [
            (0, "2026-01-01T13:00:00Z"),
            (70_500, "2026-01-01T13:01:10.5Z"),
            (7_200_000, "2026-01-01T15:00:00Z"),
        ];
        for (held, expected) in cases {
            assert_eq!(deadline(&long, held, HOUR), time(expected), "{held}");
        }
    }

    #[test]
    fn half_an_hour_before_the_token_expires_whatever_was_held() {
        let cases = [
            ("2026-01-01T13:29:59Z", 0, "2026-01-01T12:59:59Z"),
            ("2026-01-01T13:30:01Z", 0, "2026-01-01T13:00:00Z"),
            ("2026-01-01T14:00:00Z", 7_200_000, "2026-01-01T13:30:00Z"),
            // Past already when the start is handled first.
            ("2026-01-01T12:10:00Z", 0, "2026-01-01T11:40:00Z"),
        ];
        for (expires, held, expected) in cases {
            assert_eq!(
                deadline(&expiring(expires), held, HOUR),
                time(expected),
                "{expires}"
            );
        }
    }

    #[test]
    fn a_token_that_says_nothing_sets_no_end() {
        for token in ["no-jwt", "e30.W10.c2ln", "e30.e30.c2ln"] {
            assert_eq!(deadline(token, 0, HOUR), time("2026-01-01T13:00:00Z"), "{token}");
        }
    }

    #[test]
    fn absurd_spans_saturate() {
        let long = expiring("2026-01-02T00:00:00Z");
        let end = time("2026-01-01T23:30:00Z");
        assert_eq!(deadline(&long, u64::MAX, Duration::MAX), end);
        assert_eq!(deadline("no-jwt", u64::MAX, Duration::MAX), Timestamp::MAX);
    }
}
