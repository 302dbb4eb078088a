//! Messages as the producer, the predecessor and we ourselves write them; then whatever else can arrive.

mod garbage;
mod odd;
mod ours;
mod properties;

use serde_json::{Value, json};

use super::*;

/// Stands where a token would: no error may show it.
const CANARY: &str = "canary-5f2b";

/// A build's configuration with every field that decoding needs, and none that it does not.
fn config() -> Value {
    json!({ "buildId": 8609, "container": "node:22", "apiUri": "https://api.sd.example", "token": CANARY })
}

/// A new kind has to be given its place here, or this does not compile.
#[test]
fn the_kinds_are_all_there_are() {
    let place = |job: &Job<'_>| match job {
        Job::Start(_) => 0,
        Job::Stop(_) => 1,
        Job::Clear(_) => 2,
        Job::Check(_) => 3,
        Job::Probe => 4,
    };
    let build = config().to_string();
    let cache = r#"{"resource":"caches","action":"delete","prefix":"","scope":"jobs","id":5}"#;
    let bodies = [
        ("start", "buildConfig", build.as_str()),
        ("stop", "buildConfig", &build),
        ("clear", "cacheConfig", cache),
        ("verify", "buildConfig", &build),
        ("probe", "buildConfig", "{}"),
    ];
    for (index, (job, key, value)) in bodies.into_iter().enumerate() {
        let body = format!(r#"{{"job":"{job}","{key}":{value}}}"#);
        let job = decoded(&body);
        assert_eq!((place(&job), job.kind()), (index, Job::KINDS[index]));
    }
    assert_eq!(Job::KINDS.len(), bodies.len());
}

fn decoded(body: &str) -> Job<'_> {
    Job::decode(body.as_bytes()).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// The configuration of a full start message, as the producer writes it.
const FULL: &str = r#"{
 "buildId":8609,"eventId":4242,"jobId":777,"jobState":"ENABLED","jobArchived":false,"jobName":"main",
 "annotations":{"screwdriver.cd/cpu":"HIGH","screwdriver.cd/timeout":60,"beta.screwdriver.cd/executor":"k8s"},
 "blockedBy":[777],"pipelineId":123,
 "pipeline":{"id":123,"name":"org/repo","scmContext":"github:github.com"},
 "freezeWindows":[],"apiUri":"https://api.sd.example","container":"node:22","isPR":false,
 "template":{"id":9,"name":"tmpl","namespace":"ns","fullName":"ns/tmpl","version":"1.2.3"},
 "token":"header.claims.signature"}"#;

fn assert_full(config: &BuildConfig<'_>) {
    assert_eq!(config.build_id.get(), 8609);
    assert_eq!(config.api_uri.as_str(), "https://api.sd.example/");
    assert_eq!(
        config
            .token
            .as_ref()
            .map(screwdriver_api_client::BuildToken::expose),
        Some("header.claims.signature")
    );
    assert_eq!(config.annotations["screwdriver.cd/timeout"], json!(60));
    assert_eq!(config.annotations.len(), 3);
    assert_eq!(
        (config.job_id, config.event_id, config.pr_num),
        (Some(777), Some(4242), None)
    );
    assert_eq!(config.job_name.as_deref(), Some("main"));
    let pipeline = config.pipeline.as_ref().unwrap();
    assert_eq!((pipeline.id, pipeline.name.as_deref()), (123, Some("org/repo")));
    let template = config.template.as_ref().unwrap();
    assert_eq!(template.full_name.as_deref(), Some("ns/tmpl"));
    assert_eq!(template.version.as_deref(), Some("1.2.3"));
    assert_eq!(config.raw.0.get(), FULL);
}

