//! Whether a look is counted: once it took effect, so that a report which cannot be delivered for an
//! hour does not count a failed build sixty times. Pure.

use common::{facts::Facts, job::CheckState, outcome::Outcome, verdict::Verdict};

use super::memory::knows_running;

/// Whether the look has come to its end. What nobody could be told is looked at and told again.
pub fn took_effect(verdict: &Verdict, outcome: &Outcome) -> bool {
    match verdict {
        Verdict::Failed(_) => matches!(outcome, Outcome::Failed),
        Verdict::Healthy { .. } => matches!(outcome, Outcome::Healthy | Outcome::Watching),
        _ => !matches!(
            outcome,
            Outcome::Held(_) | Outcome::Again(_) | Outcome::Unsettled(_) | Outcome::Parked(_)
        ),
    }
}

/// Whether this look tells the stages of the pod that it saw: once for each pod, by the first look that sees its build
/// run, or by the one that ends it before.
pub fn ends_the_way(check: &CheckState, facts: &Facts, outcome: &Outcome) -> bool {
    let ends = match outcome {
        Outcome::Healthy | Outcome::Watching | Outcome::Recreating | Outcome::Failed | Outcome::Finished => {
            true
        }
        Outcome::Created
        | Outcome::Adopted
        | Outcome::Stopped
        | Outcome::Cleared
        | Outcome::Probed
        | Outcome::Rearmed
        | Outcome::Nothing
        | Outcome::Again(_)
        | Outcome::Held(_)
        | Outcome::Parked(_)
        | Outcome::Unsettled(_) => false,
    };
    ends && !knows_running(check, Some(facts))
}

#[cfg(test)]
mod tests {
    use common::{
        ladder::SOON,
        outcome::{Again, ParkReason, Room},
        verdict::{Actor, Failure, Phase, Reason},
    };

    use super::*;
    use crate::testing::check;

    fn again() -> Again {
        Again {
            to: Room::Checks,
            delay: SOON,
            body: Vec::new(),
            cause: "why".into(),
        }
    }

    #[test]
    fn a_pods_way_is_told_once() {
        let pod = serde_json::json!({ "metadata": { "name": "8609-abcde", "uid": "u1" } });
        let pod = Facts::read(&serde_json::from_value(pod).unwrap());
        let waited = check();
        let mut ran = check();
        ran.uid.clone_from(&pod.uid);
        ran.look.phase = Some(Phase::Running);
        let told = |check, outcome: &Outcome| ends_the_way(check, &pod, outcome);
        for outcome in [
            Outcome::Healthy,
            Outcome::Watching,
            Outcome::Recreating,
            Outcome::Failed,
            Outcome::Finished,
        ] {
            assert!(told(&waited, &outcome), "{}", outcome.as_str());
            assert!(!told(&ran, &outcome), "{}", outcome.as_str());
        }
        for outcome in [Outcome::Rearmed, Outcome::Again(again()), Outcome::Held(again())] {
            assert!(!told(&waited, &outcome), "{}", outcome.as_str());
        }
    }

    #[test]
    fn a_look_counts_once_it_took_effect() {
        let failed = Verdict::Failed(Failure {
            reason: Reason::ImageName,
            actor: Actor::You,
            message: String::new(),
        });
        let healthy = Verdict::Healthy {
            node: None,
            ended: false,
        };
        let waiting = Verdict::Waiting { cause: String::new() };
        let table = [
            (Outcome::Failed, [true, false, true]),
            (Outcome::Healthy, [false, true, true]),
            (Outcome::Watching, [false, true, true]),
            (Outcome::Rearmed, [false, false, true]),
            (Outcome::Finished, [false, false, true]),
            (Outcome::Held(again()), [false; 3]),
            (Outcome::Again(again()), [false; 3]),
            (Outcome::Unsettled("why".into()), [false; 3]),
            (Outcome::Parked(ParkReason::TokenExpired), [false; 3]),
        ];
        for (outcome, expected) in table {
            let counted = [&failed, &healthy, &waiting].map(|verdict| took_effect(verdict, &outcome));
            assert_eq!(counted, expected, "{}", outcome.as_str());
        }
    }
}
