//! Bad input on the real broker: each message has a named end, is acked and counted, and harms no other.
//!
//! The table is the one in docs/RELIABILITY.md; a test compares them.

use lapin::types::FieldArray;
use serde_json::json;
use testbed::{
    broker::{
        AMQPValue, FieldTable, Seen,
        message::{BuildConfig, clear},
    },
    builds_api::{Scope, token_for},
    poll,
    worker::Kind,
    world::World,
};

use crate::{
    corner::{SOON, counted, has_node, holds, number, ours, play},
    p2_no_build_lost::hours_ago,
};

/// What is wrong, and the reason for which the message is parked.
const PARKED: [(&str, &str); 20] = [
    ("no JSON", "not-json"),
    ("an empty body", "not-json"),
    ("JSON that is cut short", "not-json"),
    ("10 MB that are no JSON", "not-json"),
    ("a list", "not-a-job"),
    ("no job", "not-a-job"),
    ("an unknown job", "unknown-job"),
    ("no buildConfig", "missing-field"),
    ("no token", "missing-field"),
    ("no image", "missing-field"),
    ("a buildConfig that is a text", "invalid-field"),
    ("a build id that is an object", "invalid-field"),
    ("a build id that is negative", "invalid-field"),
    ("an apiUri that is no address", "invalid-field"),
    ("a token that is a number", "invalid-field"),
    ("a token that has expired", "token-expired"),
    ("a check in the main queue", "wrong-queue"),
    ("a cache outside the cache", "unsafe-path"),
    ("a clear that does not say of which scope", "missing-field"),
    ("a clear of something else than caches", "invalid-field"),
];

