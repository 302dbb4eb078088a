//! From what kubectl prints to facts: one object or a list, JSON or YAML, one document or several.
//!
//! A list is taken apart first, without decoding what is in it; its items are then decoded side by side.

use std::{borrow::Cow, str::Utf8Error};

use common::facts::{EventFacts, Facts};
use rayon::prelude::*;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

/// Everything that was on the input.
#[derive(Debug, Default)]
pub(super) struct Input {
    pub(super) pods: Vec<Seen>,
    pub(super) events: Vec<EventFacts>,
    /// What was skipped because it is neither, e.g. `a Service`.
    pub(super) skipped: Vec<String>,
}

/// A pod on the input.
#[derive(Debug)]
pub(super) enum Seen {
    /// As it is.
    Pod(Facts),
    /// As it last was: a watch says that it was deleted.
    Deleted(Facts),
}

/// What an object is that does not say so: items of a list often do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Pod,
    Event,
}

/// Why the input cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    #[error("no text: {0}")]
    Text(#[from] Utf8Error),
    #[error("no JSON: {0}")]
    Json(#[from] serde_json::Error),
    #[error("neither JSON nor YAML: {0}")]
    Yaml(String),
    #[error("nothing to read: expected a Pod, a PodList or a List")]
    Nothing,
    #[error("{0} is no Pod, Event or list of them")]
    Foreign(String),
    #[error("a {kind} that cannot be decoded: {source}")]
    Item {
        kind: &'static str,
        source: serde_json::Error,
    },
}

/// As much of an object as tells what it is.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
    #[serde(borrow)]
    items: Option<Vec<&'a RawValue>>,
    /// Of a watch: `ADDED`, `MODIFIED`, `DELETED`.
    #[serde(borrow)]
    r#type: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "object")]
    changed: Option<&'a RawValue>,
    metadata: Option<IgnoredAny>,
}

/// An item of a list.
#[derive(Deserialize)]
struct Item<'a> {
    #[serde(borrow)]
    kind: Option<Cow<'a, str>>,
}

/// Reads everything. `otherwise` is the kind of objects that do not tell theirs.
pub(super) fn read(bytes: &[u8], otherwise: Kind) -> Result<Input, InputError> {
    let text = std::str::from_utf8(bytes)?.trim_start_matches('\u{feff}');
    let mut input = Input::default();
    let mut documents = 0;
    let mut take = |document: &RawValue| {
        documents += 1;
        match document_into(&mut input, document, otherwise) {
            Err(InputError::Foreign(what)) => input.skipped.push(what),
            done => done?,
        }
        Ok::<_, InputError>(())
    };
    if text.trim_start().starts_with(['{', '[']) {
        for document in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
            take(document?)?;
        }
    } else {
        for document in yaml(text)? {
            take(&document)?;
        }
    }
    if documents == 0 {
        return Err(InputError::Nothing);
    }
    if input.pods.is_empty()
        && input.events.is_empty()
        && let Some(first) = input.skipped.first()
    {
        return Err(InputError::Foreign(first.clone()));
    }
    Ok(input)
}

/// YAML by way of JSON: it is short where people write it, and slow to parse in any case.
fn yaml(text: &str) -> Result<Vec<Box<RawValue>>, InputError> {
    // The operator's own pods are no attack, and a list of them is long.
    let options = serde_saphyr::options! { budget: None };
    let documents: Vec<serde_json::Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| InputError::Yaml(first_line(&error.to_string())))?;
    let raw = documents.iter().map(serde_json::value::to_raw_value);
    Ok(raw.collect::<Result<_, _>>()?)
}

/// The lines after it show the input, which may hold a token.
fn first_line(error: &str) -> String {
    error.lines().next().unwrap_or_default().to_owned()
}

fn document_into(input: &mut Input, document: &RawValue, otherwise: Kind) -> Result<(), InputError> {
    if document.get().trim_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(document.get())?;
        return items_into(input, &items, None, otherwise);
    }
    let object: Object<'_> = serde_json::from_str(document.get())?;
    let kind = object.kind.as_deref();
    if let Some(items) = &object.items {
        let all = match kind {
            Some("PodList") => Some(Kind::Pod),
            Some("EventList") => Some(Kind::Event),
            Some("List") | None => None,
            Some(other) => return Err(InputError::Foreign(format!("a {other}"))),
        };
        return items_into(input, items, all, otherwise);
    }
    // Empty lists are also written as null.
    if matches!(kind, Some("PodList" | "EventList" | "List")) {
        return Ok(());
    }
    if let (Some(change), Some(inner), None) = (&object.r#type, object.changed, kind) {
        return change_into(input, change, inner, otherwise);
    }
    if kind.is_none() && object.metadata.is_none() {
        return Err(InputError::Foreign(
            "an object without kind and metadata".to_owned(),
        ));
    }
    item_into(input, document, kind_of(kind, otherwise)?)
}

/// A line of `kubectl get pods --watch --output-watch-events`.
fn change_into(input: &mut Input, change: &str, pod: &RawValue, otherwise: Kind) -> Result<(), InputError> {
    // It tells how far the watch is, with an object that has no more than a version.
    if change == "BOOKMARK" {
        return Ok(());
    }
    document_into(input, pod, otherwise)?;
    if change == "DELETED"
        && let Some(Seen::Pod(facts)) = input.pods.pop_if(|seen| matches!(seen, Seen::Pod(_)))
    {
        input.pods.push(Seen::Deleted(facts));
    }
    Ok(())
}

fn items_into(
    input: &mut Input,
    items: &[&RawValue],
    all: Option<Kind>,
    otherwise: Kind,
) -> Result<(), InputError> {
    let decoded = items.par_iter().map(|item| {
        let kind = match all {
            Some(kind) => Ok(kind),
            None => kind_of(
                serde_json::from_str::<Item<'_>>(item.get())?.kind.as_deref(),
                otherwise,
            ),
        };
        let mut one = Input::default();
        match kind {
            Ok(kind) => item_into(&mut one, item, kind)?,
            Err(InputError::Foreign(what)) => one.skipped.push(what),
            Err(error) => return Err(error),
        }
        Ok(one)
    });
    for one in decoded.collect::<Result<Vec<_>, InputError>>()? {
        input.pods.extend(one.pods);
        input.events.extend(one.events);
        input.skipped.extend(one.skipped);
    }
    Ok(())
}

fn kind_of(kind: Option<&str>, otherwise: Kind) -> Result<Kind, InputError> {
    match kind {
        Some("Pod") => Ok(Kind::Pod),
        Some("Event") => Ok(Kind::Event),
        Some(other) => Err(InputError::Foreign(format!("a {other}"))),
        None => Ok(otherwise),
    }
}

fn item_into(input: &mut Input, item: &RawValue, kind: Kind) -> Result<(), InputError> {
    let failed = |kind: &'static str| move |source| InputError::Item { kind, source };
    match kind {
        Kind::Pod => input.pods.push(Seen::Pod(
            serde_json::from_str(item.get()).map_err(failed("Pod"))?,
        )),
        Kind::Event => input
            .events
            .push(serde_json::from_str(item.get()).map_err(failed("Event"))?),
    }
    Ok(())
}
