//! Reads the broker's settings.

use std::{num::NonZeroU16, time::Duration};

use percent_encoding::percent_decode_str;
use secrecy::SecretString;

use super::{BrokerSettings, Protocol, TopologyMode, layers, secret, section::Section};

const PROTOCOLS: &[(&str, Protocol)] = &[("amqp", Protocol::Amqp), ("amqps", Protocol::Amqps)];
const TOPOLOGIES: &[(&str, TopologyMode)] = &[
    ("existing", TopologyMode::Existing),
    ("declare", TopologyMode::Declare),
];
const DEFAULT_PORT: u16 = 5672;
/// Seconds.
const DEFAULT_HEARTBEAT: u64 = 20;
const DEFAULT_REPROCESS_LIMIT: u32 = 5;

// === impl BrokerSettings ===

impl BrokerSettings {
    pub(super) fn read(section: &Section<'_>) -> Self {
        Self {
            protocol: section.choice_or("protocol", PROTOCOLS, Protocol::Amqp),
            host: section.required("host"),
            port: port(section),
            vhost: vhost(&section.text_or("vhost", "/")),
            username: section.required("username"),
            password: secret::read(section, "password", "passwordFile")
                .unwrap_or_else(|| SecretString::default().into()),
            heartbeat: heartbeat(section),
            exchange: section.required("exchange"),
            queue: section.required("queue"),
            retry_queue: section.required("retryQueue"),
            retry_queue_enabled: section.boolean_or("retryQueueEnabled", false),
            prefetch: prefetch(section),
            message_reprocess_limit: reprocess_limit(section),
            topology: section.choice_or("topology", TOPOLOGIES, TopologyMode::Existing),
            ca_file: section.file("caFile"),
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
    let key = "port";
    // Kubernetes gives every pod such a variable for a service named rabbitmq.
    if section.scalar(key).is_some_and(|text| text.starts_with("tcp://")) {
        let expectation = "expected a port; this is Kubernetes' own variable of a service named rabbitmq: set the \
                           port, or enableServiceLinks of the worker's pod to false";
        section.problem(key, expectation);
        return DEFAULT_PORT;
    }
    let port = section.integer_or(key, 1..=u64::from(u16::MAX), "a port", DEFAULT_PORT.into());
    u16::try_from(port).unwrap_or(DEFAULT_PORT)
}

fn prefetch(section: &Section<'_>) -> NonZeroU16 {
    let key = "prefetchCount";
    let count = section.text_or(key, "20").trim().parse().ok();
    let prefetch = count.and_then(NonZeroU16::new);
    match prefetch {
        Some(count) => section.holds(key, count),
        None => section.problem(
            key,
            "expected a whole number from 1 to 65535; 0 would be no limit, and the limit is what keeps \
             this process from taking more than it can handle",
        ),
    }
    prefetch.unwrap_or(NonZeroU16::MIN)
}

fn reprocess_limit(section: &Section<'_>) -> u32 {
    let (key, what) = ("messageReprocessLimit", "a whole number of retries");
    let limit = section.integer_or(key, 0..=1_000, what, DEFAULT_REPROCESS_LIMIT.into());
    u32::try_from(limit).unwrap_or(DEFAULT_REPROCESS_LIMIT)
}

/// `connectOptions` is JSON in a text in the predecessor's files; a table does as well. The heartbeat is
/// all that counts of it.
fn heartbeat(section: &Section<'_>) -> Duration {
    let key = "connectOptions";
    let seconds = |options: &Section<'_>| {
        let range = 1..=u64::from(u16::MAX);
        let what = "a whole number of seconds";
        options.integer_or("heartbeatIntervalInSeconds", range, what, DEFAULT_HEARTBEAT)
    };
    section.idle(key);
    let configured = match section.scalar(key) {
        Some(text) => {
            let (place, origin, notes) = (section.place_of(key), section.origin_of(key), section.notes());
            let parsed = layers::from_json5_at(&place, &text, &origin, notes);
            parsed.map(|value| seconds(&Section::at(&section.path_of(key), &value, notes)))
        }
        None => Some(seconds(&section.section(key))),
    };
    Duration::from_secs(configured.unwrap_or(DEFAULT_HEARTBEAT))
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
