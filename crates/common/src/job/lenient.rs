//! JSON as the producer's language writes it: texts with halves of characters, numbers beyond all bounds, fields twice,
//! nesting without end. What is only passed on or shown must not make a message unreadable.

use std::borrow::Cow;

use serde::{
    Deserializer,
    de::{DeserializeSeed, Error, MapAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

/// Shows every field of an object, each value as the text it came in; nothing of a value is read.
///
/// # Errors
/// It is no JSON, or no object.
pub(super) fn each<'a>(json: &'a [u8], see: impl FnMut(&[u8], &'a RawValue)) -> serde_json::Result<()> {
    let mut deserializer = serde_json::Deserializer::from_slice(json);
    deserializer.deserialize_map(Each(see))?;
    deserializer.end()
}

/// The values of these fields of an object, each as the text it came in. Of one that is there twice the later counts.
///
/// # Errors
/// It is no JSON, or no object.
pub(super) fn fields<'a, const N: usize>(
    json: &'a [u8],
    names: [&str; N],
) -> serde_json::Result<[Option<&'a RawValue>; N]> {
    let mut found = [None; N];
    each(json, |name, value| {
        let place = names.iter().position(|known| known.as_bytes() == name);
        if let Some(place) = place.and_then(|place| found.get_mut(place)) {
            *place = Some(value);
        }
    })?;
    Ok(found)
}

/// Which of these fields an object has; `None` for what is no object.
pub fn has<const N: usize>(json: &[u8], names: [&str; N]) -> Option<[bool; N]> {
    let found = fields(json, names).ok()?;
    Some(found.map(|field| field.is_some()))
}

/// The value, or the nearest that there is: a number beyond all bounds is the text of an infinity, and what is nested
/// too deep an empty object.
pub(super) fn nearest(raw: &RawValue) -> Value {
    let text = raw.get();
    serde_json::from_str(text).unwrap_or_else(|_| match text.as_bytes().first() {
        Some(b'"') => self::text(raw).unwrap_or_default().into(),
        Some(b'-') => "-Infinity".into(),
        Some(b'0'..=b'9') => "Infinity".into(),
        _ => Map::new().into(),
    })
}

/// The text in quotes, with replacement characters for halves of characters; `None` for anything else.
pub(super) fn text(raw: &RawValue) -> Option<String> {
    let quoted = Some(raw.get()).filter(|text| text.starts_with('"'))?;
    let bytes = Bytes.deserialize(&mut serde_json::Deserializer::from_str(quoted));
    bytes
        .ok()
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// What the producer's language makes of a value as text: of a list its items with commas between.
pub fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => "".into(),
        Value::Bool(value) => value.to_string().into(),
        Value::String(text) => text.into(),
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(number) => text_of_number(number).into(),
            None => number.to_string().into(),
        },
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(",").into(),
        Value::Object(_) => "[object Object]".into(),
    }
}

/// What the producer's language makes of a number as text: whole ones without a fraction, very large and very small ones
/// with an exponent.
pub fn text_of_number(number: f64) -> String {
    let size = number.abs();
    if number.is_infinite() {
        format!("{number}").replace("inf", "Infinity")
    } else if size >= 1e21 {
        format!("{number:e}").replace('e', "e+")
    } else if size > 0.0 && size < 1e-6 {
        format!("{number:e}")
    } else {
        number.to_string()
    }
}

/// Calls its function with every field.
struct Each<F>(F);

/// A text as bytes: the only form in which the parser hands out halves of characters.
struct Bytes;

// === impl Each ===

impl<'de, F: FnMut(&[u8], &'de RawValue)> Visitor<'de> for Each<F> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Bytes)? {
            (self.0)(&name, map.next_value()?);
        }
        Ok(())
    }
}

// === impl Bytes ===

impl<'de> DeserializeSeed<'de> for Bytes {
    type Value = Cow<'de, [u8]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for Bytes {
    type Value = Cow<'de, [u8]>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
        Ok(bytes.into())
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(bytes.to_owned().into())
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(text.as_bytes().into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.as_bytes().to_owned().into())
    }
}
