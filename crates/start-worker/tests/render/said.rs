//! A run of `start-worker render`, and what goes into it.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::{Value, json};

pub(crate) const TOKEN: &str = "e30.eyJwclBhcmVudEpvYklkIjoxMX0.c2lnbmF0dXJl";

/// What the binary said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A file that is there as long as this is.
pub(crate) struct File(PathBuf);

// === impl File ===

impl File {
    pub(crate) fn with(name: &str, text: &str) -> Self {
        let path =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("render-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

pub(crate) fn render(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_start-worker"))
        .arg("render")
        .args(arguments)
        .env_clear()
        .env("NODE_CONFIG_DIR", "no-such-folder")
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A binary that refuses its arguments does not read: the pipe may be closed.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

pub(crate) fn rendered(arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Value {
    let said = render(&[arguments, &["-o", "json"]].concat(), environment, input);
    assert_eq!(said.code, Some(0), "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

#[track_caller]
pub(crate) fn refused(said: &Said, code: i32, texts: &[&str]) {
    assert_eq!(said.code, Some(code), "{}", said.err);
    assert_eq!(said.out, "");
    for text in texts {
        assert!(said.err.contains(text), "{text:?} is not in: {}", said.err);
    }
    assert!(!said.err.contains(TOKEN), "the token is told: {}", said.err);
}

pub(crate) fn options() -> Value {
    json!({
        "kubernetes": {},
        "ecosystem": { "api": "https://api.sd.example", "store": "https://s.example", "ui": "https://u.example" },
    })
}

pub(crate) fn config(more: &Value) -> Value {
    let mut config = json!({
        "buildId": 8609, "jobId": 777, "container": "node:22", "apiUri": "https://api.sd.example",
        "token": TOKEN,
    });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

pub(crate) fn start(more: &Value) -> String {
    json!({ "job": "start", "buildConfig": config(more) }).to_string()
}
