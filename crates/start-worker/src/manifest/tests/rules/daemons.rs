//! Daemons beside the build.

use super::*;

#[test]
fn daemons_run_if_operator_and_job_want_them() {
    let both = json!({ "dockerFeatureEnabled": true, "rootlessBuildkitFeatureEnabled": "yes" });
    let wanted = json!({
        "screwdriver.cd/dockerEnabled": true, "screwdriver.cd/rootlessBuildkitEnabled": true,
        "screwdriver.cd/dockerCpu": 3, "screwdriver.cd/dockerRam": "MAX", "screwdriver.cd/buildkitCpu": "MAX",
    });
    let buildkit = asked("rootlessBuildkitEnabled", json!(true));
    let docker = asked("dockerEnabled", json!(true));
    let limits = |cpu: &str, memory: &str| json!({ "limits": { "cpu": cpu, "memory": memory } });
    let texts = json!({ "dockerFeatureEnabled": "false", "rootlessBuildkitFeatureEnabled": "false" });
    let at_image = "/spec/containers/1/image";
    let (plain, rootless) = (json!("docker:20.10-dind"), json!("docker:20.10-dind-rootless"));
    hold(
        Plugin::K8s,
        vec![
            ("both", both.clone(), none(), wanted.clone(), at_image, rootless),
            (
                "docker alone",
                both.clone(),
                none(),
                docker.clone(),
                at_image,
                plain,
            ),
            (
                "both in order",
                both.clone(),
                none(),
                wanted.clone(),
                "/spec/containers/2/name",
                json!("buildkitd"),
            ),
            (
                "no numbers for daemons, no MAX for memory",
                both.clone(),
                none(),
                wanted.clone(),
                "/spec/containers/1/resources",
                limits("2000m", "2Gi"),
            ),
            (
                "MAX for CPU",
                both.clone(),
                none(),
                wanted,
                "/spec/containers/2/resources",
                limits("12000m", "2Gi"),
            ),
            (
                "buildkit alone",
                both.clone(),
                none(),
                buildkit.clone(),
                "/spec/containers/1/name",
                json!("buildkitd"),
            ),
            (
                "buildkit tells the build nothing",
                both,
                none(),
                buildkit.clone(),
                "/spec/containers/0/env/12",
                Value::Null,
            ),
            // D30 and D31.
            (
                "a text is no yes",
                texts.clone(),
                none(),
                docker,
                "/spec/containers/1",
                Value::Null,
            ),
            (
                "nor here",
                texts,
                none(),
                buildkit.clone(),
                "/spec/containers/1",
                Value::Null,
            ),
            (
                "nor is silence",
                none(),
                none(),
                buildkit,
                "/spec/containers/1",
                Value::Null,
            ),
        ],
    );
}