#[test]
fn a_start_of_the_producers() {
    let body = format!(r#"{{"job":"start","buildConfig":{FULL}}}"#);
    let Job::Start(job) = decoded(&body) else {
        panic!("no start")
    };
    assert_full(&job.config);
    assert_eq!(job.container, "node:22");
    assert_eq!(job.state, None);
}

#[test]
fn a_start_of_a_pull_request() {
    let fields = r#""jobName":"PR-15:main","isPR":true,"prNum":15,"prParentJobId":345"#;
    let config = FULL.replace(r#""jobName":"main""#, fields);
    let body = format!(r#"{{"job":"start","buildConfig":{config}}}"#);
    let job = decoded(&body);
    let config = job.config().unwrap();
    assert_eq!(config.job_name.as_deref(), Some("PR-15:main"));
    assert_eq!(config.pr_num, Some(15));
}

#[test]
fn a_stop_is_a_start_by_another_name() {
    let body = format!(r#"{{"job":"stop","buildConfig":{FULL}}}"#);
    let Job::Stop(job) = decoded(&body) else {
        panic!("no stop")
    };
    assert_full(&job.config);
    assert_eq!(job.state, None);
}

#[test]
fn a_stop_needs_little() {
    let body = r#"{"job":"stop","buildConfig":{"buildId":8609,"jobId":777,
        "annotations":{"screwdriver.cd/executor":"k8s"},"apiUri":"https://api.sd.example",
        "container":"node:22","token":"a.b.c"}}"#;
    assert_eq!(decoded(body).kind(), "stop");
    let least = r#"{"job":"stop","buildConfig":{"buildId":8609,"apiUri":"https://api.sd.example"}}"#;
    let job = decoded(least);
    assert!(job.config().unwrap().token.is_none());
    assert!(job.config().unwrap().annotations.is_empty());
}

#[test]
fn a_clear_of_the_producers() {
    let body = r#"{"job":"clear","cacheConfig":{"resource":"caches","action":"delete","prefix":"beta-",
        "scope":"jobs","id":5,"buildClusters":["ClusterA","ClusterB"],"pipelineId":1}}"#;
    let Job::Clear(job) = decoded(body) else {
        panic!("no clear")
    };
    let config = &job.config;
    assert_eq!(config.resource.as_deref(), Some("caches"));
    assert_eq!(config.action.as_deref(), Some("delete"));
    assert_eq!(config.scope.as_deref(), Some("jobs"));
    assert_eq!(config.prefix.as_deref(), Some("beta-"));
    assert_eq!(
        (config.id.as_ref(), config.pipeline_id.as_ref()),
        (Some(&json!(5)), Some(&json!(1)))
    );
    assert_eq!(job.state, None);
}

#[test]
fn a_verify_of_the_predecessors_is_a_check_without_a_state() {
    let body = format!(r#"{{"job":"verify","buildConfig":{FULL}}}"#);
    let Job::Check(job) = decoded(&body) else {
        panic!("no check")
    };
    assert_full(&job.config);
    assert_eq!(job.state, None);
}

#[test]
fn ids_may_be_quoted() {
    let mut config = config();
    for (field, id) in [
        ("buildId", "8609"),
        ("jobId", "777"),
        ("eventId", "4242"),
        ("prNum", "15"),
    ] {
        config[field] = json!(id);
    }
    config["pipeline"] = json!({ "id": "123", "scmContext": "github:github.com" });
    let body = json!({ "job": "start", "buildConfig": config }).to_string();
    let job = decoded(&body);
    let config = job.config().unwrap();
    assert_eq!(config.build_id.get(), 8609);
    assert_eq!(
        (config.job_id, config.event_id, config.pr_num),
        (Some(777), Some(4242), Some(15))
    );
    assert_eq!(config.pipeline.as_ref().unwrap().id, 123);
}

#[test]
fn null_is_as_good_as_absent() {
    let mut config = config();
    for field in [
        "jobId",
        "jobName",
        "eventId",
        "pipeline",
        "prNum",
        "template",
        "annotations",
    ] {
        config[field] = Value::Null;
    }
    let body = json!({ "job": "start", "buildConfig": config, "start": null, "check": null }).to_string();
    let job = decoded(&body);
    assert!(job.config().unwrap().pipeline.is_none());
    assert_eq!(job.counted_attempts(), None);
}

#[test]
fn names_that_only_show_in_labels_may_be_anything() {
    let mut config = config();
    config["pipeline"] = json!({ "id": 123, "name": { "odd": [] } });
    config["template"] = json!({ "fullName": 7, "version": true });
    let body = json!({ "job": "start", "buildConfig": config }).to_string();
    let job = decoded(&body);
    let config = job.config().unwrap();
    assert_eq!(config.pipeline.as_ref().unwrap().name, None);
    let template = config.template.as_ref().unwrap();
    assert_eq!(
        (template.full_name.as_deref(), template.version.as_deref()),
        (Some("7"), Some("true"))
    );
}
