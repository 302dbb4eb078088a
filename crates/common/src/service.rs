//! What both binaries do in the same order: TLS provider, settings, telemetry, health, broker; and the
//! same backwards.
//!
//! Start: settings with all problems at once (exit 64), telemetry, health (live, not ready), clients,
//! broker, ready. Stop: not ready, stop taking, finish what is in hand, close, flush, exit 0.

use std::{
    collections::HashMap, error::Error, num::NonZero, path::Path, process::ExitCode, sync::Arc,
    time::Duration,
};

use screwdriver_api_client::SetupError;

use crate::{
    broker::{Broker, Consumption, Publisher, Queue, supervisor::Surroundings, topology::Topology},
    builds::BuildsApi,
    cluster::ClusterError,
    command_line::{self, Tool, Wish},
    handler::Handler,
    health::{Health, HealthError, HealthServer, Heartbeat, Readiness},
    outage::Waiting,
    policy::Policy,
    settings::{ProcessEnvironment, Settings},
    shutdown::{Shutdown, SignalError, Signals},
    site::Site,
    telemetry::{
        Telemetry,
        metrics::{Metrics, labels::Peer},
    },
};

/// `EX_USAGE`: the settings are wrong, and no restart mends them.
const EXIT_SETTINGS: u8 = 64;
/// Longest that exporting the last spans may take.
const FLUSH: Duration = Duration::from_secs(2);

/// Most threads of the runtime. Deliveries wait for peers nearly all of their time: two threads start more builds
/// than an API server takes, and each more costs wake-ups and memory on machines of many cores.
const MOST_THREADS: usize = 2;

/// Longest that threads which cannot be stopped are waited for at the end.
const LEFTOVERS: Duration = Duration::from_millis(500);

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

/// The whole of a worker's `main`: runs it, or one of its tools.
#[expect(clippy::print_stderr, reason = "before telemetry begins there is no log")]
pub fn main<Run, Running>(service: &'static str, version: &'static str, tools: &[Tool], run: Run) -> ExitCode
where
    Run: FnOnce(Process) -> Running,
    Running: Future<Output = Result<(), ServiceError>>,
{
    let config_dir = match command_line::parse(service, version, tools) {
        Wish::Run(config_dir) => config_dir,
        Wish::CheckConfig(config_dir) => return check_config(config_dir.as_deref()),
        Wish::Done(code) => return code,
    };
    // Before anything connects: every TLS client of the process uses this provider.
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("a TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    let settings = match Settings::load(&ProcessEnvironment, config_dir.as_deref()) {
        Ok(settings) => settings,
        Err(problems) => {
            eprintln!("{problems}");
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    // Outside the runtime: the exporter has a thread and a client of its own, which must not be dropped in one.
    let telemetry = match Telemetry::init(&settings.telemetry, service, version) {
        Ok(telemetry) => telemetry,
        Err(error) => {
            eprintln!("{error}: {}", chain(&error));
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores.min(MOST_THREADS))
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(error = &error as &dyn Error, "no runtime");
            return ExitCode::FAILURE;
        }
    };
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let process = Process {
        service,
        settings,
        metrics: telemetry.metrics().clone(),
    };
    let code = runtime.block_on(async {
        let ended = run(process).await;
        let code = exit_code(&ended);
        if let Err(error) = ended {
            tracing::error!(error = &error as &dyn Error, "the worker cannot run");
        }
        telemetry.shutdown(FLUSH).await;
        code
    });
    // A file system that does not answer keeps its thread: it is not waited for.
    runtime.shutdown_timeout(LEFTOVERS);
    code
}

/// Prints the settings that hold, or else all that is wrong with them.
#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool's output")]
fn check_config(config_dir: Option<&Path>) -> ExitCode {
    let check = Settings::check(&ProcessEnvironment, config_dir);
    for warning in &check.warnings {
        eprintln!("warning: {warning}");
    }
    match &check.settings {
        Ok(_) => {
            print!("{check}");
            ExitCode::SUCCESS
        }
        Err(problems) => {
            eprintln!("{problems}");
            ExitCode::from(EXIT_SETTINGS)
        }
    }
}

fn exit_code(ended: &Result<(), ServiceError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(ServiceError::Executor { .. } | ServiceError::BuildsApi(_)) => ExitCode::from(EXIT_SETTINGS),
        Err(ServiceError::Signals(_) | ServiceError::Health(_)) => ExitCode::FAILURE,
    }
}

fn chain(error: &dyn Error) -> String {
    let mut texts = Vec::new();
    let mut next = error.source();
    while let Some(source) = next {
        texts.push(source.to_string());
        next = source.source();
    }
    texts.join(": ")
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
