//! How long it takes to make a pod's manifest, for a plain build and for one that uses everything.
//!
//! The promise is 30 microseconds: nothing beside the calls to the peers, which take a hundred times that.

#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;

use common::settings::{ExecutorSettings, Plugin};
use criterion::{Criterion, criterion_group, criterion_main};
use serde_json::{Map, Value, json};
use start_worker::manifest::{self, BuildSpec};

fn executor(plugin: Plugin, kubernetes: &Value, cache: &Value) -> ExecutorSettings {
    let options = json!({
        "kubernetes": kubernetes,
        "ecosystem": {
            "api": "https://api.sd.example", "store": "https://store.sd.example", "ui": "https://sd.example",
            "cache": cache,
        },
    });
    ExecutorSettings::from_options("k8s", plugin, &options).unwrap()
}

fn spec(annotations: &Map<String, Value>) -> BuildSpec<'_> {
    BuildSpec {
        build_id: 8609,
        container: "node:22",
        token: "eyJhbGciOiJSUzI1NiJ9.eyJ1c2VybmFtZSI6ODYwOSwic2NvcGUiOlsidGVtcG9yYWwiXX0.c2lnbmF0dXJl",
        job_id: Some(777),
        job_name: Some("PR-15:main"),
        event_id: Some(4242),
        pipeline_id: Some(123),
        pipeline_name: Some("org/repo"),
        pr_num: Some(15),
        pr_parent_job_id: Some(11),
        template_full_name: Some("ns/template"),
        template_version: Some("1.2.3"),
        annotations,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        recreated: 0,
    }
}

fn manifests(criterion: &mut Criterion) {
    let none = json!({});
    let everything = json!({
        "dockerFeatureEnabled": true,
        "rootlessBuildkitFeatureEnabled": true,
        "runtimeClass": "kata",
        "imagePullSecretName": "regcred",
        "podLabels": { "team": "ci" },
        "annotations": { "a": "b" },
        "nodeSelectors": { "dedicated": "screwdriver" },
        "preferredNodeSelectors": { "arch": "arm64" },
        "resources": { "disk": { "speed": "screwdriver.cd/diskSpeed" } },
        "volumeMounts": [{ "name": "kvm", "mountPath": "/dev/kvm", "path": "/dev/kvm/", "type": "File" }],
        "buildSecrets": [{ "secret_env": "S", "secret_name": "n", "secret_key": "k" }],
        "lifecycleHooks": { "preStop": { "exec": { "command": ["true"] } } },
    });
    let asked = json!({
        "screwdriver.cd/cpu": "HIGH",
        "screwdriver.cd/ram": 7,
        "screwdriver.cd/diskSpeed": "HIGH",
        "screwdriver.cd/timeout": 100,
        "screwdriver.cd/dockerEnabled": true,
        "screwdriver.cd/dockerCpu": "TURBO",
        "screwdriver.cd/rootlessBuildkitEnabled": true,
        "screwdriver.cd/terminationGracePeriodSeconds": 120,
    });
    let disk = json!({ "strategy": "disk", "path": "/cache" });
    let image = json!({ "baseImage": "vm:1" });
    let cases = [
        ("plain", executor(Plugin::K8s, &none, &none), &none),
        ("everything", executor(Plugin::K8s, &everything, &disk), &asked),
        ("vm", executor(Plugin::K8sVm, &image, &disk), &none),
    ];
    let mut group = criterion.benchmark_group("manifest");
    for (name, executor, annotations) in &cases {
        let build = spec(annotations.as_object().unwrap());
        group.bench_function(*name, |bencher| {
            bencher.iter(|| {
                let made = manifest::of(black_box(executor), black_box(&build), "8609-abcde");
                made.map(|made| made.pod)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, manifests);
criterion_main!(benches);
