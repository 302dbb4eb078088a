//! A pod as text. A pod that is printed without its build's token holds it nowhere, not even where the message
//! repeats it.

use std::error::Error;

use common::job::StartJob;
use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;

use crate::plan::pod;

/// What stands where the token would; like a token it has no character that could end a quote.
pub(super) const PLACEHOLDER: &str = "BUILD-TOKEN-NOT-SHOWN";

/// Shorter texts are no tokens and may be anywhere.
const SHORTEST_TOKEN: usize = 8;

/// How a pod is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Yaml,
    Json,
}

/// Replaces the message's token wherever the message repeats it in what a pod is made of: a label would keep a part of
/// it.
pub(super) fn hide_in(job: &mut StartJob<'_>) {
    let token = pod::token(job).to_owned();
    if token.len() < SHORTEST_TOKEN {
        return;
    }
    let (config, hidden) = (&mut job.config, |text: &str| text.replace(&token, PLACEHOLDER));
    job.container = hidden(&job.container).into();
    config.job_name = config.job_name.as_deref().map(|name| hidden(name).into());
    for annotation in config.annotations.values_mut() {
        hide(annotation, &token);
    }
    let pipeline = config
        .pipeline
        .as_mut()
        .and_then(|pipeline| pipeline.name.as_mut());
    let template = config.template.iter_mut();
    let template = template.flat_map(|template| [&mut template.full_name, &mut template.version]);
    for text in pipeline.into_iter().chain(template.flatten()) {
        *text = hidden(text);
    }
}

/// The pod as text, without `hidden`.
pub(super) fn text(pod: &Pod, format: Format, hidden: Option<&str>) -> Result<String, Box<dyn Error>> {
    let mut value = serde_json::to_value(pod)?;
    if let Some(token) = hidden.filter(|token| token.len() >= SHORTEST_TOKEN) {
        hide(&mut value, token);
    }
    Ok(match format {
        Format::Json => serde_json::to_string_pretty(&value)? + "\n",
        Format::Yaml => yaml(&value)?,
    })
}

fn yaml(value: &Value) -> Result<String, Box<dyn Error>> {
    let mut options = serde_saphyr::SerializerOptions::default();
    // Scripts in one line stay in one line.
    options.folded_wrap_chars = usize::MAX;
    Ok(serde_saphyr::to_string_with_options(value, options)?)
}

fn hide(value: &mut Value, token: &str) {
    match value {
        Value::String(text) if text.contains(token) => *text = text.replace(token, PLACEHOLDER),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, token)),
        Value::Object(fields) => fields.values_mut().for_each(|field| hide(field, token)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
