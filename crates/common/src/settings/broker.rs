//! Reads the broker's settings.

use std::{num::NonZeroU16, path::PathBuf, time::Duration};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use super::{BrokerSettings, Protocol, TopologyMode, layers, problems::Problems, secret, section::Section};

const PROTOCOLS: &[(&str, Protocol)] = &[("amqp", Protocol::Amqp), ("amqps", Protocol::Amqps)];
const TOPOLOGIES: &[(&str, TopologyMode)] = &[
    ("existing", TopologyMode::Existing),
    ("declare", TopologyMode::Declare),
];
const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(20);
const DEFAULT_PREFETCH: NonZeroU16 = NonZeroU16::MIN.saturating_add(19);
const DEFAULT_REPROCESS_LIMIT: u32 = 5;

// === impl BrokerSettings ===

impl BrokerSettings {
    pub(super) fn read(section: &Section<'_>, problems: &Problems) -> Self {
        Self {
            protocol: section.choice("protocol", PROTOCOLS).unwrap_or(Protocol::Amqp),
            host: section.required("host"),
            port: port(section),
            vhost: section
                .text("vhost")
                .map_or_else(|| "/".to_owned(), |path| vhost(&path)),
            username: section.required("username"),
            password: secret::read(section, "password", "passwordFile").unwrap_or_else(empty_secret),
            heartbeat: heartbeat(section, problems),
            exchange: section.required("exchange"),
            queue: section.required("queue"),
            retry_queue: section.required("retryQueue"),
            retry_queue_enabled: section.boolean("retryQueueEnabled").unwrap_or(false),
            prefetch: prefetch(section),
            message_reprocess_limit: reprocess_limit(section),
            topology: section
                .choice("topology", TOPOLOGIES)
                .unwrap_or(TopologyMode::Existing),
            ca_file: section.text("caFile").map(PathBuf::from),
        }
    }
}

/// The vhost's name from the path of a URI: `/screwdriver` is `screwdriver`; `/` and `/%2F` are `/`.
fn vhost(path: &str) -> String {
    let name = percent_decode_str(path.strip_prefix('/').unwrap_or(path))
        .decode_utf8_lossy()
        .into_owned();
    if name.is_empty() { "/".to_owned() } else { name }
}

fn port(section: &Section<'_>) -> u16 {
    let port = section.integer("port", 1..=u64::from(u16::MAX), "a port");
    port.and_then(|port| u16::try_from(port).ok()).unwrap_or(5672)
}

fn prefetch(section: &Section<'_>) -> NonZeroU16 {
    let key = "prefetchCount";
    let count = section.text(key).and_then(|text| text.trim().parse().ok());
    let prefetch = count.and_then(NonZeroU16::new);
    if prefetch.is_none() && section.has(key) {
        section.problem(
            key,
            "expected a whole number from 1 to 65535; 0 would be no limit, and the limit is what keeps \
             this process from taking more than it can handle",
        );
    }
    prefetch.unwrap_or(DEFAULT_PREFETCH)
}

fn reprocess_limit(section: &Section<'_>) -> u32 {
    let limit = section.integer("messageReprocessLimit", 0..=1_000, "a whole number of retries");
    limit
        .and_then(|limit| u32::try_from(limit).ok())
        .unwrap_or(DEFAULT_REPROCESS_LIMIT)
}

/// `connectOptions` is JSON in a text in the predecessor's files; a table does as well.
fn heartbeat(section: &Section<'_>, problems: &Problems) -> Duration {
    let key = "connectOptions";
    let seconds = |options: &Section<'_>| {
        options
            .integer(
                "heartbeatIntervalInSeconds",
                1..=u64::from(u16::MAX),
                "a whole number of seconds",
            )
            .map(Duration::from_secs)
    };
    let configured = match section.scalar(key) {
        Some(text) => {
            let parsed = layers::from_json5(&text, &section.place_of(key), problems);
            parsed.and_then(|value| seconds(&Section::root(&value, problems)))
        }
        None => seconds(&section.section(key)),
    };
    configured.unwrap_or(DEFAULT_HEARTBEAT)
}

fn empty_secret() -> SecretString {
    SecretString::from(String::new())
}

#[cfg(test)]
mod tests {
    use super::vhost;

    #[test]
    fn the_vhost_is_the_path_of_a_uri() {
        let cases = [
            ("/screwdriver", "screwdriver"),
            ("screwdriver", "screwdriver"),
            ("/", "/"),
            ("/%2F", "/"),
            ("/%2f", "/"),
            ("/a%20b", "a b"),
            ("//a", "/a"),
        ];
        for (path, name) in cases {
            assert_eq!(vhost(path), name, "{path}");
        }
    }
}
