//! Where traces and metrics go: the standard variables of OpenTelemetry's exporters, for all signals and for one.
//! Headers may hold a collector's token, so they are never shown. No word that is not known stops a worker.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::{ecosystem::without_password, pairs, section::Section};

/// The only protocol that the exporters speak.
const PROTOCOL: &str = "http/protobuf";
/// The only exporter that sends anything.
const OTLP: &str = "otlp";
/// The standard's own limit of one export, in milliseconds.
const TIMEOUT: u64 = 10_000;
/// The standard's own pause between two pushes of metrics, in milliseconds.
const INTERVAL: u64 = 60_000;

/// Where one signal goes.
#[derive(Debug, Clone)]
pub struct ExportSettings {
    /// The whole address that is posted to. Its user and password are not to be shown.
    pub endpoint: SecretUrl,
    /// Headers of every export, values decoded.
    pub headers: Vec<(String, SecretString)>,
    /// Longest that one export may take.
    pub timeout: Duration,
}

/// An address that may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(pub Url);

/// What is exported, and the keys of what is said of it alone.
pub(super) struct Signal {
    name: &'static str,
    /// What is added to the address for all signals.
    path: &'static str,
    exporter: &'static str,
    /// Exporters that send nothing and are no mistake.
    silent: &'static [&'static str],
    endpoint: &'static str,
    headers: &'static str,
    protocol: &'static str,
    timeout: &'static str,
}

pub(super) const TRACES: Signal = Signal {
    name: "traces",
    path: "/v1/traces",
    exporter: "tracesExporter",
    silent: &["none"],
    endpoint: "otlpTracesEndpoint",
    headers: "otlpTracesHeaders",
    protocol: "otlpTracesProtocol",
    timeout: "otlpTracesTimeout",
};

pub(super) const METRICS: Signal = Signal {
    name: "metrics",
    path: "/v1/metrics",
    exporter: "metricsExporter",
    // Whom they are served to on /metrics.
    silent: &["none", "prometheus"],
    endpoint: "otlpMetricsEndpoint",
    headers: "otlpMetricsHeaders",
    protocol: "otlpMetricsProtocol",
    timeout: "otlpMetricsTimeout",
};

// === impl ExportSettings ===

impl ExportSettings {
    /// `None`: there is no address, or no export is wanted.
    pub(super) fn read(section: &Section<'_>, signal: &Signal) -> Option<Self> {
        let address = |key| -> Option<Url> { section.url(key)?.parse().ok() };
        let all = address("otlpEndpoint").map(|base| beneath(&base, signal.path));
        let endpoint = address(signal.endpoint).or(all);
        for key in ["otlpProtocol", signal.protocol] {
            protocol(section, signal, key);
        }
        let all = headers(section, "otlpHeaders");
        let headers = headers(section, signal.headers).or(all).unwrap_or_default();
        let all = milliseconds(section, "otlpTimeout");
        let timeout = milliseconds(section, signal.timeout).or(all);
        is_wanted(section, signal)
            .then_some(endpoint)
            .flatten()
            .map(|endpoint| Self {
                endpoint: SecretUrl(endpoint),
                headers,
                timeout: timeout.unwrap_or(Duration::from_millis(TIMEOUT)),
            })
    }
}

/// The signal's path is added to the address for all; one of its own is taken as it is.
fn beneath(base: &Url, path: &str) -> Url {
    let mut address = base.clone();
    address.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    address
}

/// As the standard has it: a list, in which what is not known counts as not said.
fn is_wanted(section: &Section<'_>, signal: &Signal) -> bool {
    let text = section.text_or(signal.exporter, OTLP);
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    let (silent, others): (Vec<&str>, Vec<&str>) = words.partition(|word| signal.silent.contains(word));
    if others.iter().any(|word| *word != OTLP) {
        let rest = if others.contains(&OTLP) || silent.is_empty() {
            format!("{} go to the collector, if one is set", signal.name)
        } else {
            format!("{} are not sent", signal.name)
        };
        section.notes().warn(format!(
            "{} asks for an exporter that there is not: {rest}",
            section.place_of(signal.exporter)
        ));
    }
    others.contains(&OTLP) || silent.is_empty()
}

/// Another protocol is no reason to stop building: the collector is asked in ours.
fn protocol(section: &Section<'_>, signal: &Signal, key: &str) {
    if section.text_or(key, PROTOCOL) != PROTOCOL {
        section.notes().warn(format!(
            "{} asks for a protocol that is not spoken: {} are sent as {PROTOCOL}",
            section.place_of(key),
            signal.name
        ));
    }
}

/// Milliseconds between two pushes of metrics.
pub(super) fn interval(section: &Section<'_>) -> Duration {
    milliseconds(section, "metricExportInterval").unwrap_or(Duration::from_millis(INTERVAL))
}

/// Milliseconds, above zero.
fn milliseconds(section: &Section<'_>, key: &str) -> Option<Duration> {
    let text = section.text(key)?;
    let milliseconds = text.parse().ok().filter(|milliseconds| *milliseconds > 0);
    if milliseconds.is_none() {
        section.notes().warn(format!(
            "{} is no number of milliseconds above zero, and counts as not set",
            section.place_of(key)
        ));
    }
    milliseconds.map(Duration::from_millis)
}

fn headers(section: &Section<'_>, key: &str) -> Option<Vec<(String, SecretString)>> {
    let text = section.secret(key)?;
    let pairs = pairs::parse(text.expose_secret()).filter(|pairs| pairs.iter().all(is_header));
    if pairs.is_none() {
        section.problem(key, "expected headers such as name=value,name=value");
    }
    let secret = |(name, value): (String, String)| (name, SecretString::from(value));
    Some(pairs?.into_iter().map(secret).collect())
}

fn is_header((name, value): &(String, String)) -> bool {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    name.chars().all(token) && value.chars().all(|c| (' '..='~').contains(&c))
}

// === impl SecretUrl ===

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&without_password(self.0.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_a_signal_is_added_to_the_base() {
        let table = [
            ("http://collector:4318", "http://collector:4318/v1/traces"),
            ("http://collector:4318/", "http://collector:4318/v1/traces"),
            ("https://collector/otlp", "https://collector/otlp/v1/traces"),
            (
                "https://collector/otlp?key=x",
                "https://collector/otlp/v1/traces?key=x",
            ),
        ];
        for (base, expected) in table {
            let address = beneath(&base.parse().unwrap(), TRACES.path);
            assert_eq!(address.as_str(), expected, "{base}");
        }
    }
}
