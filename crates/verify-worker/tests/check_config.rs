//! `verify-worker --check-config` as an operator calls it.

use std::process::Command;

#[test]
fn both_workers_show_the_settings_that_they_share() {
    for (value, code) in [("10s", 0), ("ten", 64)] {
        let output = Command::new(env!("CARGO_BIN_EXE_verify-worker"))
            .args(["--check-config", "--config-dir", "/nonexistent"])
            .env_clear()
            .env("OUTAGE_HOLD", value)
            .output()
            .unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{text}");
        assert!(text.contains("OUTAGE_HOLD"), "{text}");
    }
}
