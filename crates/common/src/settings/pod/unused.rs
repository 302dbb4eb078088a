//! Options that one shape of pod has no use for. The predecessor passes over them whatever they hold, and so do we.

use crate::settings::unread::Unused;

/// Options of the predecessor's that pods of k8s-vm have no use for, with the values that say nothing.
pub(super) const UNUSED_BY_VM: Unused = Unused {
    whom: "k8s-vm",
    keys: &[
        ("serviceAccount", "default"),
        ("automountServiceAccountToken", "false"),
        ("dnsPolicy", "ClusterFirst"),
        ("imagePullPolicy", "Always"),
        ("imagePullSecretName", ""),
        ("runtimeClass", ""),
        ("privileged", "false"),
        ("dockerFeatureEnabled", "false"),
        ("rootlessBuildkitFeatureEnabled", "false"),
        ("podLabels", ""),
        ("annotations", ""),
        ("lifecycleHooks", ""),
        ("volumeMounts", ""),
        ("buildSecrets", ""),
        ("buildSecretsFile", ""),
    ],
};
/// The same beside `kubernetes`.
pub(super) const UNUSED_BESIDE_BY_VM: Unused = Unused {
    whom: "k8s-vm",
    keys: &[("sdHabEnabled", "true")],
};
/// What pods of k8s have no use for.
pub(super) const UNUSED_BY_K8S: Unused = Unused {
    whom: "k8s",
    keys: &[("baseImage", "")],
};
/// The same below `resources.disk`.
pub(super) const UNUSED_DISK_BY_K8S: Unused = Unused {
    whom: "k8s",
    keys: &[("space", "")],
};
