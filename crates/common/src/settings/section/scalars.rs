//! Readers of single values: texts, secrets, words, booleans, numbers, durations, addresses, files.
//!
//! A reader with a default (`.._or`) notes it as what holds when nothing is set.

use std::{fmt, fs::File, ops::RangeBounds, path::PathBuf, time::Duration};

use config::ValueKind;
use secrecy::SecretString;

use super::{
    Section, quote,
    value::{describe, scalar_text},
};
use crate::settings::{
    duration, ecosystem,
    effective::{NOT_SET, REDACTED},
};

// === impl Section ===

impl Section<'_> {
    /// `found`, or else the default, which then holds.
    fn or<T>(&self, key: &str, found: Option<T>, default: T, show: impl Fn(&T) -> String) -> T {
        found.unwrap_or_else(|| {
            self.holds(key, show(&default));
            default
        })
    }

    /// Whether the value is a 0 or a false of the file's own, with which the predecessor meant its default, unlike
    /// the texts of variables. The default then holds.
    pub(in crate::settings) fn counts_as_unset(&self, key: &str, default: impl fmt::Display + Copy) -> bool {
        let unset = self.is_nothing(key);
        if unset {
            self.holds(key, default);
        }
        unset
    }

    fn is_nothing(&self, key: &str) -> bool {
        match self.child(key).map(|value| &value.kind) {
            Some(ValueKind::Boolean(value)) => !value,
            Some(ValueKind::I64(value)) => *value == 0,
            Some(ValueKind::U64(value)) => *value == 0,
            _ => false,
        }
    }

    /// Whether the value is an empty text.
    pub(super) fn is_empty_text(&self, key: &str) -> bool {
        matches!(self.child(key).map(|value| &value.kind), Some(ValueKind::String(text)) if text.is_empty())
    }

    /// Text; numbers and booleans as they print. `None` when unset or empty.
    pub(in crate::settings) fn text(&self, key: &str) -> Option<String> {
        let text = self.raw_text(key);
        self.holds(key, text.as_deref().map_or(NOT_SET.to_owned(), quote));
        text
    }

    /// The same with a default.
    pub(in crate::settings) fn text_or(&self, key: &str, default: &str) -> String {
        self.or(key, self.text(key), default.to_owned(), |text| quote(text))
    }

    /// Text that a 0 or a false of the file's own is not, as in the predecessor. `None` when unset or empty.
    pub(in crate::settings) fn name(&self, key: &str) -> Option<String> {
        if self.counts_as_unset(key, NOT_SET) {
            return None;
        }
        self.text(key)
    }

    /// The same with a default.
    pub(in crate::settings) fn name_or(&self, key: &str, default: &str) -> String {
        self.or(key, self.name(key), default.to_owned(), |text| quote(text))
    }

    /// Text where empty means something.
    pub(in crate::settings) fn text_even_empty_or(&self, key: &str, default: &str) -> String {
        let text = self.raw_text_even_empty(key);
        let text = text.unwrap_or_else(|| default.to_owned());
        self.holds(key, quote(&text));
        text
    }

    /// Text that is passed on as it is, empty too. It ends up between a shell's quotes, so it has no character that
    /// means something there.
    pub(in crate::settings) fn shell_word_or(&self, key: &str, default: &str) -> String {
        let word = self.text_even_empty_or(key, default);
        let safe = |c: char| c.is_ascii_alphanumeric() || "._-+".contains(c);
        if !word.chars().all(safe) {
            self.problem(
                key,
                "expected a word of letters, digits, dots, dashes, underscores and pluses",
            );
        }
        word
    }

    /// A text that must not be empty.
    pub(in crate::settings) fn required(&self, key: &str) -> String {
        let text = self.text(key);
        let nothing = !self.has(key) || self.scalar(key).is_some_and(|text| text.is_empty());
        if nothing {
            self.problem(key, "expected text, found nothing");
        }
        text.unwrap_or_default()
    }

    /// Text that nobody may print.
    pub(in crate::settings) fn secret(&self, key: &str) -> Option<SecretString> {
        let text = self.raw_text(key);
        self.holds(key, text.as_ref().map_or(NOT_SET, |_| REDACTED));
        text.map(SecretString::from)
    }

    /// Path of a file that can be read.
    pub(in crate::settings) fn file(&self, key: &str) -> Option<PathBuf> {
        let path = self.text(key).map(PathBuf::from)?;
        if let Err(error) = File::open(&path) {
            self.problem(key, format!("expected a file that can be read: {}", error.kind()));
        }
        Some(path)
    }

    /// One of a few words, and what it means.
    pub(in crate::settings) fn choice_or<T: Copy + PartialEq>(
        &self,
        key: &str,
        choices: &[(&'static str, T)],
        default: T,
    ) -> T {
        let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
        let meaning = |wanted: &str| choices.iter().find(|(word, _)| *word == wanted);
        let chosen = self
            .word(key, &words)
            .and_then(meaning)
            .map(|(_, meaning)| *meaning);
        self.or(key, chosen, default, |default| {
            let word = choices.iter().find(|(_, meaning)| meaning == default);
            quote(word.map_or("", |(word, _)| word))
        })
    }

    /// One of a few words; the first is the default.
    pub(in crate::settings) fn word_or_first(&self, key: &str, words: &[&str]) -> String {
        let default = words.first().copied().unwrap_or_default();
        self.or(key, self.word(key, words), default, |word| quote(word))
            .to_owned()
    }

    fn word<'w>(&self, key: &str, words: &[&'w str]) -> Option<&'w str> {
        let text = self.name(key)?;
        let word = words.iter().find(|word| **word == text).copied();
        if word.is_none() {
            self.problem(key, format!("expected one of: {}", words.join(", ")));
        }
        word
    }

    /// true/false, yes/no, on/off, y/n, 1/0 in any case.
    pub(in crate::settings) fn boolean(&self, key: &str) -> Option<bool> {
        let text = self.text(key)?.to_ascii_lowercase();
        let boolean = match text.as_str() {
            "true" | "yes" | "on" | "y" | "1" => true,
            "false" | "no" | "off" | "n" | "0" => false,
            _ => {
                self.problem(key, "expected true or false (also yes/no, on/off, y/n, 1/0)");
                return None;
            }
        };
        self.holds(key, boolean);
        Some(boolean)
    }

    /// The same with a default.
    pub(in crate::settings) fn boolean_or(&self, key: &str, default: bool) -> bool {
        self.or(key, self.boolean(key), default, bool::to_string)
    }

    /// A whole number within `range`, described to the operator as `what`.
    fn integer(&self, key: &str, range: impl RangeBounds<u64>, what: &str) -> Option<u64> {
        self.parsed(
            key,
            |text| text.parse().ok().filter(|number| range.contains(number)),
            || format!("expected {what}{}", describe(&range)),
        )
    }

    /// The same with a default.
    pub(in crate::settings) fn integer_or(
        &self,
        key: &str,
        range: impl RangeBounds<u64>,
        what: &str,
        default: u64,
    ) -> u64 {
        self.or(key, self.integer(key, range, what), default, u64::to_string)
    }

    /// A number, fractions allowed, within `range`, described to the operator as `what`.
    fn number(&self, key: &str, range: impl RangeBounds<f64>, what: &str) -> Option<f64> {
        let fits = |number: &f64| number.is_finite() && range.contains(number);
        self.parsed(
            key,
            |text| text.parse().ok().filter(fits),
            || format!("expected {what}{}", describe(&range)),
        )
    }

    /// The same with a default.
    pub(in crate::settings) fn number_or(
        &self,
        key: &str,
        range: impl RangeBounds<f64>,
        what: &str,
        default: f64,
    ) -> f64 {
        self.or(key, self.number(key, range, what), default, f64::to_string)
    }

    /// A duration with a unit, such as `90s`.
    pub(in crate::settings) fn duration(&self, key: &str) -> Option<Duration> {
        self.text(key)?;
        Some(self.duration_or(key, ""))
    }

    /// The same with a default, which is written so too.
    pub(in crate::settings) fn duration_or(&self, key: &str, default: &str) -> Duration {
        let found = self.text(key);
        let text = found.as_deref().unwrap_or(default);
        let parsed = duration::parse(text);
        if parsed.is_some() {
            self.holds(key, text.split_whitespace().collect::<String>());
        } else {
            self.problem(key, format!("expected {}", duration::EXPECTED));
        }
        // Above zero, so that nobody finds fault with it again.
        parsed.unwrap_or(Duration::from_secs(1))
    }

    /// Address of a web server, kept as it was written. Builds get addresses in a shell's quotes, so it
    /// has no character that means something there.
    pub(in crate::settings) fn url(&self, key: &str) -> Option<String> {
        self.address(
            key,
            url::Url::parse,
            "expected an address that begins with http:// or https://",
        )
    }

    /// The same, but `http://` may be left out.
    pub(in crate::settings) fn url_or_host(&self, key: &str) -> Option<String> {
        let parse = |text: &str| {
            let scheme = if text.contains("://") { "" } else { "http://" };
            url::Url::parse(&format!("{scheme}{text}"))
        };
        self.address(
            key,
            parse,
            "expected an address, such as http://host:port or host:port",
        )
    }

    fn address(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Result<url::Url, url::ParseError>,
        expectation: &str,
    ) -> Option<String> {
        let text = self.text(key)?;
        self.holds(key, quote(&ecosystem::without_password(&text)));
        let web = parse(&text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        let valid = web && !text.contains(|c: char| c.is_whitespace() || "\"$`\\".contains(c));
        if !valid {
            self.problem(key, expectation);
        }
        valid.then_some(text)
    }

    fn parsed<T: fmt::Display>(
        &self,
        key: &str,
        parse: impl Fn(&str) -> Option<T>,
        expectation: impl Fn() -> String,
    ) -> Option<T> {
        let text = self.text(key)?;
        let parsed = parse(text.trim());
        match &parsed {
            Some(value) => self.holds(key, value),
            None => self.problem(key, expectation()),
        }
        parsed
    }

    /// The text of a scalar; `None` for anything else, which is no problem.
    pub(in crate::settings) fn scalar(&self, key: &str) -> Option<String> {
        self.child(key).and_then(scalar_text)
    }

    fn raw_text(&self, key: &str) -> Option<String> {
        self.raw_text_even_empty(key).filter(|text| !text.is_empty())
    }

    fn raw_text_even_empty(&self, key: &str) -> Option<String> {
        let text = scalar_text(self.child(key)?);
        if text.is_none() {
            self.problem(key, "expected text");
        }
        text
    }
}
