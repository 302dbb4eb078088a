//! What a build hears that does not end it. Pure.

use common::{
    facts::Facts,
    job::CheckState,
    verdict::{WAITING_FOR_RESOURCES, delayed_message, in_its_time, quoted},
};
use screwdriver_api_client::BuildUpdate;

use super::{Circumstances, Report, Words};

/// A build that waits hears `text`, from the check of the init timeout on with the words before it that it takes long:
/// whoever looks for the predecessor's text about resources finds it as long as that is so.
pub(super) fn waiting(check: &CheckState, text: String, at: &Circumstances<'_>) -> Report {
    note(check, in_its_time(text, at.ladder.tells_delay(check.number)))
}

/// Nothing but, once, that it takes long: start-worker knows why there is no pod and says so at each try. Every
/// such check asks whether the build is still wanted.
pub(super) fn not_created(check: &CheckState, at: &Circumstances<'_>) -> Report {
    let last = check.message.as_deref().unwrap_or(WAITING_FOR_RESOURCES);
    let told = last.starts_with(&delayed_message(None));
    if at.ladder.tells_delay(check.number) && !told {
        return say(delayed_message(Some(last)));
    }
    Report::Ask {
        update: BuildUpdate::message(last),
        text: last.to_owned(),
    }
}

/// The first check always reports, changed or not: its answer tells whether the build is still wanted.
pub(super) fn note(check: &CheckState, text: String) -> Report {
    let known = check.message.as_deref() == Some(text.as_str());
    if known && check.number > 0 && !check.report_due {
        return Report::Nothing;
    }
    say(text)
}

fn say(text: String) -> Report {
    Report::Note {
        update: BuildUpdate::message(text.clone()),
        text: Some(text),
    }
}

/// The text about a pod that is gone, with what was known of its end: who was deleting it when it was last seen,
/// else what the cluster said.
pub(super) fn with_last_words(
    text: String,
    check: &CheckState,
    facts: Option<&Facts>,
    words: Option<&Words>,
) -> String {
    if facts.is_some() {
        return text;
    }
    let deletion = check.deletion.as_deref().map(quoted);
    match (deletion, words) {
        (Some(deletion), _) => format!("{text} It was being deleted when it was last seen. {deletion}"),
        (None, Some(words)) => format!(
            "{text} The last that Kubernetes said about it: {}",
            words.as_str()
        ),
        (None, None) => text,
    }
}
