//! What docs/OPERATIONS.md tells operators to type, typed. It needs a broker with plugins, so `make test-deploy` runs it.

use std::time::Duration;

use testbed::{
    broker::{AMQPValue, Broker, FieldTable},
    operations,
    worker::Kind,
    world::World,
};

/// A shovel looks for work every few seconds.
const SOON: Duration = Duration::from_secs(60);

/// Runs the documented command with the vhost of the test in place of the reference's.
async fn documented(broker: &Broker, world: &World, beginning: &str) -> anyhow::Result<String> {
    let words = operations::rabbitmqctl(beginning, &[("screwdriver", world.vhost.name())])?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    broker.ctl(&words).await
}

#[tokio::test(flavor = "multi_thread")]
async fn parked_starts_are_replayed_by_the_documented_command() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let broker = Broker::with_management(directory.path()).await?;
    let world = Box::pin(World::with_broker("replay", &broker)).await?;
    let parked = format!("{}.parked", world.vhost.queue());
    let _start = world.worker(Kind::Start, &[]).await?;

    // Parked once for a cause that is mended by now.
    let mut headers = FieldTable::default();
    headers.insert(
        "x-sd-reason".into(),
        AMQPValue::LongString("invalid-field".into()),
    );
    let mut builds = Vec::new();
    for _ in 0..3 {
        let (id, config) = world.build("sd/any:1");
        let (start, headers) = (config.start(), headers.clone());
        world.vhost.publish_with_headers(&parked, start, headers).await?;
        builds.push(id);
    }
    anyhow::ensure!(
        world.vhost.depth(&parked).await? == Some(3),
        "they are not parked"
    );

    documented(&broker, &world, "set_parameter -p screwdriver shovel").await?;
    for id in builds {
        world.one_pod(id, SOON).await?;
    }
    world.queue_empties(&parked, SOON).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parking_queue_is_emptied_and_a_limit_set_by_the_documented_commands() -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let broker = Broker::with_management(directory.path()).await?;
    let world = Box::pin(World::with_broker("purge", &broker)).await?;
    let mut start = world.worker(Kind::Start, &[]).await?;
    world.publish("no JSON").await?;
    let parked = format!("{}.parked", world.vhost.queue());
    testbed::poll::until("a parked message", SOON, || async {
        let depth = world.vhost.depth(&parked).await?;
        anyhow::ensure!(depth == Some(1), "{depth:?}");
        Ok(())
    })
    .await?;

    documented(&broker, &world, "purge_queue").await?;
    anyhow::ensure!(world.vhost.depth(&parked).await? == Some(0), "it is not empty");
    start.terminate(SOON).await?;

    documented(&broker, &world, "set_policy -p screwdriver deliveries").await?;
    let policies = broker.ctl(&["list_policies", "-p", world.vhost.name()]).await?;
    anyhow::ensure!(policies.contains("delivery-limit"), "{policies}");
    Ok(())
}
