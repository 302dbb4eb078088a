//! How the table is written down, and what it is for reasons that stand in none of its parts.

use super::{Fate, Row};

/// For what no row knows.
pub(in crate::verdict) static UNKNOWN: Row = Row {
    scope: super::Scope::Phase,
    reasons: &["ended"],
    texts: ANY,
    reason: crate::verdict::Reason::PodFailed,
    fate: Fate::Fails,
    actor: super::Actor::ClusterAdmin,
    lead: super::Lead::None,
    cause: "The pod failed without a reason that we know",
    advice: "check the pod's events and node {node}",
};

/// How often a build that never ran gets a new pod for the cluster's reasons.
pub(super) const NEW_PODS: u32 = 3;

/// Any text.
pub(super) const ANY: &[&str] = &[];

/// Rows as `Scope, reasons, texts => Reason, fate, actor, lead, cause, advice;`.
macro_rules! rows {
    ($($scope:ident, $reasons:expr, $texts:expr =>
        $reason:ident, $fate:expr, $actor:expr, $lead:ident, $cause:expr, $advice:expr;)*) => {
        &[$($crate::verdict::catalogue::Row {
            scope: $crate::verdict::catalogue::Scope::$scope, reasons: $reasons, texts: $texts,
            reason: $crate::verdict::Reason::$reason, fate: $fate, actor: $actor,
            lead: $crate::verdict::catalogue::Lead::$lead, cause: $cause, advice: $advice,
        }),*]
    };
}
pub(super) use rows;
