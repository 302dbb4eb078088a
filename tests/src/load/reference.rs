//! The bare program that the workers are measured against: the same wire work on the same crates, and
//! nothing else. No retries, no spans, no log, no decisions, and answers are not even decoded.
//!
//! Its cost is what this machine asks for the wire at this moment, whatever else runs on it.

use std::{fmt, path::Path, sync::Arc};

use anyhow::Context;
use futures_util::TryStreamExt;
use http::Method;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
        QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use serde::{Deserialize, Serialize};

/// As the workers' default.
const PREFETCH: u16 = 20;
/// What it says once it takes messages.
pub(super) const READY: &str = "taking messages";
/// Stands in the pod for its name.
pub(super) const NAME: &str = "sd-name-of-the-pod";

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Orders {
    /// The address of its vhost.
    pub(super) broker: String,
    /// The address of its pods.
    pub(super) pods: String,
    pub(super) cluster_token: String,
    /// What vouches for both HTTP peers, in PEM.
    pub(super) authorities: Vec<String>,
    /// A pod as start-worker makes it, called [`NAME`].
    pub(super) pod: String,
}

/// Whose wire work it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Duty {
    /// start-worker's: publish a check, create the pod, read it, tell the build.
    Start,
    /// verify-worker's: read the pod, tell the build.
    Check,
}

/// What the reference reads of a message.
#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, rename = "buildConfig")]
    config: Config<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a> {
    build_id: u64,
    api_uri: &'a str,
    token: &'a str,
}

struct Reference {
    duty: Duty,
    orders: Orders,
    http: reqwest::Client,
    publishing: Channel,
    checks: String,
}

/// Takes messages from `queue` until it is killed.
///
/// # Errors
/// Whatever goes wrong: it is no worker.
pub async fn run(duty: Duty, queue: &str, orders: &Path) -> anyhow::Result<()> {
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    let orders: Orders = serde_json::from_slice(&std::fs::read(orders)?)?;
    let reference = Arc::new(Reference::new(duty, queue, orders).await?);
    let consuming = connect(&reference.orders.broker).await?;
    let channel = consuming.create_channel().await?;
    channel
        .basic_qos(PREFETCH, BasicQosOptions { global: false })
        .await?;
    let consumer = channel.basic_consume(
        queue.into(),
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let consumer = consumer.await?;
    println!("{READY}");
    let handled = consumer
        .map_err(anyhow::Error::from)
        .try_for_each_concurrent(None, |delivery| {
            let reference = Arc::clone(&reference);
            // A task for each, as in the workers: they run on all threads.
            let mut tasks = tokio::task::JoinSet::new();
            tasks.spawn(async move { reference.handle(delivery).await });
            async move { tasks.join_next().await.context("a task")?? }
        });
    handled.await
}

// === impl Duty ===

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::Check => "check",
        })
    }
}

// === impl Reference ===

impl Reference {
    async fn new(duty: Duty, queue: &str, orders: Orders) -> anyhow::Result<Self> {
        let connection = connect(&orders.broker).await?;
        let publishing = connection.create_channel().await?;
        publishing.confirm_select(ConfirmSelectOptions::default()).await?;
        // Where the workers' checks wait.
        let checks = format!("{queue}.reference");
        let mut quorum = FieldTable::default();
        quorum.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        publishing
            .queue_declare(checks.as_str().into(), QueueDeclareOptions::durable(), quorum)
            .await?;
        let authorities = orders
            .authorities
            .iter()
            .map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()))
            .collect::<Result<Vec<_>, _>>()?;
        let http = reqwest::Client::builder()
            .tls_certs_only(authorities)
            .no_proxy()
            .build()?;
        Ok(Self {
            duty,
            orders,
            http,
            publishing,
            checks,
        })
    }

    async fn handle(&self, delivery: Delivery) -> anyhow::Result<()> {
        let Message { config } = serde_json::from_slice(&delivery.data)?;
        let name = format!("reference-{}", config.build_id);
        let pod = format!("{}/{name}", self.orders.pods);
        if self.duty == Duty::Start {
            self.publish(&delivery.data).await?;
            let body = self.orders.pod.replace(NAME, &name);
            self.call(Method::POST, &self.orders.pods, &self.orders.cluster_token, body)
                .await?;
        }
        self.call(Method::GET, &pod, &self.orders.cluster_token, String::new())
            .await?;
        let build = format!("{}/v4/builds/{}", config.api_uri, config.build_id);
        let told = r#"{"stats":{"hostname":"reference"}}"#.to_owned();
        self.call(Method::PUT, &build, config.token, told).await?;
        delivery.ack(BasicAckOptions::default()).await?;
        Ok(())
    }

    async fn publish(&self, body: &[u8]) -> anyhow::Result<()> {
        let persistent = BasicProperties::default().with_delivery_mode(2);
        let options = BasicPublishOptions::default();
        let confirm = self
            .publishing
            .basic_publish("".into(), self.checks.as_str().into(), options, body, persistent)
            .await?;
        confirm.await?;
        Ok(())
    }

    async fn call(&self, method: Method, url: &str, token: &str, body: String) -> anyhow::Result<()> {
        let request = self.http.request(method, url).bearer_auth(token);
        let request = request.header("content-type", "application/json").body(body);
        let answer = request.send().await?.error_for_status()?;
        answer.bytes().await?;
        Ok(())
    }
}

async fn connect(uri: &str) -> anyhow::Result<Connection> {
    Ok(Connection::connect(uri, ConnectionProperties::default()).await?)
}
