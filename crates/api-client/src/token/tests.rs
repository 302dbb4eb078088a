use proptest::prelude::*;

use super::*;

fn with_payload(payload: &str) -> BuildToken {
    format!(
        "eyJhbGciOiJSUzI1NiJ9.{}.c2lnbmF0dXJl",
        URL_SAFE_NO_PAD.encode(payload)
    )
    .parse()
    .unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn claims_are_read_whatever_their_number_type() {
    let table = [
        (
            r#"{"exp":1700043200,"iat":1700000000,"prParentJobId":345,"scope":["temporal"]}"#,
            Claims {
                expires: Some(at("2023-11-15T10:13:20Z")),
                issued: Some(at("2023-11-14T22:13:20Z")),
                pr_parent_job_id: Some(345),
            },
        ),
        (
            r#"{"exp":1700043200.5,"iat":1.7e9}"#,
            Claims {
                expires: Some(at("2023-11-15T10:13:20.5Z")),
                issued: Some(at("2023-11-14T22:13:20Z")),
                pr_parent_job_id: None,
            },
        ),
        (
            r#"{"exp":"1700043200","iat":null,"prParentJobId":-1}"#,
            Claims::default(),
        ),
        (
            r#"{"exp":1e300,"iat":-99999999999999,"prParentJobId":1.5}"#,
            Claims::default(),
        ),
        (
            r#"{"exp":18446744073709551615,"iat":[],"prParentJobId":{}}"#,
            Claims::default(),
        ),
        (
            r#"{"prParentJobId":"345"}"#,
            Claims {
                pr_parent_job_id: Some(345),
                ..Claims::default()
            },
        ),
        (
            r#"{"prParentJobId":345.0}"#,
            Claims {
                pr_parent_job_id: Some(345),
                ..Claims::default()
            },
        ),
        (r#"{"prParentJobId":"x"}"#, Claims::default()),
        ("{}", Claims::default()),
    ];
    for (payload, expected) in table {
        assert_eq!(with_payload(payload).claims(), Some(expected), "{payload}");
    }
}

#[test]
fn a_padded_payload_is_read_too() {
    let token: BuildToken = "h.eyJleHAiOjF9Cg==.s".parse().unwrap();
    assert_eq!(token.claims().unwrap().expires, Some(at("1970-01-01T00:00:01Z")));
}

#[test]
fn what_is_no_jwt_has_no_claims() {
    for text in ["opaque", "one.two", "a..c", "a.!!!.c", "a.bm90IGpzb24.c"] {
        assert_eq!(text.parse::<BuildToken>().unwrap().claims(), None, "{text}");
    }
    assert_eq!(with_payload("[1]").claims(), None);
}

#[test]
fn scopes_are_read_and_unknown_ones_kept() {
    let token = with_payload(r#"{"scope":["temporal","user","levitate",5]}"#);
    let scopes = [Scope::Temporal, Scope::User, Scope::from("levitate")];
    assert_eq!(token.scopes(), scopes);
    for payload in ["{}", r#"{"scope":"user"}"#, r#"{"scope":null}"#] {
        assert_eq!(with_payload(payload).scopes(), [], "{payload}");
    }
    assert_eq!("opaque".parse::<BuildToken>().unwrap().scopes(), []);
}

#[test]
fn a_token_is_never_shown() {
    let token: BuildToken = serde_json::from_str("\"very.secret.word\"").unwrap();
    assert_eq!(token.expose(), "very.secret.word");
    assert_eq!(
        format!("{token:?} {:#?}", Some(&token)),
        "[redacted] Some(\n    [redacted],\n)"
    );
}

#[test]
fn text_that_no_header_carries_is_refused_without_quoting_it() {
    for text in ["", "two words", "line\nbreak", "t\u{f6}ken", "nul\0"] {
        assert_eq!(text.parse::<BuildToken>(), Err(InvalidToken));
        let error = serde_json::from_value::<BuildToken>(text.into())
            .unwrap_err()
            .to_string();
        assert!(text.is_empty() || !error.contains(text), "{error}");
    }
    assert!(serde_json::from_str::<BuildToken>("5").is_err());
    assert!(serde_json::from_str::<BuildToken>("null").is_err());
}

proptest! {
    #[test]
    fn claims_never_panic_on_any_text(text in ".*") {
        if let Ok(token) = text.parse::<BuildToken>() {
            let _ = token.claims();
        }
    }

    #[test]
    fn claims_never_panic_on_any_payload(payload: Vec<u8>) {
        let token: BuildToken = format!("h.{}.s", URL_SAFE_NO_PAD.encode(payload)).parse().unwrap();
        let _ = token.claims();
    }

    #[test]
    fn claims_never_panic_on_any_number(number: f64, integer: i64) {
        let payload = format!(r#"{{"exp":{integer},"iat":{number:e},"prParentJobId":{number:e}}}"#);
        prop_assert_eq!(with_payload(&payload).claims().is_some(), number.is_finite());
    }
}
