//! How a build is found again in Kubernetes: the name of its pod, the label on it, the container in it.
//!
//! A build has one pod name for life, so the API server's own uniqueness of names keeps it at one pod.
//! Everything here is pure and total: whoever writes a name and whoever looks for it call the same
//! function. The manifest around these names is start-worker's.

use std::fmt::Display;

use sha2::{Digest, Sha256};
use url::Url;

/// Label by which a build's pod is selected; its value is [`build_label`].
pub const LABEL_BUILD: &str = "sdbuild";
/// Label that tells Screwdriver's pods from others.
pub const LABEL_APP: &str = "app";
/// Label that tells build pods from Screwdriver's own.
pub const LABEL_TIER: &str = "tier";
/// Label with the pipeline's name.
pub const LABEL_PIPELINE: &str = "screwdriver.cd/pipeline";
/// Label with the job's name.
pub const LABEL_JOB: &str = "screwdriver.cd/job";
/// Label with the full name of the template that the job uses.
pub const LABEL_TEMPLATE_NAME: &str = "screwdriver.cd/template_name";
/// Label with the version of that template.
pub const LABEL_TEMPLATE_VERSION: &str = "screwdriver.cd/template_version";
/// Label with the number of the pull request.
pub const LABEL_PR_NUMBER: &str = "screwdriver.cd/pr_number";
/// Label with the build container's CPU limit in cores.
pub const LABEL_CPU: &str = "screwdriver.cd/cpu";
/// Label with the build container's memory limit in GB.
pub const LABEL_MEMORY: &str = "screwdriver.cd/memory";
/// Label with the size of disk that the job asked for.
pub const LABEL_DISK: &str = "screwdriver.cd/disk";

/// Annotation with how often this build's pod was recreated; absent for a first pod.
pub const ANNOTATION_RECREATED: &str = "screwdriver.cd/recreated";
/// Annotation with the W3C trace context in which the pod was created; absent without a trace.
pub const ANNOTATION_TRACEPARENT: &str = "screwdriver.cd/traceparent";

/// Longest value of a label, in characters.
const LABEL_VALUE_MAX: usize = 63;
const SUFFIX_LEN: usize = 5;
const SUFFIX_ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// Name of the one pod that this build may have: `<prefix><build>-<suffix>`.
///
/// The suffix keeps builds of different Screwdriver installations apart that share a namespace, a
/// prefix and a build id. It depends on nothing else, so every replica, redelivery and later look
/// finds the same name.
pub fn pod_name(prefix: &str, api_uri: &Url, build: &impl Display) -> String {
    let suffix = suffix(build_hash(api_uri, build));
    format!("{prefix}{build}-{suffix}")
}

/// Value of the label [`LABEL_BUILD`], for writing it and for selecting by it alike.
pub fn build_label(prefix: &str, build: &impl Display) -> String {
    sanitize_label_value(&build_container_name(prefix, build))
}

/// Name of the container that runs the build (executor k8s).
pub fn build_container_name(prefix: &str, build: &impl Display) -> String {
    format!("{prefix}{build}")
}

/// A number that is the same for this build wherever and whenever it is computed, and spread evenly
/// over builds.
pub fn build_hash(api_uri: &Url, build: &impl Display) -> u64 {
    // A line feed occurs in neither part: `Url` drops it, ids have none. So no two builds share an input.
    // Without the trailing slash, because both spellings address the same API.
    let installation = api_uri.as_str().trim_end_matches('/');
    let digest = Sha256::digest(format!("{installation}\n{build}"));
    digest
        .iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

/// The nearest valid value of a label: every run of other characters becomes one dot, at most 63
/// characters, alphanumeric at both ends. Empty when nothing is left.
pub fn sanitize_label_value(value: &str) -> String {
    let mut dotted = String::with_capacity(value.len());
    let mut in_run = false;
    for character in value.chars() {
        let allowed = character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.');
        if allowed {
            dotted.push(character);
        } else if !in_run {
            dotted.push('.');
        }
        in_run = !allowed;
    }
    let trimmed = trim_to_alphanumeric(&dotted);
    // ASCII by now, so a cut between characters; it may end at a dot again.
    trim_to_alphanumeric(trimmed.get(..LABEL_VALUE_MAX).unwrap_or(trimmed)).to_owned()
}

fn trim_to_alphanumeric(value: &str) -> &str {
    value.trim_matches(|character: char| !character.is_ascii_alphanumeric())
}

fn suffix(hash: u64) -> String {
    let base = SUFFIX_ALPHABET.len() as u64;
    let mut rest = hash;
    let mut suffix = String::with_capacity(SUFFIX_LEN);
    for _ in 0..SUFFIX_LEN {
        let digit = usize::try_from(rest % base).unwrap_or_default();
        suffix.push(char::from(SUFFIX_ALPHABET[digit]));
        rest /= base;
    }
    suffix
}

#[cfg(test)]
mod tests;
