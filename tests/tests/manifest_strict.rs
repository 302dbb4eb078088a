//! What a real API server says of our pods, asked strictly: a field that it does not know is an error. Nothing is
//! created.

use std::{
    collections::BTreeSet,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context;
use common::job::ANNOTATIONS;
use k8s_openapi::{
    api::{core::v1::ServiceAccount, node::v1::RuntimeClass},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client,
    api::{DeleteParams, PostParams},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::{Map, Value, json};
use testbed::{control_plane::ControlPlane, pki::Pki, worker};

/// Generated builds.
const MANY: usize = 200;

/// What an API server refuses in a pod that a job's annotations made, by the place that it names: limits below
/// zero, and speeds and sizes of disk that are no value of a label. The build fails with the server's words.
const REFUSED: [&str; 4] = [
    "resources.limits",
    "resources.requests",
    "tolerations",
    "requiredDuringSchedulingIgnoredDuringExecution",
];

/// An API server and a namespace.
struct Judge {
    control_plane: ControlPlane,
    client: Client,
    namespace: String,
    directory: tempfile::TempDir,
}

// === impl Judge ===

impl Judge {
    async fn new(name: &str) -> anyhow::Result<Self> {
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let directory = tempfile::tempdir()?;
        let pki = Pki::create(&directory.path().join("pki"))?;
        let control_plane = ControlPlane::start(&directory.path().join("control-plane"), &pki).await?;
        let namespace = control_plane.namespace(name).await?.name().to_owned();
        let client = control_plane.client()?;
        Ok(Self {
            control_plane,
            client,
            namespace,
            directory,
        })
    }

    /// The pod of `config` in an executor with these options, as the real binary makes it.
    fn rendered(&self, executor: &str, options: &Value, config: &Value) -> anyhow::Result<Value> {
        let file = self.directory.path().join("options.json");
        std::fs::write(&file, options.to_string())?;
        let mut child = Command::new(worker::binary(worker::Kind::Start)?)
            .args([
                "render",
                "-o",
                "json",
                "--show-token",
                "--executor",
                executor,
                "--options",
            ])
            .arg(&file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        child
            .stdin
            .take()
            .context("a pipe")?
            .write_all(config.to_string().as_bytes())?;
        let output = child.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "{config}: {said}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// What the API server says of the pod: nothing if it takes it.
    async fn says(&self, pod: &Value) -> anyhow::Result<Option<kube::core::Status>> {
        let path = format!(
            "/api/v1/namespaces/{}/pods?dryRun=All&fieldValidation=Strict",
            self.namespace
        );
        let request = http::Request::post(path)
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(serde_json::to_vec(pod)?)?;
        match self.client.request::<Value>(request).await {
            Ok(_) => Ok(None),
            Err(kube::Error::Api(status)) => Ok(Some(*status)),
            Err(error) => Err(error.into()),
        }
    }

    /// What the recorded pods refer to.
    async fn furnish(&self) -> anyhow::Result<()> {
        let accounts: Api<ServiceAccount> = Api::namespaced(self.client.clone(), &self.namespace);
        for name in ["sd", "sd-build"] {
            let account = ServiceAccount {
                metadata: named(name),
                ..ServiceAccount::default()
            };
            accounts.create(&PostParams::default(), &account).await?;
        }
        Ok(())
    }
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        ..ObjectMeta::default()
    }
}

#[tokio::test]
async fn an_api_server_takes_the_pods_of_all_golden_cases() -> anyhow::Result<()> {
    let judge = Judge::new("golden").await?;
    judge.furnish().await?;
    let classes: Api<RuntimeClass> = Api::all(judge.client.clone());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/golden/pods.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    assert_eq!(cases.len(), 74);
    for case in &cases {
        let executor = case["executor"].as_str().unwrap_or_default();
        let pod = judge.rendered(executor, &case["options"], &case["buildConfig"])?;
        let class = pod["spec"]["runtimeClassName"].as_str().map(ToOwned::to_owned);
        if let Some(name) = &class {
            let class = RuntimeClass {
                metadata: named(name),
                handler: name.clone(),
                ..RuntimeClass::default()
            };
            classes.create(&PostParams::default(), &class).await?;
        }
        let said = judge.says(&pod).await?;
        if let Some(name) = &class {
            classes.delete(name, &DeleteParams::default()).await?;
        }
        assert!(said.is_none(), "{}: {said:?}", case["id"]);
    }
    // The server is strict, and says so.
    let mut pod = judge.rendered("k8s", &cases[0]["options"], &cases[0]["buildConfig"])?;
    pod["spec"]["volumes"][1]["type"] = json!("DirectoryOrCreate");
    let said = judge
        .says(&pod)
        .await?
        .context("the predecessor's mistake is taken")?;
    assert!(said.message.contains("unknown field"), "{said:?}");
    drop(judge.control_plane);
    Ok(())
}

/// The settings take such prefixes and none that is longer.
#[tokio::test]
async fn an_api_server_takes_the_longest_prefixes_and_no_longer_ones() -> anyhow::Result<()> {
    let judge = Judge::new("prefixes").await?;
    let mut config = config(&Map::new());
    // The largest id that a message can carry.
    config["buildId"] = json!(9_007_199_254_740_991_u64);
    let cases = [
        ("k8s", "a".repeat(38), true),
        ("k8s", "a".repeat(39), false),
        ("k8s", "a.b".to_owned(), false),
        ("k8s-vm", "a".repeat(47), true),
        ("k8s-vm", "sd.beta-".to_owned(), true),
        ("k8s-vm", "a.-b".to_owned(), false),
    ];
    for (executor, prefix, taken) in cases {
        let mut options = options(false);
        options["prefix"] = json!(prefix);
        let pod = judge.rendered(executor, &options, &config)?;
        let said = judge.says(&pod).await?;
        assert_eq!(said.is_none(), taken, "{executor} {prefix}: {said:?}");
    }
    drop(judge.control_plane);
    Ok(())
}

#[tokio::test]
async fn any_annotations_make_a_pod_that_is_taken_or_clearly_refused() -> anyhow::Result<()> {
    let judge = Judge::new("generated").await?;
    let mut runner = TestRunner::deterministic();
    let mut refused = BTreeSet::new();
    let mut taken = 0;
    for number in 0..MANY {
        let annotations = annotations()
            .new_tree(&mut runner)
            .map_err(|reason| anyhow::anyhow!("{reason}"))?
            .current();
        let vm = number % 4 == 3;
        let pod = judge.rendered(
            if vm { "k8s-vm" } else { "k8s" },
            &options(number % 2 == 0),
            &config(&annotations),
        )?;
        match judge.says(&pod).await? {
            None => taken += 1,
            Some(status) => {
                let clear = status.code == 422 && status.reason == "Invalid";
                let causes: Vec<String> = status
                    .details
                    .iter()
                    .flat_map(|details| &details.causes)
                    .map(|cause| cause.field.clone())
                    .collect();
                let known = |field: &String| REFUSED.iter().any(|place| field.contains(place));
                assert!(
                    clear && !causes.is_empty() && causes.iter().all(known),
                    "{annotations:?}: {status:?}"
                );
                refused.extend(causes);
            }
        }
    }
    // Both happen, or this would show nothing.
    assert!(
        taken > MANY / 2,
        "only {taken} of {MANY} are taken; refused: {refused:?}"
    );
    assert!(!refused.is_empty(), "nothing is refused");
    drop(judge.control_plane);
    Ok(())
}

fn options(ephemeral_storage: bool) -> Value {
    let mut options = json!({
        "kubernetes": {
            "baseImage": "vm:1",
            "dockerFeatureEnabled": true,
            "rootlessBuildkitFeatureEnabled": true,
            "buildTokenSecret": ephemeral_storage,
            "resources": { "disk": { "space": "screwdriver.cd/disk", "speed": "screwdriver.cd/diskSpeed" } },
        },
        "ecosystem": {
            "api": "https://api.sd.example", "store": "https://s.example", "ui": "https://u.example",
            "cache": { "strategy": "disk", "path": "/cache" },
        },
    });
    if ephemeral_storage {
        options["kubernetes"]["resources"]["ephemeralStorage"] = json!({ "default": "5Gi", "max": "20Gi" });
    }
    options
}

fn config(annotations: &Map<String, Value>) -> Value {
    json!({
        "buildId": 8609, "jobId": 777, "eventId": 1, "jobName": "PR-15:main", "prNum": 15,
        "pipeline": { "id": 5, "name": "org/ünïcode repo", "scmContext": "github:github.com" },
        "template": { "fullName": "ns/t@1", "version": "1.2.3+meta" },
        "container": "node:22", "apiUri": "https://api.sd.example", "token": "a.b.c",
        "annotations": annotations,
    })
}

fn annotations() -> impl Strategy<Value = Map<String, Value>> {
    let names = prop::sample::select(ANNOTATIONS.to_vec());
    let values = prop_oneof![
        4 => prop::sample::select(vec!["MAX", "TURBO", "HIGH", "LOW", "MICRO", "10Gi", "1.5Ti", "100", "1e3", "12Ki"])
            .prop_map(Value::from),
        2 => (-2i64..200).prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        3 => any::<bool>().prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => "[-_.A-Za-z0-9]{0,80}".prop_map(Value::from),
        1 => Just(Value::Null),
        1 => Just(json!(["HIGH"])),
        1 => Just(json!({})),
    ];
    let pair = (any::<bool>(), names, values).prop_map(|(beta, name, value)| {
        let prefix = if beta { "beta." } else { "" };
        (format!("{prefix}screwdriver.cd/{name}"), value)
    });
    prop::collection::vec(pair, 0..8).prop_map(|pairs| pairs.into_iter().collect())
}
