//! Keeps one session with the broker alive and feeds its deliveries to the handler.
//!
//! On any error, end of a consumer or closed connection everything is dropped and built anew. Handlers
//! that are under way go on: what they settle on a dead channel is counted as lost and comes again.

use std::{convert::Infallible, error::Error, ops::ControlFlow, sync::Arc, time::Duration};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::StreamExt;
use lapin::Event;
use tokio::{sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    delivery::{Delivery, Settling},
    depth::Depths,
    error::BrokerError,
    names::Queue,
    publisher::{PublishSession, Publisher},
    session::{Arrival, Opening, Session},
    topology::Topology,
};
use crate::{
    handler::{self, Handler},
    health::{Condition, Heartbeat},
    settings::BrokerSettings,
    shutdown::Shutdown,
    telemetry::{
        metrics::{Metrics, labels::NewSession},
        spans::Address,
    },
};

/// Longest that building a session may take: some forty short steps, each of which a broker may answer late.
const OPENING: Duration = Duration::from_secs(60);
/// How often the supervisor shows that it is alive while nothing happens.
const PULSE: Duration = Duration::from_secs(5);

/// What this process consumes.
#[derive(Debug, Clone)]
pub struct Consumption {
    /// The service's name, shown in the broker's list of connections.
    pub service: &'static str,
    /// The queues.
    pub queues: Vec<Queue>,
}

/// How the supervisor shows its state.
#[derive(Debug)]
pub struct Surroundings {
    /// Ready means connected and consuming.
    pub condition: Condition,
    /// Touched as long as the supervisor turns.
    pub heartbeat: Heartbeat,
    /// Reconnects and consumers.
    pub metrics: Metrics,
    /// Whether a check's span is a child of the span that armed it.
    pub delayed_as_child: bool,
}

/// The broker, as a worker knows it: one session after another.
pub struct Broker {
    settings: BrokerSettings,
    topology: Topology,
    consumption: Consumption,
    surroundings: Surroundings,
    sessions: watch::Sender<Option<Arc<PublishSession>>>,
    blocked: watch::Sender<bool>,
    publisher: Publisher,
    tasks: TaskTracker,
}

/// Why serving a session ended.
enum End {
    Draining,
    Lost(BrokerError),
}

// === impl Broker ===

impl Broker {
    /// A supervisor that does nothing before [`Broker::run`].
    pub fn new(
        settings: BrokerSettings,
        topology: Topology,
        consumption: Consumption,
        surroundings: Surroundings,
    ) -> Self {
        let (sessions, session) = watch::channel(None);
        let broker = Address {
            host: settings.host.as_str().into(),
            port: settings.port,
        };
        let metrics = surroundings.metrics.clone();
        let publisher = Publisher::new(topology.names.clone(), session, broker, metrics);
        let (blocked, _) = watch::channel(false);
        Self {
            settings,
            topology,
            consumption,
            surroundings,
            sessions,
            blocked,
            publisher,
            tasks: TaskTracker::new(),
        }
    }

    /// The publisher, for handlers.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Serves until told to drain, then finishes what is in hand for at most `drain`.
    pub async fn run<H: Handler>(self, handler: Arc<H>, shutdown: &Shutdown, drain: Duration) {
        // Who never gets a session must be seen as well.
        self.show_consumers(false);
        let mut pauses = pauses();
        while !shutdown.draining().is_cancelled() {
            let opened = tokio::select! {
                opened = timeout(OPENING, self.open()) => opened.unwrap_or(Err(BrokerError::Timeout { seconds: OPENING.as_secs() })),
                never = self.beat() => match never {},
                () = shutdown.draining().cancelled() => break,
            };
            let (error, after) = match opened {
                Ok(mut session) => {
                    pauses = self::pauses();
                    let end = self.serve(&mut session, &handler, shutdown).await;
                    self.show_consumers(false);
                    match end {
                        End::Draining => {
                            self.surroundings.condition.unready("the worker stops");
                            self.drain(session, shutdown, drain).await;
                            return;
                        }
                        End::Lost(error) => (error, NewSession::Lost),
                    }
                }
                Err(error) => (error, NewSession::NotHad),
            };
            self.report(&error, after);
            self.pause(pauses.next().unwrap_or(PULSE), shutdown).await;
        }
        let _drained = shutdown.bound(drain, self.finish()).await;
    }

    async fn open(&self) -> Result<Session, BrokerError> {
        self.surroundings.heartbeat.beat();
        self.blocked.send_replace(false);
        let opening = self.opening();
        let mut session = opening.open().await?;
        self.sessions.send_replace(Some(session.publishing.clone()));
        session.probe(&self.topology, &self.publisher).await?;
        session.consume(&opening).await?;
        Ok(session)
    }

    /// Shows for ever that the supervisor is alive.
    async fn beat(&self) -> Infallible {
        let mut pulse = tokio::time::interval(PULSE);
        loop {
            pulse.tick().await;
            self.surroundings.heartbeat.beat();
        }
    }

