//! Turns the merged configuration into [`Settings`].

use std::{collections::BTreeMap, net::IpAddr, path::Path, time::Duration};

use url::Url;

use super::{
    BrokerSettings, BuildsApiSettings, Check, CheckSettings, Clocks, EcosystemSettings, Environment,
    ExecutorsSettings, ExportSettings, HttpSettings, LogFormat, Plugin, ResourceSettings, Sampler, Settings,
    SettingsErrors, StartSettings, TelemetrySettings, WebAddress, duration, export, layers, notes::Notes,
    section::Section, unread, variables,
};

use crate::verdict::Reason;

const MINUTES_A_DAY: f64 = 24.0 * 60.0;

// === impl Settings ===

impl Settings {
    /// Reads and validates everything. `config_dir` is the folder of `default.yaml` and `local.yaml`;
    /// `None`: `NODE_CONFIG_DIR`, else `./config`. Files that do not exist are fine.
    ///
    /// # Errors
    /// Everything that is wrong, together.
    pub fn load(env: &dyn Environment, config_dir: Option<&Path>) -> Result<Self, SettingsErrors> {
        Self::check(env, config_dir).settings
    }

    /// The same, with what holds for each key and where it comes from.
    pub fn check(env: &dyn Environment, config_dir: Option<&Path>) -> Check {
        let notes = Notes::default();
        let merged = layers::merge(env, config_dir, &notes);
        let mut settings = Self::read(&Section::root(&merged, &notes), env);
        unread::without_effect(&merged, &notes);
        unread::unknown(&merged, &notes);
        settings.warnings = notes.warnings();
        Check {
            effective: notes.effective(),
            warnings: notes.warnings(),
            settings: notes.unless_wrong(settings),
        }
    }

    fn read(root: &Section<'_>, env: &dyn Environment) -> Self {
        let rabbitmq = root.section("rabbitmq");
        let builds_api = root.section("buildsApi");
        let start = root.section("start");
        let ecosystem = EcosystemSettings::read(&root.section("ecosystem"));
        let executors = ExecutorsSettings::read(&root.section("executor"), &ecosystem);
        warn_of_vm_without_image(&executors, root.notes());
        warn_of_strangers(&ecosystem, root.notes());
        Self {
            broker: BrokerSettings::read(&rabbitmq),
            executors,
            checks: CheckSettings::read(&root.section("checks"), init_timeout(&rabbitmq)),
            start: StartSettings {
                deadline: positive(&start, "deadline", "60m"),
                legacy_consumers: start.boolean_or("legacyConsumers", false),
            },
            builds_api: BuildsApiSettings {
                ca_file: builds_api.file("caFile"),
                timeout: positive(&builds_api, "timeout", "10s"),
            },
            hold: root.section("outage").duration_or("hold", "10s"),
            telemetry: TelemetrySettings::read(&root.section("telemetry"), env),
            http: HttpSettings::read(&root.section("httpd")),
            drain: root.section("shutdown").duration_or("drain", "25s"),
            ecosystem,
            warnings: Vec::new(),
        }
    }
}

/// The defaults are Screwdriver's own installation: a build of another one must not send its logs there.
fn warn_of_strangers(ecosystem: &EcosystemSettings, notes: &Notes) {
    let is_default = |name: &str, address: &WebAddress| {
        let row = variables::all().find(|variable| variable.name == name);
        let host = |address: &str| Some(Url::parse(address).ok()?.host()?.to_owned());
        row.and_then(|row| host(row.default?)) == host(address.as_str())
    };
    if is_default("ECOSYSTEM_API", &ecosystem.api) {
        return;
    }
    for (name, address) in [
        ("ECOSYSTEM_STORE", &ecosystem.store),
        ("ECOSYSTEM_UI", &ecosystem.ui),
    ] {
        if is_default(name, address) {
            notes.warn(format!(
                "ECOSYSTEM_API is an installation of its own, but {name} is not: builds are told {address}"
            ));
        }
    }
}

/// Where builds would go to virtual machines that cannot be made. No problem of the settings: the
/// predecessor's default executor is k8s-vm, and verify-worker never needs the image.
fn warn_of_vm_without_image(executors: &ExecutorsSettings, notes: &Notes) {
    let default = executors.get(&executors.default);
    let lacking = |executor: &&super::ExecutorSettings| {
        executor.plugin == Plugin::K8sVm && executor.pod.base_image.is_none()
    };
    if let Some(executor) = default.filter(lacking) {
        let name = &executor.name;
        notes.warn(format!(
            "the default executor {name} has no baseImage: set K8S_BASE_IMAGE, or EXECUTOR_PLUGIN to another"
        ));
    }
}

/// A duration above zero.
fn positive(section: &Section<'_>, key: &str, default: &str) -> Duration {
    let duration = section.duration_or(key, default);
    if duration.is_zero() {
        section.problem(key, format!("expected {}, above zero", duration::EXPECTED));
    }
    duration
}

/// Minutes, fractions allowed. As in the predecessor 0 means the default.
fn init_timeout(rabbitmq: &Section<'_>) -> Duration {
    let key = "initTimeout";
    let minutes = rabbitmq.number_or(key, 0.0..=MINUTES_A_DAY, "a number of minutes", 0.0);
    let minutes = if minutes > 0.0 { minutes } else { 5.0 };
    rabbitmq.holds(key, minutes);
    // Whole milliseconds, since that is what delay queues are named after; at least one.
    let milliseconds = Duration::from_secs_f64(minutes * 60.0).as_millis();
    Duration::from_millis(u64::try_from(milliseconds).unwrap_or(u64::MAX).max(1))
}

