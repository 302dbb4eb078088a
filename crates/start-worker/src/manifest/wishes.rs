//! What a job asks for, as far as it can be followed. What cannot falls back to what the predecessor falls
//! back to, and is noted.
//!
//! Only what a pod depends on is asked for here, so a size of a daemon that does not run is never noted.

use std::{borrow::Cow, fmt};

use common::settings::{EphemeralStorage, Sizes, StorageQuantity};
use serde_json::Value;

use super::{
    annotations::{Annotations, number},
    resources::{self, Max},
};

/// A job's annotation whose value cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fallback {
    /// Its short name, a word of the code.
    pub annotation: &'static str,
    /// What applies instead.
    pub instead: Instead,
}

/// What applies instead of a value that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// The size LOW.
    Low,
    /// What the operator set, or nothing if that is not set.
    Operators,
    /// As if the job did not ask.
    NotAsked,
    /// The launcher is told `NaN`, as the predecessor tells it, and refuses to run the build.
    NotANumber,
}

/// Reads wishes and notes those that cannot be followed.
pub(super) struct Wishes<'a> {
    annotations: Annotations<'a>,
    fallbacks: Vec<Fallback>,
}

// === impl Wishes ===

impl<'a> Wishes<'a> {
    pub(super) fn of(annotations: Annotations<'a>) -> Self {
        Self {
            annotations,
            fallbacks: Vec::new(),
        }
    }

    /// What could not be followed, in the order of asking.
    pub(super) fn fallbacks(self) -> Vec<Fallback> {
        self.fallbacks
    }

    /// A name of a size, or a whole number up to the maximum.
    pub(super) fn size(&mut self, annotation: &'static str, sizes: &Sizes, max: Max) -> f64 {
        self.low_unless(annotation, sizes, |value| resources::asked(value, sizes, max))
    }

    /// A name of a size.
    pub(super) fn named_size(&mut self, annotation: &'static str, sizes: &Sizes, max: Max) -> f64 {
        self.low_unless(annotation, sizes, |value| resources::named(value, sizes, max))
    }

    fn low_unless(
        &mut self,
        annotation: &'static str,
        sizes: &Sizes,
        read: impl FnOnce(&Value) -> Option<f64>,
    ) -> f64 {
        let Some(value) = self.annotations.get(annotation) else {
            return sizes.low;
        };
        read(value).unwrap_or_else(|| {
            self.note(annotation, Instead::Low);
            sizes.low
        })
    }

    /// A name of a size of disk.
    pub(super) fn disk(&mut self, annotation: &'static str) -> &'static str {
        const LOW: &str = "LOW";
        let Some(value) = self.annotations.get(annotation) else {
            return LOW;
        };
        let known = ["TURBO", "HIGH", LOW, "MICRO"]
            .into_iter()
            .find(|size| value.as_str() == Some(*size));
        known.unwrap_or_else(|| {
            self.note(annotation, Instead::Low);
            LOW
        })
    }

    /// Any text; an empty one is none.
    pub(super) fn text(&mut self, annotation: &'static str) -> Option<&'a str> {
        let value = self.annotations.get(annotation)?;
        let text = value.as_str();
        if text.is_none() {
            self.note(annotation, Instead::NotAsked);
        }
        text.filter(|text| !text.is_empty())
    }

    /// Whether the value is the boolean `true`; the text `"true"` is not.
    pub(super) fn flag(&mut self, annotation: &'static str) -> bool {
        match self.annotations.get(annotation) {
            None => false,
            Some(Value::Bool(asked)) => *asked,
            Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                self.note(annotation, Instead::NotAsked);
                false
            }
        }
    }

    /// Minutes that the job asks for, capped; else the operator's own number, which is not.
    pub(super) fn minutes(&mut self, annotation: &'static str, operators: f64, max: f64) -> f64 {
        match self.annotations.get(annotation).and_then(number) {
            None => operators,
            Some(asked) if asked.is_nan() => {
                self.note(annotation, Instead::NotANumber);
                asked
            }
            // Without the sign of a negative zero.
            Some(asked) => asked.min(max) + 0.0,
        }
    }

    /// Seconds that the job asks for, as far as they are more than the operator gives. What is no whole number
    /// is rounded up, since Kubernetes knows no others.
    pub(super) fn at_least(&mut self, annotation: &'static str, operators: u32) -> i64 {
        let operators = f64::from(operators);
        let seconds = match self.annotations.get(annotation).and_then(number) {
            None => operators,
            // The predecessor's pods with such a number were refused.
            Some(asked) if asked.is_nan() || asked == f64::INFINITY => {
                self.note(annotation, Instead::Operators);
                operators
            }
            Some(asked) => asked.max(operators),
        };
        #[expect(
            clippy::cast_possible_truncation,
            reason = "saturates; the API server judges absurd numbers"
        )]
        let whole = seconds.ceil() as i64;
        whole
    }

    /// Local storage up to the maximum; bytes as a number, or an amount with a unit.
    pub(super) fn storage(
        &mut self,
        annotation: &'static str,
        operators: &'a EphemeralStorage,
    ) -> Option<Cow<'a, str>> {
        let default = operators.default.as_ref().map(|amount| amount.as_str().into());
        let asked = match self.annotations.get(annotation) {
            None => return default,
            Some(Value::String(text)) => StorageQuantity::parse(text),
            Some(Value::Number(number)) => StorageQuantity::parse(&number.to_string()),
            Some(Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_)) => None,
        };
        let Some(asked) = asked else {
            self.note(annotation, Instead::Operators);
            return default;
        };
        Some(match &operators.max {
            Some(max) if asked > *max => max.as_str().into(),
            Some(_) | None => asked.as_str().to_owned().into(),
        })
    }

    fn note(&mut self, annotation: &'static str, instead: Instead) {
        self.fallbacks.push(Fallback { annotation, instead });
    }
}

// === impl Fallback ===

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instead = match self.instead {
            Instead::Low => "LOW applies",
            Instead::Operators => "the operator's setting applies",
            Instead::NotAsked => "it counts as not given",
            Instead::NotANumber => "the launcher is told NaN",
        };
        write!(
            f,
            "the annotation screwdriver.cd/{} has a value that cannot be used: {instead}",
            self.annotation
        )
    }
}

#[cfg(test)]
mod tests;
