//! One test's share of the broker: the producer's side, and a look into queues. All of it goes through one
//! connection, opened when first needed and again after the broker was gone.

use std::{
    fmt,
    sync::{Arc, LazyLock},
    time::Duration,
};

use anyhow::Context;
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ErrorKind,
    options::{
        BasicAckOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::FieldTable,
    uri::{AMQPScheme, AMQPUri},
};
use tokio::{
    runtime::{Builder, Runtime},
    sync::Mutex,
};

use super::{seen::Seen, topology::Names};

/// How long one exchange with the broker may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// AMQP's reply code for what is not there.
const NOT_FOUND: u16 = 404;

/// The runtime of all connections: one that ends with the test that happened to connect first would leave
/// everybody else's calls without an answer.
static CONNECTIONS: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("testbed-amqp")
        .enable_all()
        .build()
});

/// A vhost with the operators' names for one cluster. Clones share the connection.
#[derive(Clone)]
pub struct Vhost(Arc<Inner>);

struct Inner {
    names: Names,
    owner: AMQPUri,
    worker: AMQPUri,
    link: Mutex<Option<Link>>,
}

/// Closed on drop.
struct Link {
    connection: Connection,
    /// In confirm mode.
    channel: Channel,
}

// === impl Vhost ===

impl Vhost {
    pub(super) fn new(names: Names, owner: AMQPUri, worker: AMQPUri) -> Self {
        Self(Arc::new(Inner {
            names,
            owner,
            worker,
            link: Mutex::new(None),
        }))
    }

    /// The vhost's name in the broker.
    pub fn name(&self) -> &str {
        &self.0.worker.vhost
    }

    /// The operators' exchange.
    pub fn exchange(&self) -> &str {
        &self.0.names.exchange
    }

    /// The main queue, which is the cluster's name and its routing key.
    pub fn queue(&self) -> &str {
        &self.0.names.cluster
    }

    /// The operators' retry queue.
    pub fn retry_queue(&self) -> String {
        self.0.names.retry()
    }

    /// The workers' address of this vhost. It holds a password.
    pub fn uri(&self) -> String {
        self.0.worker.to_string()
    }

    /// The workers' user.
    pub fn user(&self) -> String {
        self.0.worker.authority.userinfo.username.clone()
    }

    /// `HOST:PORT` that the workers connect to, for a proxy to stand before; none if they need TLS.
    pub fn address(&self) -> Option<String> {
        let authority = &self.0.worker.authority;
        let plain = self.0.worker.scheme == AMQPScheme::AMQP;
        plain.then(|| format!("{}:{}", authority.host, authority.port))
    }

