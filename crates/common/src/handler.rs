//! The road of a delivery: decode, plan, act, outcome, report, settle. One way in, one way out.
//!
//! Whatever comes of the handling, a panic too, the delivery is settled, counted and logged here and
//! nowhere else.

use std::{any::Any, error::Error, panic::AssertUnwindSafe};

use futures_util::FutureExt;
use tracing::Instrument;

use crate::{
    attempt::Attempt,
    broker::{
        Delivery, Queue,
        delivery::{SettleError, Settled},
    },
    clock,
    job::{DecodeError, Job},
    outcome::{Outcome, ParkReason},
    telemetry::{
        metrics::{InFlight, Metrics},
        propagation::{self, TraceContext},
        spans,
    },
};

/// Bodies larger than this are decoded off the runtime: megabytes of nonsense must not keep its threads
/// from heartbeats and from other builds.
const LARGE_BODY: usize = 256 * 1024;

/// What a worker does with a job: plan, act, decide the outcome, report.
pub trait Handler: Send + Sync + 'static {
    /// Handles one job. Never settles anything.
    fn handle(&self, job: &Job<'_>, taken: Taken<'_>) -> impl Future<Output = Outcome> + Send;

    /// What becomes of a job whose handling panicked.
    fn after_panic(&self, job: &Job<'_>, taken: Taken<'_>, panicked: Panicked) -> Outcome;
}

/// What a handler may know about the delivery beside its job.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'a> {
    /// The queue that it came from.
    pub queue: Queue,
    /// Which try this is.
    pub attempt: Attempt,
    /// The trace that it belongs to, from its headers or its body.
    pub trace: Option<&'a TraceContext>,
}

/// A handling panicked; the text is the panic's, for the log.
#[derive(Debug, thiserror::Error)]
#[error("handling panicked: {0}")]
pub struct Panicked(String);

// === the road ===

/// Takes one delivery all the way. Returns when it is settled.
pub async fn deliver<H: Handler>(handler: &H, delivery: Delivery, metrics: &Metrics, delayed_as_child: bool) {
    let in_flight = metrics.delivery_begins(delivery.queue());
    if !delivery.is_usable() {
        // Its channel is gone: it comes again on another, and work on this one would be done twice.
        metrics.settlement_lost(delivery.queue());
        return;
    }
    let span = spans::process_span(delivery.queue_name(), delivery.tag());
    spans::record_way(
        &span,
        delivery.exchange(),
        delivery.routing_key(),
        delivery.queue_name(),
    );
    spans::record_broker(&span, delivery.broker());
    if let Some(id) = delivery.message_id() {
        spans::record_message_id(&span, id);
    }
    travel(handler, delivery, metrics, in_flight, &span, delayed_as_child)
        .instrument(span.clone())
        .await;
}

async fn travel<H: Handler>(
    handler: &H,
    delivery: Delivery,
    metrics: &Metrics,
    in_flight: InFlight,
    span: &tracing::Span,
    delayed_as_child: bool,
) {
    let queue = delivery.queue();
    let (kind, outcome) = match guarded(|| decode(delivery.payload())) {
        Err(_panicked) => ("unknown", Outcome::Parked(ParkReason::AttemptsSpent)),
        Ok(Err(garbage)) => ("unknown", Outcome::Parked(ParkReason::Undecodable(garbage))),
        Ok(Ok(job)) => {
            let attempt = delivery.attempt(job.counted_attempts());
            let found = guarded(|| delivery.trace_context().or_else(|| job.trace_context().cloned()));
            let trace = found.unwrap_or_default();
            // A delivery without its trace is better than one that is never settled; a panic is told of.
            let _told = guarded(|| {
                join(span, trace.as_ref(), &job, delayed_as_child);
                let build = job.config().map_or(0, |config| config.build_id.get());
                spans::record_job(span, job.kind(), build, attempt.failed);
            });
            let taken = Taken {
                queue,
                attempt,
                trace: trace.as_ref(),
            };
            (job.kind(), handle(handler, &job, taken).await)
        }
    };
    let parks = match &outcome {
        Outcome::Parked(reason) => Some(reason.clone()),
        told => {
            observe(span, kind, told);
            None
        }
    };
    let name = outcome.as_str();
    let due = delivery.due();
    let settled = delivery.settle(outcome.into_settlement()).await;
    if let Some(due) = due {
        metrics.late(queue, clock::elapsed(due, clock::now()));
    }
    if let Err(error) = &settled {
        metrics.settlement_lost(queue);
        tracing::warn!(
            error = error as &dyn Error,
            "the settlement did not reach the broker; the message comes again"
        );
    }
    let Some(reason) = parks else {
        return in_flight.settled(kind, name);
    };
    let came_of_it = parked(reason, settled);
    observe(span, kind, &came_of_it);
    if let Outcome::Parked(reason) = &came_of_it {
        metrics.parked(reason.as_str());
    }
    in_flight.settled(kind, came_of_it.as_str());
}

/// What came of a delivery that was to be parked: as long as the parking queue does not take it, it comes again each
/// time, and is parked once.
fn parked(reason: ParkReason, settled: Result<Settled, SettleError>) -> Outcome {
    match settled {
        Ok(Settled::Acked) => Outcome::Parked(reason),
        Ok(Settled::Requeued) => Outcome::Unsettled(reason.into()),
        Err(error) => Outcome::Unsettled(error.into()),
    }
}

/// Makes the delivery part of its trace. Checks come minutes later: collectors that decide early what to
/// keep want them as traces of their own that link back.
fn join(span: &tracing::Span, trace: Option<&TraceContext>, job: &Job<'_>, delayed_as_child: bool) {
    let Some(trace) = trace else { return };
    if matches!(job, Job::Check(_)) && !delayed_as_child {
        propagation::add_link(span, trace);
    } else {
        propagation::set_parent(span, trace);
    }
    spans::record_trace(span, trace);
}

