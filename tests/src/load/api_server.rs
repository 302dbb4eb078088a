//! What the API server of this machine takes of the four calls that builds cost: the ceilings of docs/SCALING.md. The
//! workers have no part in it; pods are made that no scheduler wants.

use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use futures_util::{StreamExt, TryStreamExt, stream};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{DeleteParams, ListParams, PostParams},
};
use serde_json::json;

use crate::{control_plane::ControlPlane, pki::Pki};

/// Calls under way at once: the default prefetch of one worker.
const AT_ONCE: usize = 20;

/// How much is asked.
#[derive(Debug, Clone, Copy, Args)]
pub struct Plan {
    /// Pods in the namespace.
    #[arg(long, default_value_t = 5_000)]
    pods: u32,
    /// Calls of each kind, but creates.
    #[arg(long, default_value_t = 400)]
    calls: u32,
}

/// Measures and prints.
///
/// # Errors
/// There is no control plane, or it refuses a call.
pub async fn run(plan: Plan) -> anyhow::Result<()> {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let directory = tempfile::tempdir()?;
    let pki = Pki::create(&directory.path().join("pki"))?;
    let control_plane = ControlPlane::start(&directory.path().join("cluster"), &pki).await?;
    let namespace = control_plane.namespace("load").await?;
    let pods: Api<Pod> = namespace.pods();
    let name = |number: u32| format!("pod-{number}");
    let of_build = |number: u32| ListParams::default().labels(&format!("sdbuild={number}"));

    let create = async |number: u32| {
        let pod = serde_json::from_value(json!({
            "metadata": { "name": name(number), "labels": { "sdbuild": number.to_string() } },
            "spec": { "schedulerName": "nobody", "containers": [{ "name": "build", "image": "tools:load" }] },
        }))?;
        pods.create(&PostParams::default(), &pod).await?;
        Ok(())
    };
    rate("creates", plan.pods, create).await?;
    let calls = plan.calls.min(plan.pods);
    let get = async |number: u32| {
        pods.get(&name(number)).await?;
        Ok(())
    };
    rate("reads by name", calls, get).await?;
    let list = async |number: u32| {
        let found = pods.list(&of_build(number)).await?.items;
        anyhow::ensure!(found.len() == 1, "{} pods of build {number}", found.len());
        Ok(())
    };
    rate("lists by label", calls, list).await?;
    let delete = async |number: u32| {
        pods.delete_collection(&DeleteParams::default(), &of_build(number))
            .await?;
        Ok(())
    };
    rate("deletions by label, one pod each", calls, delete).await?;
    rate("deletions by label, no pod left", calls, delete).await?;
    let left = pods.list(&ListParams::default()).await?.items.len();
    let expected = usize::try_from(plan.pods - calls)?;
    anyhow::ensure!(left == expected, "{left} pods are left, not {expected}");
    Ok(())
}

/// Makes that many calls, and prints how many were answered in a second and how long the median took.
async fn rate(what: &str, calls: u32, call: impl AsyncFn(u32) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut times: Vec<Duration> = stream::iter(0..calls)
        .map(|number| {
            let answer = call(number);
            async move {
                let asked = Instant::now();
                answer.await.map(|()| asked.elapsed())
            }
        })
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let each = f64::from(calls) / begin.elapsed().as_secs_f64();
    times.sort_unstable();
    let median = times.get(times.len() / 2).context("no calls")?;
    println!("{what}: {each:.0}/s, median {median:.1?}");
    Ok(())
}