    /// The environment that points a worker at this vhost.
    pub fn worker_env(&self) -> Vec<(String, String)> {
        let uri = &self.0.worker;
        let protocol = match uri.scheme {
            AMQPScheme::AMQP => "amqp",
            AMQPScheme::AMQPS => "amqps",
        };
        [
            ("RABBITMQ_PROTOCOL", protocol.to_owned()),
            ("RABBITMQ_USERNAME", uri.authority.userinfo.username.clone()),
            ("RABBITMQ_PASSWORD", uri.authority.userinfo.password.clone()),
            ("RABBITMQ_HOST", uri.authority.host.clone()),
            ("RABBITMQ_PORT", uri.authority.port.to_string()),
            ("RABBITMQ_VIRTUAL_HOST", format!("/{}", uri.vhost)),
            ("RABBITMQ_EXCHANGE", self.exchange().to_owned()),
            ("RABBITMQ_QUEUE", self.queue().to_owned()),
            ("RABBITMQ_RETRYQUEUE", self.retry_queue()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }

    /// Declares what operators have declared before a worker comes; again is harmless.
    pub async fn declare(&self) -> anyhow::Result<()> {
        let channel = self.channel().await?;
        let declaring = self.0.names.declare(&channel);
        self.patiently("declare the operators' objects", declaring).await
    }

    /// Deletes the operators' objects and the queues named in `more`. Only a broker of one's own needs no
    /// such care.
    pub async fn remove(&self, more: &[&str]) -> anyhow::Result<()> {
        let channel = self.channel().await?;
        let deleting = self.0.names.delete(&channel, more);
        self.patiently("delete the operators' objects", deleting).await
    }

    /// Declares a classic queue, as somebody does who has not read the workers' documentation.
    pub async fn declare_classic(&self, queue: &str) -> anyhow::Result<()> {
        let channel = self.channel().await?;
        let options = QueueDeclareOptions {
            durable: true,
            ..QueueDeclareOptions::default()
        };
        let declaring = channel.queue_declare(queue.into(), options, FieldTable::default());
        self.patiently(&format!("declare {queue}"), declaring).await?;
        Ok(())
    }

    /// Deletes one queue with all that it holds, as an operator's mistake does.
    pub async fn delete(&self, queue: &str) -> anyhow::Result<()> {
        let channel = self.channel().await?;
        let deleting = channel.queue_delete(queue.into(), QueueDeleteOptions::default());
        self.patiently(&format!("delete {queue}"), deleting).await?;
        Ok(())
    }

    /// Publishes as the producer does: persistent JSON with an empty table of headers, not mandatory (an
    /// unroutable message is confirmed and lost), and waits for the confirm.
    pub async fn publish(&self, routing_key: &str, body: impl AsRef<[u8]>) -> anyhow::Result<()> {
        self.publish_with_headers(routing_key, body, FieldTable::default())
            .await
    }

    /// The same with headers of the test's own.
    pub async fn publish_with_headers(
        &self,
        routing_key: &str,
        body: impl AsRef<[u8]>,
        headers: FieldTable,
    ) -> anyhow::Result<()> {
        let channel = self.channel().await?;
        let properties = BasicProperties::default()
            .with_content_type("application/json".into())
            .with_delivery_mode(2)
            .with_headers(headers);
        let confirmation = self
            .patiently("publish", async {
                let options = BasicPublishOptions::default();
                let exchange = self.exchange().into();
                channel
                    .basic_publish(exchange, routing_key.into(), options, body.as_ref(), properties)
                    .await?
                    .await
            })
            .await?;
        anyhow::ensure!(
            matches!(confirmation, Confirmation::Ack(_)),
            "the broker has not taken a message for {routing_key}"
        );
        Ok(())
    }

    /// How many messages are ready in a queue; none if there is no such queue.
    pub async fn depth(&self, queue: &str) -> anyhow::Result<Option<u32>> {
        // On a channel of its own: asking for a queue that is not there closes it.
        let channel = self.fresh_channel().await?;
        let passive = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::default()
        };
        let asked = channel.queue_declare(queue.into(), passive, FieldTable::default());
        match tokio::time::timeout(PATIENCE, asked)
            .await
            .with_context(|| format!("look at {queue}"))?
        {
            Ok(found) => {
                let _ = channel.close(200, "looked".into()).await;
                Ok(Some(found.message_count()))
            }
            Err(error) if not_found(&error) => Ok(None),
            Err(error) => Err(error).with_context(|| format!("look at {queue}")),
        }
    }

    /// Looks at up to `most` messages and leaves them in the queue; each counts as delivered once more.
    pub async fn peek(&self, queue: &str, most: usize) -> anyhow::Result<Vec<Seen>> {
        // Closing the channel gives back what was not acknowledged.
        self.read(queue, most, false).await
    }

    /// Takes up to `most` messages out of the queue.
    pub async fn take(&self, queue: &str, most: usize) -> anyhow::Result<Vec<Seen>> {
        self.read(queue, most, true).await
    }

    async fn read(&self, queue: &str, most: usize, taking: bool) -> anyhow::Result<Vec<Seen>> {
        let channel = self.fresh_channel().await?;
        self.patiently(&format!("read {queue}"), async {
            let mut seen = Vec::new();
            while seen.len() < most
                && let Some(message) = channel
                    .basic_get(queue.into(), BasicGetOptions::default())
                    .await?
            {
                seen.push(Seen::read(&message.delivery));
                if taking {
                    message.ack(BasicAckOptions::default()).await?;
                }
            }
            channel.close(200, "read".into()).await?;
            Ok(seen)
        })
        .await
    }

    async fn patiently<T>(
        &self,
        what: &str,
        work: impl Future<Output = lapin::Result<T>>,
    ) -> anyhow::Result<T> {
        tokio::time::timeout(PATIENCE, work)
            .await
            .with_context(|| format!("{what}: nothing for {PATIENCE:?}"))?
            .with_context(|| format!("{what} in vhost {}", self.name()))
    }

    async fn fresh_channel(&self) -> anyhow::Result<Channel> {
        let mut link = self.0.link.lock().await;
        let connection = &self.linked(&mut link).await?.connection;
        self.patiently("open a channel", connection.create_channel())
            .await
    }

    async fn channel(&self) -> anyhow::Result<Channel> {
        let mut link = self.0.link.lock().await;
        Ok(self.linked(&mut link).await?.channel.clone())
    }

    async fn linked<'a>(&self, link: &'a mut Option<Link>) -> anyhow::Result<&'a Link> {
        if link.as_ref().is_some_and(|link| !link.usable()) {
            *link = None;
        }
        if link.is_none() {
            let runtime = CONNECTIONS
                .as_ref()
                .map_err(|error| anyhow::anyhow!("no runtime: {error}"))?;
            let opening = runtime.spawn(Link::open(self.0.owner.clone()));
            let opened = self.patiently("connect", async { opening.await.map_err(std::io::Error::other)? });
            *link = Some(opened.await?);
        }
        link.as_ref().context("just opened")
    }
}

impl fmt::Debug for Vhost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Vhost")
            .field("name", &self.name())
            .field("names", &self.0.names)
            .finish()
    }
}

// === impl Link ===

impl Link {
    async fn open(uri: AMQPUri) -> lapin::Result<Self> {
        let properties = ConnectionProperties::default().with_connection_name("testbed".into());
        let connection = Connection::connect_uri(uri, properties).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { connection, channel })
    }

    fn usable(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }
}

fn not_found(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(error) if error.get_id() == NOT_FOUND)
}
