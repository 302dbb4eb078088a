//! How long an answer asks to wait, from its `Retry-After` header. Pure: the time is an argument.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

/// No server may hold a caller longer than this, whatever it asks for.
const LONGEST: Duration = Duration::from_mins(10);

static HTTP_DATE: DateTimeParser = DateTimeParser::new();

/// The wait that the header asks for, at most ten minutes; a date in the past is no wait.
///
/// `None` if there is no header, or if it is neither whole seconds nor an HTTP date in the one form
/// that servers may still write (`Sun, 06 Nov 1994 08:49:37 GMT`).
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a `u64` holds is a long wait, not a mistake.
        text.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        let date = HTTP_DATE.parse_timestamp(text).ok()?;
        Duration::try_from(date.duration_since(now)).unwrap_or(Duration::ZERO)
    };
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn asked(text: &str) -> Option<Duration> {
        let now = "1994-11-06T08:49:07Z".parse().unwrap();
        let value = HeaderValue::from_bytes(text.as_bytes()).ok()?;
        retry_after(&HeaderMap::from_iter([(RETRY_AFTER, value)]), now)
    }

    #[test]
    fn seconds_and_dates_are_read_and_capped() {
        let table = [
            ("0", Some(0)),
            ("30", Some(30)),
            (" 30 ", Some(30)),
            ("600", Some(600)),
            ("601", Some(600)),
            ("99999999999999999999999", Some(600)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("Thu, 06 Nov 2094 08:49:37 GMT", None), // that day is a Saturday
            ("Sat, 06 Nov 2094 08:49:37 GMT", Some(600)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("soon", None),
            ("1994-11-06T08:49:37Z", None),
            ("\u{e9}", None),
        ];
        for (text, seconds) in table {
            assert_eq!(asked(text), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn no_header_asks_for_nothing() {
        assert_eq!(retry_after(&HeaderMap::new(), Timestamp::UNIX_EPOCH), None);
    }

    proptest! {
        #[test]
        fn no_text_panics_or_asks_for_more_than_the_cap(text in "\\PC*") {
            prop_assert!(asked(&text).is_none_or(|wait| wait <= LONGEST));
        }
    }
}
