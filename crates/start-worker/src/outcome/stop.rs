//! What the answers to a stop mean. Pure. A stop that fails never fails a build: it comes back.

use common::{
    cluster::ClusterError,
    job::{BuildConfig, StopState, TokenLife, message},
    ladder::{LATER, retry_delay},
    outage::Trouble,
    outcome::{Again, Outcome, ParkReason, Room},
};
use jiff::Timestamp;

/// Passes of a stop: the start may still be on its way at the first.
const PASSES: u8 = 2;
/// Milliseconds that each step of an outage takes.
const A_STEP: u64 = LATER.as_millis() as u64;
/// Milliseconds for which an outage may hold a stop whose token tells no end: the usual life of a token.
const LONGEST_HELD: u64 = 12 * 60 * 60 * 1_000;

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
    match config.token_life(now) {
        TokenLife::Valid => {}
        TokenLife::Expired => return StopDecision::End(Outcome::Parked(ParkReason::TokenExpired)),
        // Nothing else ends a stop without a token, or with one that tells no end.
        TokenLife::Unknown if state.attempt >= limit || state.held >= LONGEST_HELD => {
            return StopDecision::End(Outcome::Parked(ParkReason::AttemptsSpent));
        }
        TokenLife::Unknown => {}
    }
    let again = |state: &StopState, delay, trouble: Trouble<ClusterError>| Again {
        to: Room::Starts,
        delay,
        body: message::stop(config, state),
        cause: trouble.into_cause(),
    };
    StopDecision::End(match trouble {
        Trouble::Down(_) => {
            let next = StopState {
                held: state.held.saturating_add(A_STEP),
                ..state.clone()
            };
            Outcome::Held(again(&next, LATER, trouble))
        }
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

    fn state(pass: u8, attempt: u32) -> StopState {
        StopState {
            pass,
            attempt,
            ..StopState::new(None)
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
        let (long, old) = (token(0, 3_600), token(3_600, 0));
        let own = || Err(Trouble::Own(error()));
        let down = || Err(Trouble::Down(None));
        // Zero pods are as good as any: the cluster says the same.
        let cases = [
            (&long, state(1, 3), Ok(()), "second look, pass 2, attempt 0"),
            (&long, state(2, 3), Ok(()), "stopped"),
            (&long, state(1, 0), own(), "again 15 s, pass 1, attempt 1"),
            (&long, state(1, 4), own(), "again 60 s, pass 1, attempt 5"),
            (&long, state(2, 0), own(), "again 15 s, pass 2, attempt 1"),
            // Whatever a message may cost otherwise: a pod left behind costs more.
            (&long, state(2, 900), own(), "again 60 s, pass 2, attempt 901"),
            (&long, state(1, 9), down(), "held 60 s, pass 1, attempt 9"),
            (&long, state(2, 0), down(), "held 60 s, pass 2, attempt 0"),
            (&old, state(1, 0), own(), "parked token-expired"),
            (&old, state(1, 0), down(), "parked token-expired"),
            (&old, state(2, 0), down(), "parked token-expired"),
            // An expired token is no reason to leave a pod.
            (&old, state(1, 0), Ok(()), "second look, pass 2, attempt 0"),
            (&old, state(2, 0), Ok(()), "stopped"),
        ];
        for (token, state, deleted, expected) in cases {
            assert_eq!(decided(token, &state, deleted), expected, "{state:?}");
        }
    }

    /// Nobody is told of them: whatever ends a stop, no build fails by it.
    #[test]
    fn a_stop_is_never_refused_for_good_while_its_token_lives() {
        for error in [
            || ClusterError::Forbidden {
                message: "rights".to_owned(),
            },
            || ClusterError::Namespace {
                message: "gone".to_owned(),
            },
            || ClusterError::Invalid {
                message: "selector".to_owned(),
            },
            || ClusterError::Server {
                status: 500,
                message: "etcd".to_owned(),
            },
        ] as [fn() -> ClusterError; 4]
        {
            for pass in [1, 2] {
                let line = decided(&token(0, 3_600), &state(pass, 99), Err(Trouble::Own(error())));
                assert_eq!(line, format!("again 60 s, pass {pass}, attempt 100"));
            }
        }
    }

    #[test]
    fn a_stop_whose_token_tells_no_end_has_so_many_tries_and_half_a_day() {
        let nothing = r#"{"job":"stop","buildConfig":{"buildId":8609,"apiUri":"https://api.sd.example"}}"#;
        let opaque = body("stop", "opaque", None);
        let held = |held| StopState { held, ..state(1, 0) };
        for body in [nothing, &opaque] {
            let own = |state| decided_of(body, &state, Err(Trouble::Own(error())));
            let down = |state| decided_of(body, &state, Err(Trouble::Down(None)));
            assert_eq!(own(state(1, 4)), "again 60 s, pass 1, attempt 5");
            assert_eq!(own(state(1, 5)), "parked attempts-spent");
            assert_eq!(own(state(2, 5)), "parked attempts-spent");
            assert_eq!(down(state(1, 0)), "held 60 s, pass 1, attempt 0");
            assert_eq!(down(held(LONGEST_HELD - 1)), "held 60 s, pass 1, attempt 0");
            assert_eq!(down(held(LONGEST_HELD)), "parked attempts-spent");
        }
    }

    #[test]
    fn what_an_outage_takes_is_counted_and_costs_no_try() {
        let body = body("stop", &token(0, 3_600), None);
        let job = Job::decode(body.as_bytes()).unwrap();
        let config = job.config().unwrap();
        let earlier = StopState {
            held: 60_000,
            ..state(2, 3)
        };
        let down = Err(Trouble::Down(Some(error())));
        let decision = of_stop(&earlier, config, down, 5, time(NOW));
        let StopDecision::End(Outcome::Held(again)) = decision else {
            panic!("{decision:?}")
        };
        let Job::Stop(next) = Job::decode(&again.body).unwrap() else {
            panic!("no stop")
        };
        let expected = StopState {
            held: 120_000,
            ..earlier
        };
        assert_eq!(next.state, Some(expected));
    }
}
