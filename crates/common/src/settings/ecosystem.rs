//! Where the rest of Screwdriver is, and where builds keep their caches.

use std::fmt;

use super::section::Section;

/// Where the rest of Screwdriver is, as builds are told. Our own calls go to the message's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EcosystemSettings {
    /// The builds API.
    pub api: WebAddress,
    /// The store of logs and artifacts.
    pub store: WebAddress,
    /// The user interface.
    pub ui: WebAddress,
    /// Prometheus pushgateway for the builds' metrics.
    pub pushgateway: Option<WebAddress>,
    /// Where builds keep their caches.
    pub cache: CacheSettings,
}

/// Where builds keep their caches, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheSettings {
    /// In the store or on the node.
    pub strategy: CacheStrategy,
    /// Folder of disk caches on the nodes; empty: builds have no disk cache.
    pub path: String,
    /// Whether disk caches are compressed. This and what follows is the launcher's to understand, and safe between
    /// a shell's quotes.
    pub compress: String,
    /// Whether disk caches are checksummed.
    pub md5check: String,
    /// Most MB of one cache; 0: no limit.
    pub max_size_mb: String,
    /// Most threads that work on a cache.
    pub max_go_threads: String,
}

/// In the store or on the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CacheStrategy {
    /// In the store; the pod knows nothing about it.
    S3,
    /// In folders of the node, mounted into the pod.
    Disk,
    /// Neither, by a word that is passed on; the pod knows nothing about it.
    Other(String),
}

/// A web address as the operator wrote it. `Debug` and `Display` hide a password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebAddress(String);

// === impl EcosystemSettings ===

impl EcosystemSettings {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let address = |key: &str| WebAddress(section.url(key).unwrap_or_default());
        Self {
            api: address("api"),
            store: address("store"),
            ui: address("ui"),
            pushgateway: section.url_or_host("pushgatewayUrl").map(WebAddress),
            cache: CacheSettings::read(&section.section("cache")),
        }
    }
}

// === impl CacheSettings ===

impl CacheSettings {
    fn read(section: &Section<'_>) -> Self {
        Self {
            strategy: CacheStrategy::read(section),
            path: section.text_even_empty_or("path", "/"),
            compress: section.shell_word_or("compress", "false"),
            md5check: section.shell_word_or("md5check", "false"),
            max_size_mb: section.shell_word_or("max_size_mb", "0"),
            max_go_threads: section.shell_word_or("max_go_threads", "10000"),
        }
    }

    /// The folder of disk caches of installations with this prefix; `None` when builds have no disk cache.
    pub fn disk_path(&self, prefix: &str) -> Option<String> {
        match self.strategy {
            CacheStrategy::S3 | CacheStrategy::Other(_) => None,
            CacheStrategy::Disk if self.path.is_empty() => None,
            CacheStrategy::Disk if prefix.is_empty() => Some(self.path.clone()),
            CacheStrategy::Disk => Some(format!("{}/{prefix}", self.path)),
        }
    }
}

// === impl CacheStrategy ===

impl CacheStrategy {
    fn read(section: &Section<'_>) -> Self {
        let key = "strategy";
        match section.shell_word_or(key, "s3").as_str() {
            "s3" => Self::S3,
            "disk" => Self::Disk,
            other => {
                let place = section.place_of(key);
                section.notes().warn(format!(
                    "{place} is neither s3 nor disk: builds have no caches on their nodes"
                ));
                Self::Other(other.to_owned())
            }
        }
    }

    /// As in the configuration.
    pub fn as_str(&self) -> &str {
        match self {
            Self::S3 => "s3",
            Self::Disk => "disk",
            Self::Other(word) => word,
        }
    }
}

// === impl WebAddress ===

impl WebAddress {
    /// The address with everything in it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for WebAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", without_password(&self.0))
    }
}

/// The address with everything before the host hidden, if there is anything.
pub(super) fn without_password(address: &str) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), address),
    };
    // What is asked may hold a token.
    let (rest, asked) = match rest.split_once('?') {
        Some((rest, _)) => (rest, "?[REDACTED]"),
        None => (rest, ""),
    };
    let end = rest.find(['/', '#']).unwrap_or(rest.len());
    match rest.get(..end).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{scheme}[REDACTED]{}{asked}", &rest[at..]),
        None => format!("{scheme}{rest}{asked}"),
    }
}