fn decode(payload: &[u8]) -> Result<Job<'_>, DecodeError> {
    if payload.len() > LARGE_BODY {
        tokio::task::block_in_place(|| Job::decode(payload))
    } else {
        Job::decode(payload)
    }
}

async fn handle<H: Handler>(handler: &H, job: &Job<'_>, taken: Taken<'_>) -> Outcome {
    match AssertUnwindSafe(handler.handle(job, taken)).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => {
            let panicked = tell(panic.as_ref());
            guarded(|| handler.after_panic(job, taken, panicked))
                .unwrap_or(Outcome::Parked(ParkReason::AttemptsSpent))
        }
    }
}

/// The result, or a panic that was told of.
fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).map_err(|panic| tell(panic.as_ref()))
}

fn tell(panic: &(dyn Any + Send)) -> Panicked {
    let panicked = Panicked(text_of(panic));
    tracing::error!(
        error = &panicked as &dyn Error,
        "a defect of ours; the delivery is settled all the same"
    );
    panicked
}

fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a text".to_owned())
}

/// The one log line of a delivery.
fn observe(span: &tracing::Span, job: &'static str, outcome: &Outcome) {
    let name = outcome.as_str();
    spans::record_outcome(span, name);
    if outcome.cause().is_some() {
        spans::record_error(span, name);
    }
    match outcome {
        Outcome::Parked(reason) => {
            tracing::error!(
                job,
                outcome = name,
                reason = reason.as_str(),
                error = reason as &dyn Error,
                "parked"
            );
        }
        Outcome::Again(again) | Outcome::Held(again) => {
            tracing::warn!(job, outcome = name, delay = ?again.delay, error = again.cause.as_ref() as &dyn Error, "comes back");
        }
        Outcome::Unsettled(cause) => {
            tracing::error!(
                job,
                outcome = name,
                error = cause.as_ref() as &dyn Error,
                "handed back to the broker"
            );
        }
        Outcome::Created
        | Outcome::Adopted
        | Outcome::Stopped
        | Outcome::Cleared
        | Outcome::Probed
        | Outcome::Healthy
        | Outcome::Watching
        | Outcome::Rearmed
        | Outcome::Recreating
        | Outcome::Failed
        | Outcome::Finished
        | Outcome::Nothing => tracing::info!(job, outcome = name, "done"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::testing::Captured;

    /// Panics while handling, and again while deciding what becomes of that.
    struct Broken {
        after: bool,
    }

    impl Handler for Broken {
        async fn handle(&self, _job: &Job<'_>, _taken: Taken<'_>) -> Outcome {
            panic!("handling");
        }

        fn after_panic(&self, _job: &Job<'_>, _taken: Taken<'_>, _panicked: Panicked) -> Outcome {
            assert!(!self.after, "after the panic");
            Outcome::Nothing
        }
    }

    /// Every path settles: a delivery without an outcome would block its consumer's prefetch for ever.
    #[tokio::test]
    async fn whatever_panics_there_is_an_outcome() {
        let job = br#"{"job":"stop","buildConfig":{"buildId":1,"apiUri":"https://api.example"}}"#;
        let job = Job::decode(job).unwrap();
        let taken = Taken {
            queue: Queue::Main,
            attempt: Attempt::default(),
            trace: None,
        };
        let outcome = handle(&Broken { after: false }, &job, taken).await;
        assert_eq!(outcome.as_str(), "nothing");
        let outcome = handle(&Broken { after: true }, &job, taken).await;
        assert!(matches!(outcome, Outcome::Parked(ParkReason::AttemptsSpent)));
        assert_eq!(guarded(|| 1).unwrap(), 1);
        let panicked = guarded(|| -> u8 { panic!("decoding {}", 7) }).unwrap_err();
        assert_eq!(panicked.to_string(), "handling panicked: decoding 7");
    }

    /// At `warn` a log is silent as long as all goes well.
    #[test]
    fn an_outcome_is_as_loud_as_what_it_asks_of_people() {
        let again = || crate::outcome::Again {
            to: crate::outcome::Room::Starts,
            delay: std::time::Duration::from_secs(15),
            body: Vec::new(),
            cause: "why".into(),
        };
        let table = [
            (Outcome::Created, "INFO"),
            (Outcome::Healthy, "INFO"),
            (Outcome::Failed, "INFO"),
            (Outcome::Again(again()), "WARN"),
            (Outcome::Held(again()), "WARN"),
            (Outcome::Parked(ParkReason::TokenExpired), "ERROR"),
            (Outcome::Unsettled("why".into()), "ERROR"),
        ];
        for (outcome, level) in table {
            let captured = Captured::begin();
            observe(&spans::process_span("builds", 1), "start", &outcome);
            let lines = captured.lines();
            assert_eq!(lines.len(), 1, "{lines:?}");
            assert_eq!(lines[0]["level"], level, "{}", outcome.as_str());
            assert_eq!(lines[0]["outcome"], outcome.as_str());
        }
    }

    /// A parking queue that is missing or full refuses at each turn.
    #[test]
    fn what_the_parking_queue_refuses_is_not_parked() {
        let after = |settled| parked(ParkReason::TokenExpired, settled).as_str();
        assert_eq!(after(Ok(Settled::Acked)), "parked");
        assert_eq!(after(Ok(Settled::Requeued)), "unsettled");
        assert_eq!(after(Err(SettleError::Stale)), "unsettled");
    }
}
