//! Durations as an operator writes them: a number and a unit.

use std::time::Duration;

/// What a duration looks like, for problems.
pub(super) const EXPECTED: &str = "a duration with a unit (ms, s, m, h) of at most 24h, such as 90s";

/// Longest duration that makes sense here: twice the life of a build's token.
const LONGEST: Duration = Duration::from_hours(24);

/// A number, fractions allowed, and a unit: `ms`, `s`, `m` or `h`. `None` for anything else.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|character: char| character.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return None,
    };
    let number: f64 = number.trim().parse().ok()?;
    Duration::try_from_secs_f64(number * unit)
        .ok()
        .filter(|duration| *duration <= LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_number_and_a_unit() {
        let cases = [
            ("15s", Some(15_000)),
            ("500ms", Some(500)),
            ("1.5m", Some(90_000)),
            (" 2 h ", Some(7_200_000)),
            ("0s", Some(0)),
            ("24h", Some(86_400_000)),
            ("25h", None),
            ("-1s", None),
            ("15", None),
            ("s", None),
            ("", None),
            ("1d", None),
            ("infs", None),
            ("1e400s", None),
        ];
        for (text, milliseconds) in cases {
            assert_eq!(parse(text), milliseconds.map(Duration::from_millis), "{text:?}");
        }
    }
}
