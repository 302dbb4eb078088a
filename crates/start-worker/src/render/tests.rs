use super::*;

#[test]
fn the_arguments_are_sound() {
    command().debug_assert();
}

#[test]
fn a_bare_configuration_becomes_a_start() {
    let cases = [
        (
            "{\"buildId\":1} ",
            r#"{"job":"start","buildConfig":{"buildId":1}}"#,
        ),
        (r#"{"job":"stop"}"#, r#"{"job":"stop"}"#),
        (r#"{"buildConfig":{}}"#, r#"{"buildConfig":{}}"#),
        // For decoding to explain.
        ("{\"buildId\":1", "{\"buildId\":1"),
        ("[1]", "[1]"),
    ];
    for (input, expected) in cases {
        let message = message(input.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(message).unwrap(), expected);
    }
    assert!(matches!(message(b"{}"), Err(RenderError::Neither)));
}

#[test]
fn causes_are_told_in_one_line() {
    let error = RenderError::NotAStart(DecodeError::Missing { field: "buildConfig" });
    assert_eq!(
        told(&error),
        "the input is not a start message: `buildConfig` is missing"
    );
}
