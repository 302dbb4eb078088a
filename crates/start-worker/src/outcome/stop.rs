//! What the answers to a stop mean. Pure. A stop that fails never fails a build: it comes back.

use common::{
    cluster::ClusterError,
    job::{BuildConfig, StopState, message},
    ladder::{LATER, retry_delay},
    outage::Trouble,
    outcome::{Again, Outcome, ParkReason, Room},
};
use jiff::Timestamp;

/// Passes of a stop: the start may still be on its way at the first.
const PASSES: u8 = 2;

/// What to do after a pass of a stop.
#[derive(Debug)]
pub enum StopDecision {
    /// Nothing more.
    End(Outcome),
    /// Look once more, with this message.
    SecondLook(Vec<u8>),
}

/// What the answers to a pass mean. `limit` bounds the tries of a stop that carries no token.
pub fn of_stop(
    state: &StopState,
    config: &BuildConfig<'_>,
    deleted: Result<(), Trouble<ClusterError>>,
    limit: u32,
    now: Timestamp,
) -> StopDecision {
    let trouble = match deleted {
        Ok(()) if state.pass < PASSES => {
            let second = StopState {
                pass: PASSES,
                attempt: 0,
                ..state.clone()
            };
            return StopDecision::SecondLook(message::stop(config, &second));
        }
        Ok(()) => return StopDecision::End(Outcome::Stopped),
        Err(trouble) => trouble,
    };
    if config.token_expired(now) {
        return StopDecision::End(Outcome::Parked(ParkReason::TokenExpired));
    }
    // Nothing else ends a stop that carries no token.
    if config.token.is_none() && state.attempt >= limit {
        return StopDecision::End(Outcome::Parked(ParkReason::AttemptsSpent));
    }
    let again = |state: &StopState, delay, trouble: Trouble<ClusterError>| Again {
        to: Room::Starts,
        delay,
        body: message::stop(config, state),
        cause: trouble.into_cause(),
    };
    StopDecision::End(match trouble {
        Trouble::Down(_) => Outcome::Held(again(state, LATER, trouble)),
        Trouble::Own(_) => {
            let next = StopState {
                attempt: state.attempt.saturating_add(1),
                ..state.clone()
            };
            Outcome::Again(again(&next, retry_delay(state.attempt), trouble))
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use common::job::Job;

    use super::*;
    use crate::testing::{NOW, message as body, time, token};

    fn error() -> ClusterError {
        ClusterError::Timeout {
            after: Duration::from_secs(10),
        }
    }

    fn decided(token: &str, state: &StopState, deleted: Result<(), Trouble<ClusterError>>) -> String {
        decided_of(&body("stop", token, None), state, deleted)
    }

    /// The decision about a pass of this stop, in a line.
    fn decided_of(body: &str, state: &StopState, deleted: Result<(), Trouble<ClusterError>>) -> String {
        let job = Job::decode(body.as_bytes()).unwrap();
        let next = |body: &[u8]| match Job::decode(body).unwrap() {
            Job::Stop(job) => job.state.unwrap(),
            other => panic!("no stop: {other:?}"),
        };
        match of_stop(state, job.config().unwrap(), deleted, 5, time(NOW)) {
            StopDecision::SecondLook(body) => {
                let state = next(&body);
                format!("second look, pass {}, attempt {}", state.pass, state.attempt)
            }
            StopDecision::End(outcome) => {
                let name = outcome.as_str();
                match outcome {
                    Outcome::Again(again) | Outcome::Held(again) => {
                        let (delay, state) = (again.delay.as_secs(), next(&again.body));
                        format!("{name} {delay} s, pass {}, attempt {}", state.pass, state.attempt)
                    }
                    Outcome::Parked(reason) => format!("parked {}", reason.as_str()),
                    _ => name.to_owned(),
                }
            }
        }
    }

    #[test]
    fn a_stop_looks_twice_and_is_retried_until_its_token_expires() {
        let state = |pass, attempt| StopState {
            pass,
            attempt,
            trace_context: None,
        };
        let (long, old) = (token(0, 3_600), token(3_600, 0));
        let cases = [
            (&long, state(1, 3), Ok(()), "second look, pass 2, attempt 0"),
            (&long, state(2, 3), Ok(()), "stopped"),
            (
                &long,
                state(1, 0),
                Err(Trouble::Own(error())),
                "again 15 s, pass 1, attempt 1",
            ),
            (
                &long,
                state(2, 9),
                Err(Trouble::Own(error())),
                "again 60 s, pass 2, attempt 10",
            ),
            (
                &long,
                state(1, 9),
                Err(Trouble::Down(None)),
                "held 60 s, pass 1, attempt 9",
            ),
            (
                &old,
                state(1, 0),
                Err(Trouble::Down(None)),
                "parked token-expired",
            ),
            (&old, state(1, 0), Ok(()), "second look, pass 2, attempt 0"),
        ];
        for (token, state, deleted, expected) in cases {
            assert_eq!(decided(token, &state, deleted), expected, "{state:?}");
        }
    }

    #[test]
    fn a_stop_without_a_token_has_so_many_tries() {
        let state = |attempt| StopState {
            pass: 1,
            attempt,
            trace_context: None,
        };
        let failed = || Err(Trouble::Own(error()));
        let body = r#"{"job":"stop","buildConfig":{"buildId":8609,"apiUri":"https://api.sd.example"}}"#;
        assert_eq!(
            decided_of(body, &state(4), failed()),
            "again 60 s, pass 1, attempt 5"
        );
        assert_eq!(decided_of(body, &state(5), failed()), "parked attempts-spent");
    }
}
