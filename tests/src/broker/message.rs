//! The bodies that the producer and the predecessor publish, field for field. They are text: what a worker
//! gets is bytes, and a test may want to damage them.

use std::fmt;

use serde_json::{Map, Value, json};

/// The producer's build configuration, with realistic values for what a test does not set.
#[derive(Clone, PartialEq)]
pub struct BuildConfig(Map<String, Value>);

// === impl BuildConfig ===

impl BuildConfig {
    /// The configuration of build `build` of a job named `main`, run in `node:22`.
    pub fn new(build: u64, api_uri: &str, token: &str) -> Self {
        let value = json!({
            "buildId": build, "eventId": 4242, "jobId": 777, "jobState": "ENABLED", "jobArchived": false,
            "jobName": "main",
            "annotations": { "screwdriver.cd/cpu": "HIGH", "screwdriver.cd/ram": "HIGH", "screwdriver.cd/timeout": 60 },
            "blockedBy": [777], "pipelineId": 123,
            "pipeline": { "id": 123, "name": "org/repo", "scmContext": "github:github.com" },
            "freezeWindows": [], "apiUri": api_uri, "container": "node:22", "isPR": false,
            "template": { "id": 9, "name": "tmpl", "namespace": "ns", "fullName": "ns/tmpl", "version": "1.2.3" },
            "token": token,
        });
        Self(value.as_object().cloned().unwrap_or_default())
    }

    /// With another image. The scripted kubelet plays a pod's fate by its image.
    #[must_use]
    pub fn container(self, image: &str) -> Self {
        self.with("container", image)
    }

    /// With an annotation more, or another value for one that is there.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: impl Into<Value>) -> Self {
        if let Some(Value::Object(annotations)) = self.0.get_mut("annotations") {
            annotations.insert(key.to_owned(), value.into());
        }
        self
    }

    /// As a build of pull request `number`.
    #[must_use]
    pub fn pull_request(self, number: u64) -> Self {
        let named = self
            .with("jobName", format!("PR-{number}:main"))
            .with("isPR", true);
        named.with("prNum", number).with("prParentJobId", 345)
    }

    /// With any field set, right or wrong.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// Without a field.
    #[must_use]
    pub fn without(mut self, key: &str) -> Self {
        self.0.remove(key);
        self
    }

    /// The start message, as the producer publishes it to the cluster's queue.
    pub fn start(&self) -> String {
        envelope("start", "buildConfig", &self.0)
    }

    /// The stop message: the very configuration of the start.
    pub fn stop(&self) -> String {
        envelope("stop", "buildConfig", &self.0)
    }

    /// The predecessor's own message to the retry queue.
    pub fn verify(&self) -> String {
        envelope("verify", "buildConfig", &self.0)
    }
}

impl fmt::Debug for BuildConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().filter(|(key, _)| *key != "token");
        formatter.debug_map().entries(shown).finish()
    }
}

/// The message that clears a cache; `scope` is `pipelines`, `jobs` or `events`, `prefix` is the producer's
/// queue prefix, often empty.
pub fn clear(scope: &str, id: u64, prefix: &str, clusters: &[&str]) -> String {
    let config = json!({
        "resource": "caches", "action": "delete", "prefix": prefix, "scope": scope, "id": id,
        "buildClusters": clusters, "pipelineId": 1,
    });
    envelope(
        "clear",
        "cacheConfig",
        &config.as_object().cloned().unwrap_or_default(),
    )
}

/// The job stands first, as the producer writes it.
fn envelope(job: &str, key: &str, config: &Map<String, Value>) -> String {
    format!("{{\"job\":{},\"{key}\":{}}}", json!(job), json!(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Value {
        serde_json::from_str(text).expect("JSON")
    }

    #[test]
    fn start_stop_and_verify_carry_the_same_configuration() {
        let config = BuildConfig::new(8609, "https://api.sd.example", "eyJ.secret.x");
        let start = parse(&config.start());
        assert!(config.start().starts_with(r#"{"job":"start","buildConfig":{"#));
        assert_eq!(start["buildConfig"]["buildId"], 8609);
        assert_eq!(
            start["buildConfig"]["pipeline"]["scmContext"],
            "github:github.com"
        );
        assert_eq!(parse(&config.stop())["buildConfig"], start["buildConfig"]);
        assert_eq!(parse(&config.verify())["buildConfig"], start["buildConfig"]);
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn fields_can_be_changed_and_taken_away() {
        let config = BuildConfig::new(1, "u", "t")
            .container("sd-test/running:1")
            .pull_request(15);
        let config = config
            .annotation("screwdriver.cd/executor", "k8s")
            .without("pipeline");
        let body = parse(&config.start())["buildConfig"].take();
        assert_eq!(
            (&body["jobName"], &body["prNum"], &body["isPR"]),
            (&json!("PR-15:main"), &json!(15), &json!(true))
        );
        assert_eq!(body["annotations"]["screwdriver.cd/executor"], "k8s");
        assert_eq!(
            (&body["container"], body.get("pipeline")),
            (&json!("sd-test/running:1"), None)
        );
    }

    #[test]
    fn a_clear_names_its_cache() {
        let expected = json!({
            "job": "clear",
            "cacheConfig": {
                "resource": "caches", "action": "delete", "prefix": "beta-", "scope": "jobs", "id": 5,
                "buildClusters": ["ClusterA", "ClusterB"], "pipelineId": 1,
            },
        });
        assert_eq!(
            parse(&clear("jobs", 5, "beta-", &["ClusterA", "ClusterB"])),
            expected
        );
    }
}
