//! What users read: the predecessor's text where it had one, then the cause, who can mend it and how, then the
//! cluster's own words.
//!
//! Every text is one line, bounded and free of secrets, whatever the cluster wrote.

use super::{
    catalogue::{Actor, Lead},
    diagnosis::Finding,
};
use crate::{
    facts::{Facts, PodPhase, Role},
    text::{clean, cut},
};

/// The status `text` of a build that waits; if it is `late`, behind the words that it takes long.
pub fn in_its_time(text: String, late: bool) -> String {
    if late { delayed_message(Some(&text)) } else { text }
}

/// Status of a build whose pod has no node.
pub const WAITING_FOR_RESOURCES: &str = "Waiting for resources to be available.";

const DELAYED: &str = "Build initialization delayed - pod creation taking longer than expected";
const RECREATED: &str = "The cluster lost the pod before the build began; starting it anew.";
const CHECK_IMAGE: &str = "Build failed to start. Please check if your image is valid.";
const ASK_ADMIN: &str = "Build failed to start. Please reach out to your cluster admin for help.";
const FAILED_TO_START: &str = "Build failed to start.";

/// Most characters of a quotation.
const QUOTE: usize = 500;
/// Most characters of a name.
const NAME: usize = 160;
/// Most characters of a whole text.
pub(super) const MESSAGE: usize = 1_000;

/// Status of a build that takes long to start, with the cause if one is known.
pub fn delayed_message(cause: Option<&str>) -> String {
    with_cause(DELAYED, ": ", cause)
}

/// Status of a build whose pod has no node, with the scheduler's text if it has spoken.
pub fn waiting_message(cause: Option<&str>) -> String {
    with_cause(WAITING_FOR_RESOURCES, " ", cause)
}

/// Status of a build that gets a new pod.
pub fn recreated_message(cause: &str) -> String {
    with_cause(RECREATED, " ", Some(cause))
}

fn with_cause(text: &str, separator: &str, cause: Option<&str>) -> String {
    match cause
        .map(|cause| clean(cause, QUOTE))
        .filter(|cause| !cause.is_empty())
    {
        Some(cause) => cut(&format!("{text}{separator}{cause}"), MESSAGE),
        None => text.to_owned(),
    }
}

/// Words from outside as users may read them: one line, bounded, free of secrets.
pub fn quoted(text: &str) -> String {
    clean(text, QUOTE)
}

/// The cause with the cluster's own words, without advice.
pub(super) fn cause(finding: &Finding<'_>, facts: Option<&Facts>) -> String {
    let cause = filled_in(finding.row.cause, finding, facts);
    match quote(finding) {
        Some(quote) => cut(&format!("{cause}: {quote}"), MESSAGE),
        None => cut(&cause, MESSAGE),
    }
}

/// The whole text of a failure. `new_pods` is how often the build's pod was made anew.
pub(super) fn failure(finding: &Finding<'_>, facts: Option<&Facts>, new_pods: u32) -> String {
    let advice = filled_in(finding.row.advice, finding, facts);
    let mut sentences = Vec::new();
    sentences.extend(lead(finding, facts));
    sentences.push(format!("{}.", filled_in(finding.row.cause, finding, facts)));
    if new_pods > 0 {
        sentences.push(format!("The build's pod had been made anew {new_pods} times."));
    }
    sentences.push(match finding.actor() {
        Actor::You => format!("You can mend it: {advice}."),
        Actor::ClusterAdmin => format!("Your cluster admin can mend it: {advice}."),
        Actor::Nobody => format!("Nobody has to mend anything: {advice}."),
    });
    sentences.extend(quote(finding).map(|quote| format!("Kubernetes says: {quote}")));
    cut(&sentences.join(" "), MESSAGE)
}

/// The text that the predecessor sent in this case, if it had one.
fn lead(finding: &Finding<'_>, facts: Option<&Facts>) -> Option<String> {
    if let Some(facts) = facts
        && matches!(facts.phase, PodPhase::Failed | PodPhase::Unknown)
    {
        return Some(format!(
            "Failed to create pod. Pod status is: {}.",
            facts.phase.as_str()
        ));
    }
    let is_build = finding
        .container
        .is_none_or(|container| container.role == Role::Build);
    let text = match finding.row.lead {
        Lead::Image if is_build => CHECK_IMAGE,
        // The image of a launcher or a sidecar is none that the build's owner could check.
        Lead::Image | Lead::Admin => ASK_ADMIN,
        Lead::Start => FAILED_TO_START,
        Lead::None => return None,
    };
    Some(text.to_owned())
}

fn quote(finding: &Finding<'_>) -> Option<String> {
    let parts = [finding.reason, finding.text].map(|part| part.map(|part| clean(part, QUOTE)));
    let quote = match parts {
        [Some(reason), Some(text)] => format!("{reason}: {text}"),
        [Some(only), None] | [None, Some(only)] => only,
        [None, None] => return None,
    };
    Some(cut(&quote, QUOTE)).filter(|quote| !quote.is_empty())
}

/// The sentence with its placeholders filled in, in one pass: what is filled in may itself hold braces.
fn filled_in(sentence: &str, finding: &Finding<'_>, facts: Option<&Facts>) -> String {
    let mut text = String::with_capacity(sentence.len() + NAME);
    let mut rest = sentence;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        text.push_str(&value(placeholder, finding, facts));
        rest = after;
    }
    text + rest
}

fn value(placeholder: &str, finding: &Finding<'_>, facts: Option<&Facts>) -> String {
    let container = finding.container;
    let name = match placeholder {
        "container" => container.map(|it| it.name.as_str()),
        "image" => container.map(|it| it.image.as_str()),
        "node" => facts.and_then(|it| it.node.as_deref()),
        "limit" => {
            let limit = container.and_then(|it| it.memory_limit.as_deref());
            return limit.map_or_else(|| "none".to_owned(), |limit| clean(limit, NAME));
        }
        _ => {
            return finding
                .code
                .map_or_else(|| "unknown".to_owned(), |code| code.to_string());
        }
    };
    let name = name.map(|name| clean(name, NAME)).filter(|name| !name.is_empty());
    name.map_or_else(|| "(unknown)".to_owned(), |name| format!("`{name}`"))
}
