//! How much CPU, memory and local storage a container may use.

use std::collections::BTreeMap;

use common::{job::text_of, settings::Sizes};
use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity};
use serde_json::Value;

/// Whether `MAX` is one of the sizes that have names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Max {
    Named,
    Unnamed,
}

/// Cores and GB of one container.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) cores: f64,
    pub(super) gigabytes: f64,
}

/// What a value asks for: a name, or a whole number up to the maximum; a number in a text is neither.
/// Zero and less pass, and the API server judges them.
pub(super) fn asked(value: &Value, sizes: &Sizes, max: Max) -> Option<f64> {
    match whole_number(value) {
        Some(number) => Some(number.min(sizes.max)),
        None => named(value, sizes, max),
    }
}

/// What a value asks for by name; a list of one name is that name, as in the predecessor.
pub(super) fn named(value: &Value, sizes: &Sizes, max: Max) -> Option<f64> {
    match text_of(value).as_ref() {
        "MAX" if max == Max::Named => Some(sizes.max),
        "TURBO" => Some(sizes.turbo),
        "HIGH" => Some(sizes.high),
        "LOW" => Some(sizes.low),
        "MICRO" => Some(sizes.micro),
        _ => None,
    }
}

/// Cores in thousandths, without the noise of binary fractions. Always a number: what a job asks for in jest is the API
/// server's to refuse.
pub(super) fn thousandths(cores: f64) -> f64 {
    (cores * 1000.0).round().clamp(f64::MIN, f64::MAX)
}

/// Limits; nothing is requested beyond them.
pub(super) fn limits(cpu: String, memory: String, ephemeral_storage: Option<&str>) -> ResourceRequirements {
    let mut limits = BTreeMap::from([
        ("cpu".to_owned(), Quantity(cpu)),
        ("memory".to_owned(), Quantity(memory)),
    ]);
    if let Some(storage) = ephemeral_storage {
        limits.insert("ephemeral-storage".to_owned(), Quantity(storage.to_owned()));
    }
    ResourceRequirements {
        limits: Some(limits),
        ..Default::default()
    }
}

// === impl Size ===

impl Size {
    /// Limits in the units of executor k8s.
    pub(super) fn limits(self, ephemeral_storage: Option<&str>) -> ResourceRequirements {
        let cpu = format!("{}m", thousandths(self.cores));
        limits(cpu, format!("{}Gi", self.gigabytes), ephemeral_storage)
    }
}

/// A JSON number without a fraction; `3.0` is one.
fn whole_number(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| number.fract() == 0.0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SIZES: Sizes = Sizes {
        max: 12.5,
        turbo: 10.0,
        high: 6.0,
        low: 2.0,
        micro: 0.5,
    };

    #[test]
    fn sizes_are_names_or_whole_numbers() {
        let cases = [
            (json!("MAX"), Some(12.5)),
            (json!("TURBO"), Some(10.0)),
            (json!("HIGH"), Some(6.0)),
            (json!("LOW"), Some(2.0)),
            (json!("MICRO"), Some(0.5)),
            (json!("high"), None),
            (json!("toString"), None),
            (json!(""), None),
            (json!("4"), None),
            (json!(1.5), None),
            (json!([4]), None),
            (json!(["HIGH"]), Some(6.0)),
            (json!([["MICRO"]]), Some(0.5)),
            (json!(["HIGH", "LOW"]), None),
            (json!([]), None),
            (json!(true), None),
            (json!(3), Some(3.0)),
            (json!(3.0), Some(3.0)),
            (json!(64), Some(12.5)),
            (json!(0), Some(0.0)),
            (json!(-1), Some(-1.0)),
        ];
        for (value, expected) in cases {
            assert_eq!(asked(&value, &SIZES, Max::Named), expected, "{value}");
        }
        assert_eq!(asked(&json!("MAX"), &SIZES, Max::Unnamed), None);
        assert_eq!(named(&json!(3), &SIZES, Max::Named), None);
    }

    #[test]
    fn limits_have_no_binary_noise() {
        let size = Size {
            cores: 1.1,
            gigabytes: 1.5,
        };
        let limits = size.limits(None).limits.unwrap();
        assert_eq!(limits["cpu"].0, "1100m");
        assert_eq!(limits["memory"].0, "1.5Gi");
        assert_eq!(limits.len(), 2);
    }
}
