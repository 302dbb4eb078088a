//! What a worker finds when it is started as the chart says: its variables as the kubelet makes them, and the settings
//! that it says hold. It must not know what the chart ought to have made.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value, json};
use testbed::{
    helm::{Helm, printed},
    worker::{Kind, binary},
};
use tokio::process::Command;

use crate::{KINDS, objects};

/// What a worker says that holds, a setting a line.
pub(crate) struct Settings(String);

// === impl Settings ===

impl Settings {
    /// Asks the worker, with the file and the variables that the chart gives it.
    pub(crate) async fn asked(kind: Kind, objects: &[Value]) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let file = objects.iter().find(|object| object["kind"] == "ConfigMap");
        let file = file.and_then(|map| map["data"]["local.yaml"].as_str()).unwrap();
        std::fs::write(directory.path().join("local.yaml"), file)?;
        let asked = Command::new(binary(kind)?)
            .args([
                "--check-config".as_ref(),
                "--config-dir".as_ref(),
                directory.path() as &Path,
            ])
            .env_clear()
            .envs(variables(objects, kind))
            .output()
            .await?;
        anyhow::ensure!(asked.status.success(), "{}", printed(&asked));
        Ok(Self(String::from_utf8(asked.stdout)?))
    }

    /// The keys that end so.
    pub(crate) fn ends_with<'s>(&'s self, end: &'s str) -> impl Iterator<Item = &'s str> {
        let keys = self
            .0
            .lines()
            .filter_map(|line| line.split_once(" = ").map(|(key, _)| key));
        keys.filter(move |key| key.ends_with(end))
    }

    /// Without quotes.
    pub(crate) fn value(&self, key: &str) -> &str {
        let line = self
            .0
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "));
        let (value, _source) = line.and_then(|line| line.split_once("  # ")).unwrap();
        value.trim_matches('"')
    }
}

/// What a worker's container finds in its environment once the kubelet has read the Deployment.
fn variables(objects: &[Value], kind: Kind) -> BTreeMap<String, String> {
    let deployment = objects.iter().find(|object| {
        object["kind"] == "Deployment"
            && object["metadata"]["labels"]["app.kubernetes.io/component"] == kind.binary()
    });
    let container = &deployment.unwrap()["spec"]["template"]["spec"]["containers"][0];
    let mut found = BTreeMap::new();
    for variable in container["env"].as_array().unwrap() {
        let [name, value] = ["name", "value"].map(|key| variable[key].as_str().unwrap());
        let value = expanded(value, &found);
        found.insert(name.to_owned(), value);
    }
    found
}

/// As the kubelet's `expansion.Expand` does it: a name that nobody knows stays as it stands.
fn expanded(text: &str, known: &BTreeMap<String, String>) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        made.push_str(before);
        let named = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        if let Some(after) = after.strip_prefix('$') {
            made.push('$');
            rest = after;
        } else if let Some((value, after)) = named.and_then(|(name, after)| Some((known.get(name)?, after))) {
            made.push_str(value);
            rest = after;
        } else {
            made.push('$');
            rest = after;
        }
    }
    made + rest
}

/// The kubelet makes one dollar of two, and puts the value of an earlier variable where `$(NAME)` stands.
#[tokio::test]
async fn dollars_arrive_at_the_workers_as_they_are_written() -> anyhow::Result<()> {
    let helm = Helm::find().await?;
    let hook = r#"{"preStop":{"exec":{"command":["sh","-c","kill $$; echo $(ECOSYSTEM_UI) $HOME $"]}}}"#;
    let values = json!({ "env": { "ECOSYSTEM_UI": "https://ui.example", "K8S_LIFECYCLE_HOOKS": hook } });
    let objects = objects(&helm, "a", &values).await.map_err(anyhow::Error::msg)?;
    for kind in KINDS {
        let found = variables(&objects, kind);
        assert_eq!(found["K8S_LIFECYCLE_HOOKS"], hook);
        assert_eq!(found["ECOSYSTEM_UI"], "https://ui.example");
    }
    Ok(())
}
