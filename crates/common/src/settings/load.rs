//! Turns the merged configuration into [`Settings`].

use std::{collections::BTreeMap, net::IpAddr, path::Path, path::PathBuf, time::Duration};

use super::{
    BrokerSettings, BuildsApiSettings, CheckSettings, Clocks, EcosystemSettings, Environment,
    ExecutorsSettings, HttpSettings, LogFormat, Plugin, Settings, SettingsErrors, StartSettings,
    TelemetrySettings, duration, layers,
    problems::Problems,
    section::Section,
    variables::{self, Place},
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
        let problems = Problems::default();
        let merged = layers::merge(env, config_dir, &problems);
        let settings = Self::read(&Section::root(&merged, &problems), env, &problems);
        problems.unless_any(settings)
    }

    fn read(root: &Section<'_>, env: &dyn Environment, problems: &Problems) -> Self {
        let rabbitmq = root.section("rabbitmq");
        let builds_api = root.section("buildsApi");
        let ecosystem = EcosystemSettings::read(&root.section("ecosystem"));
        let mut warnings = without_effect(env);
        let executors = ExecutorsSettings::read(&root.section("executor"), &ecosystem, &mut warnings);
        warnings.extend(vm_without_image(&executors));
        Self {
            broker: BrokerSettings::read(&rabbitmq, problems),
            executors,
            checks: CheckSettings::read(&root.section("checks"), init_timeout(&rabbitmq)),
            start: StartSettings {
                deadline: positive(&root.section("start"), "deadline", 3_600),
                legacy_consumers: root.section("start").boolean("legacyConsumers").unwrap_or(false),
            },
            builds_api: BuildsApiSettings {
                ca_file: builds_api.text("caFile").map(PathBuf::from),
                timeout: positive(&builds_api, "timeout", 10),
            },
            hold: root
                .section("outage")
                .duration("hold")
                .unwrap_or(Duration::from_secs(10)),
            telemetry: TelemetrySettings::read(&root.section("telemetry"), env),
            http: HttpSettings::read(&root.section("httpd")),
            drain: root
                .section("shutdown")
                .duration("drain")
                .unwrap_or(Duration::from_secs(25)),
            ecosystem,
            warnings,
        }
    }
}

/// The predecessor's variables that are set and do nothing.
fn without_effect(env: &dyn Environment) -> Vec<String> {
    let idle = variables::all().filter(|row| row.place == Place::Nowhere);
    let set = idle.filter(|row| env.variable(row.name).is_some_and(|value| !value.is_empty()));
    set.map(|row| format!("{} has {}", row.name, row.doc)).collect()
}

/// Where builds would go to virtual machines that cannot be made. No problem of the settings: the
/// predecessor's default executor is k8s-vm, and verify-worker never needs the image.
fn vm_without_image(executors: &ExecutorsSettings) -> Option<String> {
    let executor = executors.get(&executors.default)?;
    let lacking = executor.plugin == Plugin::K8sVm && executor.pod.base_image.is_none();
    lacking.then(|| {
        let name = &executor.name;
        format!(
            "the default executor {name} has no baseImage: set K8S_BASE_IMAGE, or EXECUTOR_PLUGIN to another"
        )
    })
}

/// A duration above zero; `default` in seconds.
fn positive(section: &Section<'_>, key: &str, default: u64) -> Duration {
    let duration = section.duration(key);
    if duration.is_some_and(|duration| duration.is_zero()) {
        section.problem(key, format!("expected {}, above zero", duration::EXPECTED));
    }
    duration.unwrap_or(Duration::from_secs(default))
}

/// Minutes, fractions allowed. As in the predecessor 0 means the default.
fn init_timeout(rabbitmq: &Section<'_>) -> Duration {
    let minutes = rabbitmq
        .number("initTimeout", 0.0..=MINUTES_A_DAY, "a number of minutes")
        .unwrap_or(0.0);
    let minutes = if minutes > 0.0 { minutes } else { 5.0 };
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
                scheduling: positive(&clocks, "scheduling", 15 * 60),
                pulling: positive(&clocks, "pulling", 15 * 60),
                initialising: positive(&clocks, "initialising", 5 * 60),
                starting: positive(&clocks, "starting", 5 * 60),
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
        let endpoint = section.url("otlpEndpoint").and_then(|url| url.parse().ok());
        let disabled = section.boolean("disabled").unwrap_or(false);
        Self {
            otlp_endpoint: endpoint.filter(|_| !disabled),
            log_filter: log_filter(section),
            log_format: log_format(section, env.logs_to_terminal()),
            delayed_as_child: section.boolean("delayedAsChild").unwrap_or(true),
            sample_ratio: section.number("sampleRatio", 0.0..=1.0, "a share").unwrap_or(1.0),
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
    let level = section.choice("logLevel", &levels).unwrap_or("info");
    let filter = section.text("logFilter");
    if filter
        .as_ref()
        .is_some_and(|filter| tracing_subscriber::EnvFilter::try_new(filter).is_err())
    {
        section.problem(
            "logFilter",
            "expected a filter of tracing, such as info,common::broker=debug",
        );
    }
    filter.unwrap_or_else(|| level.to_owned())
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
    section.choice("logFormat", &formats).unwrap_or(auto)
}

// === impl HttpSettings ===

impl HttpSettings {
    fn read(section: &Section<'_>) -> Self {
        let host = section.text("host").unwrap_or_else(|| "0.0.0.0".to_owned());
        let address = if host == "localhost" {
            Some(IpAddr::from([127, 0, 0, 1]))
        } else {
            host.parse().ok()
        };
        if address.is_none() {
            section.problem(
                "host",
                "expected an IP address to listen on, such as 0.0.0.0 or ::",
            );
        }
        let port = section.integer("port", 0..=u64::from(u16::MAX), "a port");
        Self {
            host: address.unwrap_or(IpAddr::from([0, 0, 0, 0])),
            port: port.and_then(|port| u16::try_from(port).ok()).unwrap_or(80),
        }
    }
}