    fn opening(&self) -> Opening<'_> {
        Opening {
            settings: &self.settings,
            topology: &self.topology,
            queues: &self.consumption.queues,
            service: self.consumption.service,
            blocked: self.blocked.subscribe(),
        }
    }

    async fn serve<H: Handler>(&self, session: &mut Session, handler: &Arc<H>, shutdown: &Shutdown) -> End {
        self.surroundings.condition.ready();
        self.show_consumers(true);
        tracing::info!(queues = ?self.consumption.queues, "consuming");
        let mut pulse = tokio::time::interval(PULSE);
        let blocked = self.blocked.subscribe();
        let depths = Depths::new(&self.topology.names, &self.consumption.queues);
        let watching = depths.watch(session.watching.clone(), &self.surroundings.metrics);
        tokio::pin!(watching);
        loop {
            // While the broker blocks us, nothing could be published: take no more.
            let intake = !*blocked.borrow();
            let turn = tokio::select! {
                () = shutdown.draining().cancelled() => return End::Draining,
                _ = pulse.tick() => { self.surroundings.heartbeat.beat(); ControlFlow::Continue(()) }
                event = session.publish_events.next() => self.on_event(event),
                event = session.consume_events.next() => self.on_event(event),
                destination = session.publishing.unroutable() => ControlFlow::Break(BrokerError::Unroutable { destination }),
                never = &mut watching => match never {},
                arrival = session.deliveries.next(), if intake => {
                    if let Some((queue, _)) = &arrival {
                        depths.moved(*queue);
                    }
                    self.on_arrival(arrival, handler, shutdown.draining())
                }
            };
            if let ControlFlow::Break(error) = turn {
                return End::Lost(error);
            }
        }
    }

    fn show_consumers(&self, up: bool) {
        for queue in &self.consumption.queues {
            self.surroundings.metrics.consumer_up(*queue, up);
        }
    }

    fn on_event(&self, event: Option<Event>) -> ControlFlow<BrokerError> {
        match event {
            Some(Event::ConnectionBlocked(reason)) => {
                tracing::warn!(reason, "the broker blocks publishers: intake pauses");
                self.blocked.send_replace(true);
                self.surroundings
                    .condition
                    .unready("the broker blocks publishers (memory or disk alarm)");
            }
            Some(Event::ConnectionUnblocked) => {
                tracing::info!("the broker takes messages again: intake goes on");
                self.blocked.send_replace(false);
                self.surroundings.condition.ready();
            }
            Some(Event::Error(error)) => return ControlFlow::Break(BrokerError::Connection(error)),
            // Connected and flow control need nothing.
            Some(_) => {}
            None => return ControlFlow::Break(BrokerError::Closed),
        }
        ControlFlow::Continue(())
    }

    fn on_arrival<H: Handler>(
        &self,
        arrival: Option<(Queue, Arrival)>,
        handler: &Arc<H>,
        draining: &CancellationToken,
    ) -> ControlFlow<BrokerError> {
        match arrival {
            Some((queue, Ok(delivery))) => {
                let name = self.topology.names.queue(queue);
                let delivery = Delivery::new(
                    delivery,
                    queue,
                    name,
                    Settling {
                        publisher: self.publisher.clone(),
                        draining: draining.clone(),
                    },
                );
                let (handler, metrics) = (handler.clone(), self.surroundings.metrics.clone());
                let as_child = self.surroundings.delayed_as_child;
                self.tasks.spawn(async move {
                    handler::deliver(handler.as_ref(), delivery, &metrics, as_child).await;
                });
                ControlFlow::Continue(())
            }
            Some((_, Err(Some(error)))) => ControlFlow::Break(BrokerError::Connection(error)),
            Some((queue, Err(None))) => ControlFlow::Break(BrokerError::ConsumerEnded {
                queue: self.topology.names.queue(queue),
            }),
            // Each says so before it ends.
            None => ControlFlow::Break(BrokerError::Closed),
        }
    }

    /// First stop taking, then finish, then close: acks need their channels to the end.
    async fn drain(&self, session: Session, shutdown: &Shutdown, drain: Duration) {
        let finished = async {
            session.cancel().await;
            self.finish().await;
        };
        if let Err(aborted) = shutdown.bound(drain, finished).await {
            let under_way = self.tasks.len();
            tracing::warn!(
                error = &aborted as &dyn Error,
                under_way,
                "deliveries stay with the broker"
            );
        }
        self.sessions.send_replace(None);
        session.close().await;
    }

    async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn pause(&self, pause: Duration, shutdown: &Shutdown) {
        let _draining = timeout(pause, shutdown.draining().cancelled()).await;
        self.surroundings.heartbeat.beat();
    }

    fn report(&self, error: &BrokerError, after: NewSession) {
        self.sessions.send_replace(None);
        self.surroundings.metrics.reconnects(after);
        tracing::error!(
            error = error as &dyn Error,
            "no session with the broker; trying again"
        );
        self.surroundings.condition.unready(error.to_string());
    }
}

/// 0.5 s to 30 s with jitter, so that replicas do not come back in step.
fn pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::new()
        .with_min_delay(Duration::from_millis(500))
        .with_max_delay(Duration::from_secs(30))
        .with_jitter()
        .without_max_times()
        .build()
}

impl std::fmt::Debug for Broker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Broker")
            .field("consumption", &self.consumption)
            .finish_non_exhaustive()
    }
}