/// The body that is wrong in this way.
fn body(fault: &str, id: u64, config: &BuildConfig) -> Vec<u8> {
    let start = |config: BuildConfig| config.start().into_bytes();
    let config = config.clone();
    match fault {
        "no JSON" => b"start, please".to_vec(),
        "an empty body" => Vec::new(),
        "JSON that is cut short" => {
            let whole = start(config);
            whole.get(..whole.len() / 2).unwrap_or_default().to_vec()
        }
        "10 MB that are no JSON" => vec![b'{'; 10 * 1024 * 1024],
        "a list" => b"[{\"job\":\"start\"}]".to_vec(),
        "no job" => config.start().replacen("\"job\":\"start\",", "", 1).into_bytes(),
        "an unknown job" => br#"{"job":"restart","buildConfig":{}}"#.to_vec(),
        "no buildConfig" => br#"{"job":"start"}"#.to_vec(),
        "no token" => start(config.without("token")),
        "no image" => start(config.without("container")),
        "a buildConfig that is a text" => br#"{"job":"start","buildConfig":"x"}"#.to_vec(),
        "a build id that is an object" => start(config.with("buildId", json!({}))),
        "a build id that is negative" => start(config.with("buildId", -1)),
        "an apiUri that is no address" => start(config.with("apiUri", "not an address")),
        "a token that is a number" => start(config.with("token", 5)),
        "a token that has expired" => {
            let token = token_for(id, Scope::Temporal, hours_ago(13), hours_ago(1));
            start(config.with("token", token))
        }
        "a check in the main queue" => config.verify().into_bytes(),
        "a cache outside the cache" => clear("pipelines", 1, "../../", &["ClusterA"]).into_bytes(),
        "a clear that does not say of which scope" => clear("pipelines", 1, "", &["ClusterA"])
            .replacen("\"scope\":\"pipelines\",", "", 1)
            .into_bytes(),
        "a clear of something else than caches" => clear("pipelines", 1, "", &["ClusterA"])
            .replacen("\"caches\"", "\"builds\"", 1)
            .into_bytes(),
        other => panic!("no such fault: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_message_is_parked_for_its_reason_and_the_next_one_is_handled() -> anyhow::Result<()> {
    play("bad-input", async |world| {
        let caches = [("CACHE_STRATEGY", "disk"), ("CACHE_PATH", "/persistent")];
        let mut start = world.worker(Kind::Start, &caches).await?;
        for (fault, _) in PARKED {
            let (id, config) = world.build("node:22");
            world.publish(body(fault, id, &config)).await?;
        }
        let (id, config) = world.build("node:22");
        world.publish(config.start()).await?;
        world.one_pod(id, SOON).await?;
        let parked = holds(&world, &ours(&world, "parked"), PARKED.len(), SOON).await?;
        let reason = |seen: &Seen| seen.headers["x-sd-reason"].as_str().unwrap_or("none").to_owned();
        let mut reasons: Vec<String> = parked.iter().map(reason).collect();
        let mut expected: Vec<&str> = PARKED.iter().map(|(_, reason)| *reason).collect();
        reasons.sort();
        expected.sort_unstable();
        anyhow::ensure!(reasons == expected, "parked for {reasons:?}");
        for reason in &expected {
            let times = expected.iter().filter(|other| *other == reason).count();
            let label = format!("reason=\"{reason}\"");
            // Counted once it is acked, which is after the parking queue has it.
            poll::until("the count", SOON, || async {
                let counted = counted(&start, &["sd_worker_parked", &label]).await?;
                anyhow::ensure!(
                    (counted - number(times)).abs() < 0.5,
                    "{reason}: counted {counted}"
                );
                Ok::<_, anyhow::Error>(())
            })
            .await?;
        }
        // What was not acked comes back to the queue when its consumer ends.
        start.terminate(SOON).await?;
        for queue in [world.vhost.queue().to_owned(), ours(&world, "starts.v1")] {
            let depth = world.vhost.depth(&queue).await?;
            anyhow::ensure!(depth == Some(0), "{queue} holds {depth:?}");
        }
        Ok(())
    })
    .await
}

/// Headers are the broker's and other people's: none is a reason to refuse a build.
#[tokio::test(flavor = "multi_thread")]
async fn foreign_and_odd_headers_keep_no_build_from_its_pod() -> anyhow::Result<()> {
    play("bad-headers", async |world| {
        let text = |text: &str| AMQPValue::LongString(text.into());
        let mut death = FieldTable::default();
        death.insert("queue".into(), AMQPValue::Boolean(true));
        death.insert("count".into(), text("many"));
        let deaths = FieldArray::from(vec![AMQPValue::FieldTable(death), AMQPValue::Void]);
        let odd: [&[(&str, AMQPValue)]; 4] = [
            &[("x-death", text("often"))],
            &[("x-death", AMQPValue::FieldArray(deaths))],
            &[
                ("traceparent", text("00-nonsense")),
                ("tracestate", AMQPValue::LongInt(1)),
            ],
            &[
                ("x-delivery-count", text("7")),
                ("x-retry-count", AMQPValue::Double(0.5)),
            ],
        ];
        let (start, _verify) = world.workers(&[]).await?;
        for headers in odd {
            let (id, config) = world.build("node:22");
            let mut table = FieldTable::default();
            for (key, value) in headers {
                table.insert((*key).into(), value.clone());
            }
            let queue = world.vhost.queue();
            world
                .vhost
                .publish_with_headers(queue, config.start(), table)
                .await?;
            world.build_is(id, "on a node", SOON, has_node).await?;
        }
        anyhow::ensure!(counted(&start, &["sd_worker_parked"]).await? < 0.5);
        Ok(())
    })
    .await
}

/// Ids as texts, numbers too large for their fields, and whatever else the producer's other versions send.
#[tokio::test(flavor = "multi_thread")]
async fn odd_values_that_nothing_depends_on_keep_no_build_from_its_pod() -> anyhow::Result<()> {
    play("odd-values", async |world| {
        let _workers = world.workers(&[]).await?;
        let odd: [fn(u64, BuildConfig) -> BuildConfig; 4] = [
            |id, config| config.with("buildId", id.to_string()),
            |_, config| config.with("freezeWindows", json!({ "not": "a list" })),
            |_, config| config.with("pipeline", json!(null)).without("template"),
            |_, config| config.with("added", "x".repeat(10 * 1024 * 1024)),
        ];
        for change in odd {
            let (id, config) = world.build("node:22");
            world.publish(change(id, config).start()).await?;
            pod_of(&world, id).await?;
        }
        Ok(())
    })
    .await
}

async fn pod_of(world: &World, id: u64) -> anyhow::Result<()> {
    poll::until(&format!("the node of build {id}"), SOON, || async {
        let build = world.api.build(id);
        anyhow::ensure!(build.as_ref().is_some_and(has_node), "{build:?}");
        Ok::<_, anyhow::Error>(())
    })
    .await
}

#[test]
fn the_table_in_the_docs_is_this_one() {
    let docs = include_str!("../../../docs/RELIABILITY.md");
    for (fault, reason) in PARKED {
        let row = format!("| {fault} | `{reason}` |");
        assert!(docs.contains(&row), "docs/RELIABILITY.md lacks this row:\n{row}");
    }
}
