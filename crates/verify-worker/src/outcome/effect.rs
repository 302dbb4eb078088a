//! Whether a look is counted: once it took effect, so that a report which cannot be delivered for an
//! hour does not count a failed build sixty times. Pure.

use common::{outcome::Outcome, verdict::Verdict};

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

#[cfg(test)]
mod tests {
    use common::{
        ladder::SOON,
        outcome::{Again, ParkReason, Room},
        verdict::{Actor, Failure, Reason},
    };

    use super::*;

    fn again() -> Again {
        Again {
            to: Room::Checks,
            delay: SOON,
            body: Vec::new(),
            cause: "why".into(),
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
