use common::job::Job;
use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;
use crate::testing::settings;

/// The folder that a clear of this prefix, scope, pipeline and id means; `null` leaves a field out.
fn meant(prefix: &Value, scope: &Value, pipeline: &Value, id: &Value) -> Result<CacheFolder, ClearError> {
    let mut config = json!({ "resource": "caches", "action": "delete", "buildClusters": ["ClusterA"] });
    for (key, value) in [
        ("prefix", prefix),
        ("scope", scope),
        ("pipelineId", pipeline),
        ("id", id),
    ] {
        if !value.is_null() {
            config[key] = value.clone();
        }
    }
    folder_of(&config, "/cache")
}

fn folder_of(config: &Value, path: &str) -> Result<CacheFolder, ClearError> {
    let cache = settings(&[("CACHE_STRATEGY", "disk"), ("CACHE_PATH", path)])
        .ecosystem
        .cache;
    let body = json!({ "job": "clear", "cacheConfig": config }).to_string();
    let Job::Clear(job) = Job::decode(body.as_bytes()).unwrap() else {
        panic!("no clear: {body}")
    };
    folder(&job.config, &cache)
}

fn below(folder: &CacheFolder) -> String {
    assert_eq!(folder.root(), Path::new("/cache"));
    folder.to_string()
}

/// The predecessor's paths: `cachePath[/prefix]/scope/pipelineId[/id]`.
#[test]
fn folders_lie_where_the_predecessor_has_them() {
    let none = Value::Null;
    let cases = [
        (json!(""), "pipelines", json!(7), json!(7), "pipelines/7"),
        (none.clone(), "pipelines", json!(7), none.clone(), "pipelines/7"),
        (json!(""), "jobs", json!(7), json!(9), "jobs/7/9"),
        (json!(""), "events", json!("7"), json!("9"), "events/7/9"),
        (json!("beta-"), "events", json!(7), json!("9"), "beta-/events/7/9"),
        (json!("..beta"), "jobs", json!(7), json!(9), "..beta/jobs/7/9"),
        (none.clone(), "jobs", json!(7), json!("PR-15"), "jobs/7/PR-15"),
        // A text is a name as it stands, and another one than the number.
        (none, "jobs", json!("007"), json!("+9"), "jobs/007/+9"),
    ];
    for (prefix, scope, pipeline, id, expected) in cases {
        let folder = meant(&prefix, &json!(scope), &pipeline, &id);
        assert_eq!(folder.as_ref().map(below).as_deref(), Ok(expected));
    }
}

/// A pod whose caches were elsewhere would never see them cleared.
#[test]
fn folders_lie_where_the_manifest_mounts_them() {
    let cache = settings(&[("CACHE_STRATEGY", "disk"), ("CACHE_PATH", "/cache/")])
        .ecosystem
        .cache;
    for prefix in ["", "beta-"] {
        let config = json!({ "resource": "caches", "action": "delete", "prefix": prefix,
            "scope": "pipelines", "pipelineId": 7 });
        let folder = folder_of(&config, "/cache/").unwrap();
        let mounted = format!("{}/pipelines/7", cache.disk_path(prefix).unwrap());
        assert_eq!(folder.root().join(folder.to_string()), Path::new(&mounted));
    }
}

#[test]
fn no_message_leads_out_of_its_cache() {
    let evil = [
        json!(""),
        json!("."),
        json!(".."),
        json!("/"),
        json!("/etc"),
        json!("7/"),
        json!("7/.."),
        json!("7/../.."),
        json!("a/b"),
        json!("./7"),
        json!("undefined"),
        json!("null"),
        json!("NaN"),
        json!("7\u{0}"),
        json!("7\n"),
        json!("x".repeat(256)),
    ];
    let no_ids = [
        json!(0),
        json!("0"),
        json!(-7),
        json!(7.5),
        json!(true),
        json!([7]),
        json!({ "id": 7 }),
    ];
    let (good, none) = (json!(7), Value::Null);
    for bad in evil.iter().chain(&no_ids) {
        for scope in ["pipelines", "jobs", "events"] {
            let scope = json!(scope);
            assert_eq!(meant(&none, &scope, bad, &good), Err(ClearError::Unsafe), "{bad}");
            assert_eq!(meant(&none, &scope, &good, bad), Err(ClearError::Unsafe), "{bad}");
        }
    }
    for bad in evil {
        // An empty prefix is none.
        if bad != json!("") {
            assert_eq!(
                meant(&bad, &json!("jobs"), &good, &good),
                Err(ClearError::Unsafe),
                "{bad}"
            );
        }
        assert_eq!(meant(&none, &bad, &good, &good), Err(ClearError::Unsafe), "{bad}");
    }
    assert_eq!(
        meant(&none, &json!("caches"), &good, &good),
        Err(ClearError::Unsafe)
    );
}

#[test]
fn what_a_message_lacks_is_named() {
    let whole =
        json!({ "resource": "caches", "action": "delete", "scope": "jobs", "pipelineId": 7, "id": 9 });
    let without = |field: &str| {
        let mut config: Map<String, Value> = whole.as_object().unwrap().clone();
        config.remove(field);
        folder_of(&config.into(), "/cache")
    };
    let cases = [
        ("resource", "cacheConfig.resource"),
        ("action", "cacheConfig.action"),
        ("scope", "cacheConfig.scope"),
        ("pipelineId", "cacheConfig.pipelineId"),
        ("id", "cacheConfig.id"),
    ];
    for (key, field) in cases {
        let missing = ClearError::Incomplete(DecodeError::Missing { field });
        assert_eq!(without(key), Err(missing), "{key}");
    }
    for (key, expected) in [("resource", "caches"), ("action", "delete")] {
        let mut config = whole.clone();
        config[key] = json!("builds");
        let field = if key == "resource" { cases[0].1 } else { cases[1].1 };
        let invalid = ClearError::Incomplete(DecodeError::Invalid { field, expected });
        assert_eq!(folder_of(&config, "/cache"), Err(invalid));
    }
}

#[test]
fn without_a_disk_cache_there_is_nothing_to_clear() {
    let body = r#"{"job":"clear","cacheConfig":{"resource":"caches","action":"delete","scope":"pipelines",
        "pipelineId":7}}"#;
    let Job::Clear(job) = Job::decode(body.as_bytes()).unwrap() else {
        panic!("no clear")
    };
    for variables in [&[][..], &[("CACHE_STRATEGY", "s3"), ("CACHE_PATH", "/cache")]] {
        let cache = settings(variables).ecosystem.cache;
        assert_eq!(folder(&job.config, &cache), Err(ClearError::NoDiskCache));
    }
}

proptest! {
    /// Whatever the message says: below the root, at least two folders deep, and by plain names only.
    #[test]
    fn every_folder_is_below_the_root(
        prefix in "\\PC{0,12}", scope in "pipelines|jobs|events|\\PC{0,8}",
        pipeline in "[0-9a-z./\\\\ ]{0,12}", id in "[0-9a-z./\\\\ ]{0,12}",
    ) {
        if let Ok(folder) = meant(&json!(prefix), &json!(scope), &json!(pipeline), &json!(id)) {
            let path = below(&folder);
            let components: Vec<_> = Path::new(&path).components().collect();
            prop_assert!(components.len() >= 2, "{path}");
            prop_assert!(components.iter().all(|part| matches!(part, Component::Normal(_))), "{path}");
            let parts: Vec<_> = folder.above().chain([folder.name()]).collect();
            prop_assert_eq!(parts.len(), components.len());
        }
    }
}