// === impl CheckSettings ===

impl CheckSettings {
    fn read(section: &Section<'_>, init_timeout: Duration) -> Self {
        let clocks = section.section("clocks");
        Self {
            ladder: ladder(section)
                .into_iter()
                .filter(|age| *age < init_timeout)
                .collect(),
            init_timeout,
            watch_running: watch_running(section),
            clocks: Clocks {
                scheduling: positive(&clocks, "scheduling", "15m"),
                pulling: positive(&clocks, "pulling", "15m"),
                initialising: positive(&clocks, "initialising", "5m"),
                starting: positive(&clocks, "starting", "5m"),
                graces: graces(section),
            },
        }
    }
}

/// A pace, or none for 0s. Whole milliseconds, since that is what delay queues are named after.
fn watch_running(section: &Section<'_>) -> Option<Duration> {
    let pace = section.duration("watchRunning").filter(|pace| !pace.is_zero())?;
    if pace < Duration::from_secs(1) {
        section.problem("watchRunning", "expected 1s or more, or 0s for never");
    }
    Some(Duration::from_millis(
        u64::try_from(pace.as_millis()).unwrap_or(u64::MAX),
    ))
}

/// Durations by the labels of reasons.
fn graces(section: &Section<'_>) -> BTreeMap<Reason, Duration> {
    let graces = section.section("graces");
    let named = graces.keys().into_iter().filter_map(|label| {
        let Some(reason) = Reason::parse(label) else {
            graces.problem(
                label,
                "expected a reason of docs/VERDICTS.md, such as image_not_found",
            );
            return None;
        };
        Some((reason, graces.duration(label)?))
    });
    named.collect()
}

/// Ages, rising; as a list or as one text with commas.
fn ladder(section: &Section<'_>) -> Vec<Duration> {
    let texts = section.list("ladder").join(",");
    let steps = texts.split(',').map(str::trim).filter(|text| !text.is_empty());
    let ages: Option<Vec<Duration>> = steps.map(duration::parse).collect();
    let rising = |ages: &Vec<Duration>| {
        let previous = std::iter::once(&Duration::ZERO).chain(ages);
        previous.zip(ages).all(|(previous, age)| previous < age)
    };
    let ages = ages.filter(rising);
    if ages.is_none() {
        section.problem(
            "ladder",
            "expected rising durations above zero with units, such as 15s,60s",
        );
    }
    ages.unwrap_or_default()
}

// === impl TelemetrySettings ===

impl TelemetrySettings {
    fn read(section: &Section<'_>, env: &dyn Environment) -> Self {
        let disabled = section.boolean_or("disabled", false);
        let export = |signal| ExportSettings::read(section, signal).filter(|_| !disabled);
        Self {
            traces: export(&export::TRACES),
            metrics: export(&export::METRICS),
            metric_interval: export::interval(section),
            sampler: Sampler::read(section),
            resource: ResourceSettings::read(section),
            log_filter: log_filter(section),
            log_format: log_format(section, env.logs_to_terminal()),
            delayed_as_child: section.boolean_or("delayedAsChild", true),
            sample_ratio: section.number_or("sampleRatio", 0.0..=1.0, "a share", 1.0),
        }
    }
}

/// The predecessor's levels are those of npm; what it calls `http` and `silly` lies between ours.
fn log_filter(section: &Section<'_>) -> String {
    let levels = [
        ("error", "error"),
        ("warn", "warn"),
        ("info", "info"),
        ("http", "info"),
        ("verbose", "debug"),
        ("debug", "debug"),
        ("silly", "trace"),
        ("trace", "trace"),
    ];
    let level = section.choice_or("logLevel", &levels, "info");
    let filter = section.text("logFilter");
    if !filter.as_deref().is_none_or(is_filter) {
        section.problem(
            "logFilter",
            "expected a filter of tracing, such as info,common::broker=debug",
        );
    }
    filter.unwrap_or_else(|| level.to_owned())
}

/// The library's parser panics on some characters beyond ASCII; names of modules have none.
fn is_filter(text: &str) -> bool {
    text.is_ascii() && tracing_subscriber::EnvFilter::try_new(text).is_ok()
}

fn log_format(section: &Section<'_>, terminal: bool) -> LogFormat {
    let auto = if terminal {
        LogFormat::Text
    } else {
        LogFormat::Json
    };
    let formats = [
        ("json", LogFormat::Json),
        ("text", LogFormat::Text),
        ("auto", auto),
    ];
    section.choice_or("logFormat", &formats, auto)
}

// === impl HttpSettings ===

impl HttpSettings {
    fn read(section: &Section<'_>) -> Self {
        let host = section.text_or("host", "0.0.0.0");
        let address: Result<IpAddr, _> = host.parse();
        if address.is_err() && url::Host::parse(&host).is_err() {
            section.problem(
                "host",
                "expected an address or a name to listen on, such as 0.0.0.0, :: or localhost",
            );
        }
        let port = section.integer_or("port", 0..=u64::from(u16::MAX), "a port", 80);
        Self {
            host,
            port: u16::try_from(port).unwrap_or(80),
        }
    }
}
