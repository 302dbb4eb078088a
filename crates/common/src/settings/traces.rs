//! Where traces go and which are kept: the standard variables of OpenTelemetry. Headers may hold a collector's
//! token, so they are never shown.

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::section::Section;

/// The only protocol that the exporter speaks.
const PROTOCOL: &str = "http/protobuf";

/// Where traces go, which are kept, and as whose.
#[derive(Debug, Clone)]
pub struct TracesSettings {
    /// The whole address that spans are posted to. Its user and password are not to be shown.
    pub endpoint: SecretUrl,
    /// Headers of every export, values decoded.
    pub headers: Vec<(String, SecretString)>,
    /// Which traces are kept.
    pub sampler: Sampler,
    /// Name of the service instead of the worker's own.
    pub service_name: Option<String>,
    /// What else is said about the process: names and values.
    pub resource_attributes: Vec<(String, String)>,
}

/// An address that may hold a password.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(pub Url);

/// Which traces are kept. The share of those that go by it is [`TelemetrySettings::sample_ratio`].
///
/// [`TelemetrySettings::sample_ratio`]: super::TelemetrySettings::sample_ratio
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampler {
    /// What the producer decided; all new ones.
    ParentOrAll,
    /// What the producer decided; no new one.
    ParentOrNone,
    /// What the producer decided; a share of the new ones.
    ParentOrShare,
    /// All.
    All,
    /// None.
    None,
    /// A share, whatever the producer decided.
    Share,
}

// === impl TracesSettings ===

impl TracesSettings {
    /// `base` is the address for all signals. `None`: there is no address.
    pub(super) fn read(section: &Section<'_>, base: Option<&Url>) -> Option<Self> {
        let own: Option<Url> = section.url("otlpTracesEndpoint").and_then(|url| url.parse().ok());
        let endpoint = own.or_else(|| base.map(traces_address));
        protocol(section, "otlpProtocol");
        protocol(section, "otlpTracesProtocol");
        let for_all = headers(section, "otlpHeaders");
        let for_traces = headers(section, "otlpTracesHeaders");
        let headers = for_traces.or(for_all).unwrap_or_default();
        let sampler = sampler(section);
        let service_name = section.text("serviceName");
        let attributes = section.text("resourceAttributes");
        let resource_attributes = pairs(attributes.as_deref().unwrap_or_default());
        if resource_attributes.is_none() {
            section.problem("resourceAttributes", "expected pairs such as team=builds,zone=eu");
        }
        Some(Self {
            endpoint: SecretUrl(endpoint?),
            headers,
            sampler,
            service_name,
            resource_attributes: resource_attributes.unwrap_or_default(),
        })
    }
}

/// The path of traces is added to the address for all signals; one of their own is taken as it is.
fn traces_address(base: &Url) -> Url {
    let mut address = base.clone();
    let path = format!("{}/v1/traces", base.path().trim_end_matches('/'));
    address.set_path(&path);
    address
}

/// The standard has samplers that are not here: no reason to stop building.
fn sampler(section: &Section<'_>) -> Sampler {
    let word = section.text_or("sampler", "parentbased_traceidratio");
    let known = Sampler::WORDS.iter().find(|(known, _)| *known == word);
    known.map_or_else(
        || {
            section.notes().warn(format!(
                "{} asks for a sampler that there is not: traces are kept as by parentbased_traceidratio",
                section.place_of("sampler")
            ));
            Sampler::ParentOrShare
        },
        |(_, sampler)| *sampler,
    )
}

/// Another protocol is no reason to stop building: the collector is asked in ours.
fn protocol(section: &Section<'_>, key: &str) {
    let protocol = section.text_or(key, PROTOCOL);
    if protocol != PROTOCOL {
        section.notes().warn(format!(
            "{} asks for a protocol that is not spoken: traces are sent as {PROTOCOL}",
            section.place_of(key)
        ));
    }
}

fn headers(section: &Section<'_>, key: &str) -> Option<Vec<(String, SecretString)>> {
    let text = section.secret(key)?;
    let pairs = pairs(text.expose_secret()).filter(|pairs| pairs.iter().all(is_header));
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

/// `name=value,name=value`, values percent-encoded as W3C Baggage has it. `None`: it is not that.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            let name = name.trim();
            (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
        })
        .collect()
}

// === impl Sampler ===

impl Sampler {
    const WORDS: [(&'static str, Self); 6] = [
        ("parentbased_traceidratio", Self::ParentOrShare),
        ("parentbased_always_on", Self::ParentOrAll),
        ("parentbased_always_off", Self::ParentOrNone),
        ("traceidratio", Self::Share),
        ("always_on", Self::All),
        ("always_off", Self::None),
    ];
}

// === impl SecretUrl ===

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&super::ecosystem::without_password(self.0.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_traces_is_added_to_the_base() {
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
            let address = traces_address(&base.parse().unwrap());
            assert_eq!(address.as_str(), expected, "{base}");
        }
    }

    #[test]
    fn pairs_are_read_as_the_convention_has_them() {
        let read = |text| pairs(text).map(|pairs| format!("{pairs:?}"));
        let table = [
            ("", Some("[]")),
            ("a=b", Some(r#"[("a", "b")]"#)),
            (" a = b%20c , d=e=f, ", Some(r#"[("a", "b c"), ("d", "e=f")]"#)),
            ("a", None),
            ("=b", None),
        ];
        for (text, expected) in table {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }
}
