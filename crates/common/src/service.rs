//! A worker's surroundings: built before its handler, run with it, and taken down in the opposite order.
//!
//! Start: signals, clients, health (live, not ready), broker, ready. Stop: not ready, stop taking, finish what is
//! in hand, close.

use std::{collections::HashMap, sync::Arc};

use screwdriver_api_client::SetupError;

use crate::{
    broker::{Broker, Consumption, Publisher, Queue, supervisor::Surroundings, topology::Topology},
    builds::BuildsApi,
    cluster::ClusterError,
    handler::Handler,
    health::{Health, HealthError, HealthServer, Heartbeat, Readiness},
    outage::Waiting,
    policy::Policy,
    settings::Settings,
    shutdown::{Shutdown, SignalError, Signals},
    site::Site,
    telemetry::metrics::{Metrics, labels::Peer},
};

/// What a worker starts with.
#[derive(Debug)]
pub struct Process {
    /// The service's name in logs, traces and the broker's list of connections.
    pub service: &'static str,
    /// What the operator set.
    pub settings: Settings,
    /// Counters.
    pub metrics: Metrics,
}

/// A worker's surroundings, before its handler is known.
#[derive(Debug)]
pub struct Service {
    policy: Policy,
    metrics: Metrics,
    shutdown: Shutdown,
    signals: Signals,
    readiness: Readiness,
    heartbeat: Heartbeat,
    broker: Broker,
}

/// Why a worker cannot run at all. Whatever the world can mend is not among it: that is waited for.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// An executor cannot be set up.
    #[error("executor {executor} cannot be set up")]
    Executor {
        /// Its name.
        executor: String,
        /// Why.
        #[source]
        source: ClusterError,
    },
    /// The client of the builds API cannot be set up.
    #[error("the client of the builds API cannot be set up: check API_CA_FILE")]
    BuildsApi(#[source] SetupError),
    /// Signals cannot be listened for.
    #[error(transparent)]
    Signals(#[from] SignalError),
    /// Health cannot be served.
    #[error(transparent)]
    Health(#[from] HealthError),
}

// === impl Service ===

impl Service {
    /// Sets up everything but the handler. Nothing is connected yet.
    ///
    /// # Errors
    /// Signals cannot be listened for.
    pub fn new(process: Process, queues: Vec<Queue>) -> Result<Self, ServiceError> {
        let (shutdown, signals) = Shutdown::on_signals()?;
        let Process {
            service,
            settings,
            metrics,
        } = process;
        let policy = Policy::new(settings);
        let settings = &policy.settings;
        let (readiness, heartbeat) = (Readiness::new(), Heartbeat::new());
        let surroundings = Surroundings {
            condition: readiness.condition("broker"),
            heartbeat: heartbeat.clone(),
            metrics: metrics.clone(),
            delayed_as_child: settings.telemetry.delayed_as_child,
        };
        let topology = Topology::new(&settings.broker, &policy.ladder);
        let consumption = Consumption { service, queues };
        let broker = Broker::new(settings.broker.clone(), topology, consumption, surroundings);
        Ok(Self {
            policy,
            metrics,
            shutdown,
            signals,
            readiness,
            heartbeat,
            broker,
        })
    }

    /// What decides beside a message.
    pub fn policy(&self) -> Policy {
        self.policy.clone()
    }

    /// Counters.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Cancelled when no more work may be taken and what is in hand should end soon.
    pub fn draining(&self) -> tokio_util::sync::CancellationToken {
        self.shutdown.draining().clone()
    }

    /// Publishes to queues of ours.
    pub fn publisher(&self) -> Publisher {
        self.broker.publisher()
    }

    /// One site per executor, by its name.
    ///
    /// # Errors
    /// An address or a certificate file cannot be used.
    pub fn sites(&self) -> Result<HashMap<String, Site>, ServiceError> {
        let all = self.policy.settings.executors.all.iter();
        all.map(|executor| {
            let site = Site::new(executor, self.waiting(Peer::Cluster));
            let named = |source| ServiceError::Executor {
                executor: executor.name.clone(),
                source,
            };
            Ok((executor.name.clone(), site.map_err(named)?))
        })
        .collect()
    }

    /// The builds APIs that messages name.
    ///
    /// # Errors
    /// The file of certificate authorities cannot be used.
    pub fn builds_api(&self) -> Result<BuildsApi, ServiceError> {
        BuildsApi::new(&self.policy.settings.builds_api, self.waiting(Peer::BuildsApi))
            .map_err(ServiceError::BuildsApi)
    }

    fn waiting(&self, peer: Peer) -> Waiting {
        let (draining, metrics) = (self.shutdown.draining().clone(), self.metrics.clone());
        Waiting {
            hold: self.policy.settings.hold,
            draining,
            metrics,
            peer,
        }
    }

    /// Serves until the process is told to stop and what is in hand is finished.
    ///
    /// # Errors
    /// Signals or health cannot be had.
    pub async fn run<H: Handler>(self, handler: Arc<H>) -> Result<(), ServiceError> {
        let Self {
            policy,
            metrics,
            shutdown,
            signals,
            readiness,
            heartbeat,
            broker,
        } = self;
        let health = Health {
            readiness,
            heartbeat,
            metrics,
        };
        let server = HealthServer::bind(&policy.settings.http).await?;
        let stop = tokio_util::sync::CancellationToken::new();
        let serving = server.serve(health, stop.clone());
        let working = async {
            broker.run(handler, &shutdown, policy.settings.drain).await;
            stop.cancel();
        };
        let (health_ended, ()) = tokio::join!(serving, working);
        drop(signals);
        Ok(health_ended?)
    }
}
