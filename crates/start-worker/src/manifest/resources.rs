//! How much CPU and memory a container may use.

use common::settings::Sizes;
use k8s_openapi::{api::core::v1::ResourceRequirements, apimachinery::pkg::api::resource::Quantity};
use serde_json::Value;

/// Whether `MAX` is one of the sizes that have names.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Max {
    Named,
    Unnamed,
}

/// What an annotation asks for: a name, or a whole number up to the maximum. Everything else is LOW, a
/// number in a text too.
pub(super) fn asked(annotation: Option<&Value>, sizes: &Sizes, max: Max) -> f64 {
    match annotation.and_then(whole_number) {
        Some(number) => number.min(sizes.max),
        None => named(annotation, sizes, max),
    }
}

/// What an annotation asks for by name; everything else is LOW.
pub(super) fn named(annotation: Option<&Value>, sizes: &Sizes, max: Max) -> f64 {
    match annotation.and_then(Value::as_str) {
        Some("MAX") if max == Max::Named => sizes.max,
        Some("TURBO") => sizes.turbo,
        Some("HIGH") => sizes.high,
        Some("MICRO") => sizes.micro,
        _ => sizes.low,
    }
}

/// Cores in thousandths, without the noise of binary fractions.
pub(super) fn thousandths(cores: f64) -> f64 {
    (cores * 1000.0).round()
}

/// Limits; nothing is requested beyond them.
pub(super) fn limits(cpu: String, memory: String) -> ResourceRequirements {
    let limits = [
        ("cpu".to_owned(), Quantity(cpu)),
        ("memory".to_owned(), Quantity(memory)),
    ];
    ResourceRequirements {
        limits: Some(limits.into()),
        ..Default::default()
    }
}

/// Limits in the units of executor k8s.
pub(super) fn pod_limits(cores: f64, gigabytes: f64) -> ResourceRequirements {
    limits(format!("{}m", thousandths(cores)), format!("{gigabytes}Gi"))
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
            (json!("MAX"), 12.5),
            (json!("TURBO"), 10.0),
            (json!("HIGH"), 6.0),
            (json!("LOW"), 2.0),
            (json!("MICRO"), 0.5),
            (json!("high"), 2.0),
            (json!("toString"), 2.0),
            (json!(""), 2.0),
            (json!("4"), 2.0),
            (json!(1.5), 2.0),
            (json!(null), 2.0),
            (json!([4]), 2.0),
            (json!(true), 2.0),
            (json!(3), 3.0),
            (json!(3.0), 3.0),
            (json!(64), 12.5),
            (json!(0), 0.0),
            (json!(-1), -1.0),
        ];
        for (annotation, expected) in cases {
            let size = asked(Some(&annotation), &SIZES, Max::Named);
            assert!((size - expected).abs() < f64::EPSILON, "{annotation}: {size}");
        }
        assert!((asked(Some(&json!("MAX")), &SIZES, Max::Unnamed) - SIZES.low).abs() < f64::EPSILON);
        assert!((asked(None, &SIZES, Max::Named) - SIZES.low).abs() < f64::EPSILON);
        assert!((named(Some(&json!(3)), &SIZES, Max::Named) - SIZES.low).abs() < f64::EPSILON);
    }

    #[test]
    fn limits_have_no_binary_noise() {
        let limits = pod_limits(1.1, 1.5).limits.unwrap();
        assert_eq!(limits["cpu"].0, "1100m");
        assert_eq!(limits["memory"].0, "1.5Gi");
    }
}
