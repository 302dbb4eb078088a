//! The expressions of the chart's alerts and dashboard, and what they ask of the metrics.
//!
//! This reads names, not grammar: whether an expression is `PromQL` at all is `promtool`'s to say (`make test-alerts`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::Value;

use crate::metrics::{Documented, Series};

/// Labels that the scraper adds.
const SCRAPERS: [&str; 3] = ["le", "instance", "namespace"];
/// Words before a list of labels.
const GROUPING: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Words between expressions.
const OPERATORS: [&str; 3] = ["and", "or", "unless"];

/// An expression and where it stands.
#[derive(Debug)]
pub struct Expression {
    /// The alert, or the dashboard's panel.
    pub place: String,
    /// `PromQL`, Grafana's variables filled in.
    pub text: String,
}

/// What an expression reads.
#[derive(Debug, Default)]
pub struct Reads {
    /// The metrics, each with the labels that it is selected by and, of equalities, the values.
    pub selectors: Vec<(String, BTreeMap<String, Option<String>>)>,
    /// The labels that results are grouped or matched by.
    pub grouped: BTreeSet<String>,
}

/// The rules of `deploy/chart/files/alerts.yaml`.
#[derive(Debug, Deserialize)]
pub struct Rules {
    /// Their groups.
    pub groups: Vec<Group>,
}

/// A group of rules.
#[derive(Debug, Deserialize)]
pub struct Group {
    /// Its rules.
    pub rules: Vec<Alert>,
}

/// One alert.
#[derive(Debug, Deserialize)]
pub struct Alert {
    /// Its name.
    pub alert: String,
    /// `PromQL`.
    pub expr: String,
    /// Summary, description and runbook.
    pub annotations: BTreeMap<String, String>,
}

/// The alerts of the chart in `files`.
pub fn alerts(files: &Path) -> anyhow::Result<Vec<Alert>> {
    let text = fs::read_to_string(files.join("alerts.yaml"))?;
    let rules: Rules = serde_saphyr::from_str(&text).context("alerts.yaml")?;
    Ok(rules.groups.into_iter().flat_map(|group| group.rules).collect())
}

/// Every expression of the chart's alerts and dashboard in `files`.
pub fn expressions(files: &Path) -> anyhow::Result<Vec<Expression>> {
    let alerts = alerts(files)?.into_iter().map(|alert| Expression {
        place: alert.alert,
        text: alert.expr,
    });
    let mut all: Vec<Expression> = alerts.collect();
    let dashboard: Value = serde_json::from_slice(&fs::read(files.join("dashboard.json"))?)?;
    for panel in dashboard["panels"].as_array().context("no panels")? {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let text = target["expr"].as_str().context("a target without expr")?;
            all.push(Expression {
                place: panel["title"].as_str().unwrap_or_default().to_owned(),
                text: text.replace("$__rate_interval", "5m").replace("$namespace", ".*"),
            });
        }
    }
    Ok(all)
}

// === impl Expression ===

impl Expression {
    /// What it reads.
    pub fn reads(&self) -> Reads {
        let mut reads = Reads::default();
        let mut rest = self.text.as_str();
        while let Some(begin) =
            rest.find(|letter: char| letter.is_ascii_alphabetic() || "_\"[".contains(letter))
        {
            rest = match &rest[begin..=begin] {
                "\"" => after(&rest[begin + 1..], '"').1,
                "[" => after(&rest[begin + 1..], ']').1,
                _ => reads.word(&rest[begin..]),
            };
        }
        reads
    }
}

// === impl Reads ===

impl Reads {
    /// Takes the word that `text` begins with, and what belongs to it; the rest is returned.
    fn word<'a>(&mut self, text: &'a str) -> &'a str {
        let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
        let (word, rest) = text.split_at(end.unwrap_or(text.len()));
        let next = rest.trim_start();
        if GROUPING.contains(&word) {
            let (labels, rest) = after(next.trim_start_matches('('), ')');
            let labels = labels.split(',').map(|label| label.trim().to_owned());
            self.grouped.extend(labels.filter(|label| !label.is_empty()));
            return rest;
        }
        let grouped = GROUPING.iter().any(|grouping| next.starts_with(grouping));
        if OPERATORS.contains(&word) || grouped || next.starts_with('(') {
            return rest;
        }
        let (matchers, rest) = match next.strip_prefix('{') {
            Some(matchers) => after(matchers, '}'),
            None => ("", rest),
        };
        let labels = matchers.split("\",").filter_map(|matcher| {
            let (label, value) = matcher.split_once("=~").map_or_else(
                || matcher.split_once('=').map(|(label, value)| (label, Some(value))),
                |(label, _pattern)| Some((label, None)),
            )?;
            let label = label.trim().trim_end_matches('!').to_owned();
            Some((label, value.map(|value| value.trim_matches('"').to_owned())))
        });
        self.selectors.push((word.to_owned(), labels.collect()));
        rest
    }

    /// What is asked for and neither `documented` nor among `served`.
    pub fn missing(&self, documented: &Documented, served: &[Series]) -> Vec<String> {
        let mut missing = Vec::new();
        let mut all: BTreeSet<&str> = SCRAPERS.into();
        for (metric, labels) in &self.selectors {
            let family = family(metric, documented);
            let Some(told) = documented.get(&family) else {
                missing.push(format!("no metric {metric}"));
                continue;
            };
            if !served.iter().any(|series| series.family == family) {
                missing.push(format!("{metric} is not served"));
            }
            all.extend(told.keys().map(String::as_str));
            let ours = labels
                .iter()
                .filter(|(label, _)| !SCRAPERS.contains(&label.as_str()));
            for (label, value) in ours {
                match (told.get(label), value) {
                    (None, _) => missing.push(format!("{metric} has no label {label}")),
                    (Some(Some(values)), Some(value)) if !values.contains(value) => {
                        missing.push(format!("{metric}: {label} is never {value}"));
                    }
                    _ => {}
                }
            }
        }
        let unknown = self.grouped.iter().filter(|label| !all.contains(label.as_str()));
        missing.extend(unknown.map(|label| format!("no label {label} to group by")));
        missing
    }
}

/// What stands before the first `end`, and what stands behind it.
fn after(text: &str, end: char) -> (&str, &str) {
    text.split_once(end).unwrap_or((text, ""))
}

/// The family that a metric's name belongs to: a histogram is asked for by its parts.
fn family(metric: &str, documented: &Documented) -> String {
    let part = |ending| {
        metric
            .strip_suffix(ending)
            .filter(|name| documented.contains_key(*name))
    };
    let family = ["_bucket", "_sum", "_count"].into_iter().find_map(part);
    family.unwrap_or(metric).to_owned()
}
