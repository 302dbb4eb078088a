//! Lists of pairs as the standard variables of OpenTelemetry have them.

use percent_encoding::percent_decode_str;

/// `name=value,name=value`, values percent-encoded as W3C Baggage has it. `None`: it is not that.
pub(super) fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (name, value) = part.split_once('=')?;
            let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
            let name = name.trim();
            (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_as_the_convention_has_them() {
        let read = |text| parse(text).map(|pairs| format!("{pairs:?}"));
        let table = [
            ("", Some("[]")),
            ("a=b", Some(r#"[("a", "b")]"#)),
            (" a = b%20c , d=e=f, ", Some(r#"[("a", "b c"), ("d", "e=f")]"#)),
            ("a", None),
            ("=b", None),
        ];
        for (text, expected) in table {
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
    }
}
