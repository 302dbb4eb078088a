//! Amounts of storage in the notation of Kubernetes.

use std::{cmp::Ordering, fmt};

/// An amount of storage that an API server takes, e.g. `10Gi`: from one byte up to what fits its numbers.
/// Ordered by the amount, printed as it was written.
#[derive(Debug, Clone)]
pub struct StorageQuantity {
    text: String,
    bytes: u64,
}

/// Longest that is read: more digits mean nothing.
const LONGEST: usize = 32;

// === impl StorageQuantity ===

impl StorageQuantity {
    /// Reads digits, with a fraction or not, and a unit: `Ki` to `Ei`, `k` to `E`, `m`, `u`, `n`, an exponent of ten,
    /// or nothing. `None` for anything else, and for less than one byte.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let unit_at = text
            .find(|character: char| !character.is_ascii_digit() && character != '.')
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(unit_at);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        // Two dots end here: the second one is no digit.
        let digits: u128 = format!("{whole}{fraction}").parse().ok()?;
        let (times, over) = scale(unit)?;
        let over = over.checked_mul(ten_to(fraction.len())?)?;
        let bytes = digits.checked_mul(times)?.div_ceil(over);
        let bytes = u64::try_from(bytes).ok()?;
        let fits = (1..=i64::MAX.unsigned_abs()).contains(&bytes);
        fits.then(|| Self {
            text: text.to_owned(),
            bytes,
        })
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for StorageQuantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ord for StorageQuantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl PartialOrd for StorageQuantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for StorageQuantity {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for StorageQuantity {}

/// By what a unit multiplies, and by what it divides.
fn scale(unit: &str) -> Option<(u128, u128)> {
    const POWERS_OF_1000: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    const POWERS_OF_1024: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    const PARTS: [&str; 4] = ["", "m", "u", "n"];
    let power = |units: &[&str]| units.iter().position(|known| *known == unit);
    if let Some(power) = power(&POWERS_OF_1000) {
        return Some((ten_to(3 * power)?, 1));
    }
    if let Some(power) = power(&POWERS_OF_1024) {
        return Some((1 << (10 * power), 1));
    }
    if let Some(power) = power(&PARTS) {
        return Some((1, ten_to(3 * power)?));
    }
    let exponent: i32 = unit.strip_prefix(['e', 'E'])?.parse().ok()?;
    let scale = ten_to(usize::try_from(exponent.unsigned_abs()).ok()?)?;
    Some(if exponent < 0 { (1, scale) } else { (scale, 1) })
}

fn ten_to(power: usize) -> Option<u128> {
    10u128.checked_pow(u32::try_from(power).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_numbers_with_units() {
        let cases = [
            ("1", Some(1)),
            ("10Gi", Some(10 << 30)),
            ("1.5Ki", Some(1536)),
            (".5Ki", Some(512)),
            ("1.Ki", Some(1024)),
            ("2k", Some(2_000)),
            ("3M", Some(3_000_000)),
            ("7Ei", Some(7 << 60)),
            ("1E", Some(1_000_000_000_000_000_000)),
            ("1e3", Some(1_000)),
            ("1E+3", Some(1_000)),
            ("1500e-3", Some(2)),
            ("1500m", Some(2)),
            ("1n", Some(1)),
            ("0", None),
            ("0Gi", None),
            ("-1Gi", None),
            ("8Ei", None),
            ("1e999", None),
            ("1e99999999999", None),
            ("1.2.3", None),
            (".", None),
            ("", None),
            ("Gi", None),
            ("1 Gi", None),
            ("1gi", None),
            ("1GB", None),
            ("1Mii", None),
            ("1e", None),
            ("١Gi", None),
            ("00000000000000000000000000000001", Some(1)),
            ("000000000000000000000000000000001", None),
        ];
        for (text, expected) in cases {
            let quantity = StorageQuantity::parse(text);
            assert_eq!(
                quantity.as_ref().map(|quantity| quantity.bytes),
                expected,
                "{text}"
            );
            if let Some(quantity) = quantity {
                assert_eq!(quantity.to_string(), text);
            }
        }
    }

    #[test]
    fn amounts_compare_by_what_they_are() {
        let quantity = |text| StorageQuantity::parse(text).unwrap();
        assert!(quantity("1Gi") > quantity("1G"));
        assert!(quantity("1024Mi") == quantity("1Gi"));
        assert!(quantity("500Mi") < quantity("0.5Gi"));
    }
}
