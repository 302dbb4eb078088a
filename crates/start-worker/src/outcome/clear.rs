//! What the end of a clear means. Pure. A clear that fails never fails a build: it comes back, or is parked
//! for somebody who can mend the mount.

use common::{
    job::{CacheConfig, StopState, message},
    ladder::{SOON, START_DELAYS, start_retry_delay},
    outcome::{Again, Outcome, ParkReason, Room},
};

use crate::cache::{CacheError, Class};

/// What the end of a clear means. `limit` bounds the tries that failed.
pub fn of_clear(
    state: &StopState,
    config: &CacheConfig<'_>,
    cleared: Result<(), CacheError>,
    limit: u32,
) -> Outcome {
    let Err(error) = cleared else {
        return Outcome::Cleared;
    };
    let mut next = state.clone();
    let delay = match (error.class(), &error) {
        (Class::Permanent, CacheError::Escapes { .. }) => return Outcome::Parked(ParkReason::UnsafePath),
        (Class::Permanent, _) => return Outcome::Parked(ParkReason::CacheUnusable),
        (Class::Transient, _) if state.attempt >= limit => {
            return Outcome::Parked(ParkReason::AttemptsSpent);
        }
        (Class::Transient, _) => {
            next.attempt = state.attempt.saturating_add(1);
            start_retry_delay(state.attempt)
        }
        (Class::Patience, CacheError::Busy) => SOON,
        (Class::Patience, _) => START_DELAYS[0],
    };
    Outcome::Again(Again {
        to: Room::Starts,
        delay,
        body: message::clear(config, &next),
        cause: error.into(),
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use common::job::Job;

    use super::*;

    const BODY: &str = r#"{"job":"clear","cacheConfig":{"resource":"caches","action":"delete",
        "scope":"pipelines","pipelineId":7,"more":[1e3]}}"#;

    fn errors() -> [(&'static str, CacheError); 9] {
        let folder = || "pipelines/7".to_owned();
        let source = || io::Error::from(io::ErrorKind::Other);
        let (entry, root) = (folder(), "/cache".into());
        [
            ("not-mounted", CacheError::NotMounted { root }),
            ("escapes", CacheError::Escapes { folder: folder() }),
            (
                "denied",
                CacheError::Denied {
                    entry,
                    source: source(),
                },
            ),
            (
                "failed",
                CacheError::Failed {
                    entry: folder(),
                    source: source(),
                },
            ),
            ("panicked", CacheError::Panicked),
            ("silent", CacheError::Silent),
            ("busy", CacheError::Busy),
            ("unfinished", CacheError::Unfinished { files: 1, folders: 0 }),
            ("stopping", CacheError::Stopping),
        ]
    }

    /// The decision after so many failed tries, in a line; what comes back keeps its cache as it came.
    fn decided(attempt: u32, cleared: Result<(), CacheError>, limit: u32) -> String {
        let Job::Clear(job) = Job::decode(BODY.as_bytes()).unwrap() else {
            panic!("no clear")
        };
        let state = StopState {
            attempt,
            ..StopState::new(None)
        };
        let outcome = of_clear(&state, &job.config, cleared, limit);
        let name = outcome.as_str();
        match outcome {
            Outcome::Again(again) => {
                assert_eq!(again.to, Room::Starts);
                assert!(START_DELAYS.contains(&again.delay));
                let Job::Clear(next) = Job::decode(&again.body).unwrap() else {
                    panic!("no clear comes back")
                };
                assert_eq!(next.config.raw.0.get(), job.config.raw.0.get());
                let next = next.state.unwrap();
                assert_eq!(next.pass, 1);
                format!("{name} {} s, attempt {}", again.delay.as_secs(), next.attempt)
            }
            Outcome::Parked(reason) => format!("parked {}", reason.as_str()),
            _ => name.to_owned(),
        }
    }

    #[test]
    fn a_clear_ends_parked_or_comes_back_and_is_never_dropped() {
        let rows = [
            ("not-mounted", "parked cache-unusable", "parked cache-unusable"),
            ("escapes", "parked unsafe-path", "parked unsafe-path"),
            ("denied", "parked cache-unusable", "parked cache-unusable"),
            ("failed", "again 5 s, attempt 1", "parked attempts-spent"),
            ("panicked", "again 5 s, attempt 1", "parked attempts-spent"),
            ("silent", "again 5 s, attempt 1", "parked attempts-spent"),
            ("busy", "again 15 s, attempt 0", "again 15 s, attempt 5"),
            ("unfinished", "again 5 s, attempt 0", "again 5 s, attempt 5"),
            ("stopping", "again 5 s, attempt 0", "again 5 s, attempt 5"),
        ];
        for ((name, first, _), (error, at_first)) in rows.iter().zip(errors()) {
            assert_eq!(*name, error);
            assert_eq!(decided(0, Err(at_first), 5), *first, "{name}");
        }
        for ((name, _, last), (_, at_last)) in rows.iter().zip(errors()) {
            assert_eq!(decided(5, Err(at_last), 5), *last, "{name}");
        }
        assert_eq!(decided(0, Ok(()), 5), "cleared");
        assert_eq!(decided(9, Ok(()), 5), "cleared");
    }

    #[test]
    fn tries_slow_down_and_a_limit_of_zero_allows_none() {
        let failed = || Err(CacheError::Silent);
        let delays = [(1, "again 15 s, attempt 2"), (4, "again 60 s, attempt 5")];
        for (attempt, expected) in delays {
            assert_eq!(decided(attempt, failed(), 5), expected);
        }
        assert_eq!(decided(0, failed(), 0), "parked attempts-spent");
    }
}
