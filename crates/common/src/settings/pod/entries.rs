//! Entries of lists in an executor's options: folders of the node and secrets, for the build container.

use crate::settings::section::Section;

/// A path of the node in the build container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMount {
    /// Name of the volume.
    pub name: String,
    /// Path in the container.
    pub mount_path: String,
    /// Path on the node.
    pub path: String,
    /// Kubernetes' type of the host path, e.g. `Directory`.
    pub kind: Option<String>,
    /// Whether the build may only read.
    pub read_only: Option<bool>,
}

/// A secret in the build container's environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretVariable {
    /// Name of the variable.
    pub variable: String,
    /// Name of the Kubernetes secret.
    pub secret: String,
    /// Key in the secret.
    pub key: String,
}

/// A secret as files in the build container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// Name of the volume.
    pub name: String,
    /// Path in the container.
    pub mount_path: String,
    /// Name of the Kubernetes secret.
    pub secret: String,
    /// Whether the build may only read.
    pub read_only: Option<bool>,
}

// === impl HostMount, SecretVariable, SecretFile ===

impl HostMount {
    pub(super) fn read(entry: &Section<'_>) -> Self {
        Self {
            name: entry.required("name"),
            mount_path: entry.required("mountPath"),
            path: entry.required("path"),
            kind: entry.text("type"),
            read_only: entry.boolean("readOnly"),
        }
    }
}

impl SecretVariable {
    pub(super) fn read(entry: &Section<'_>) -> Self {
        Self {
            variable: entry.required("secret_env"),
            secret: entry.required("secret_name"),
            key: entry.required("secret_key"),
        }
    }
}

impl SecretFile {
    pub(super) fn read(entry: &Section<'_>) -> Self {
        Self {
            name: entry.required("name"),
            mount_path: entry.required("mountPath"),
            secret: entry.required("secretName"),
            read_only: entry.boolean("readOnly"),
        }
    }
}
