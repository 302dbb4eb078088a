//! As whose a collector keeps what it gets: the standard's name of the service and attributes of the process.

use super::{pairs, section::Section};

/// What is said about the process.
#[derive(Debug, Clone, Default)]
pub struct ResourceSettings {
    /// Name of the service instead of the worker's own.
    pub service_name: Option<String>,
    /// What else is said: names and values.
    pub attributes: Vec<(String, String)>,
}

// === impl ResourceSettings ===

impl ResourceSettings {
    pub(super) fn read(section: &Section<'_>) -> Self {
        let text = section.text("resourceAttributes");
        let attributes = pairs::parse(text.as_deref().unwrap_or_default());
        if attributes.is_none() {
            section.problem("resourceAttributes", "expected pairs such as team=builds,zone=eu");
        }
        Self {
            service_name: section.text("serviceName"),
            attributes: attributes.unwrap_or_default(),
        }
    }
}
