//! RabbitMQ for tests and demo: a private node per run, or the one that `AMQP_URL` names. Each test gets a
//! vhost of its own, and plays the producer, the operators and, with a kill, the power cut.

use std::{
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Context;
use lapin::uri::{AMQPAuthority, AMQPUri, AMQPUserInfo};
use tokio::sync::Mutex;

mod definitions;
pub mod message;
mod node;
mod seen;
mod topology;
mod vhost;

pub use lapin::types::{AMQPValue, FieldTable};

use self::{definitions::Passwords, node::Node, topology::Names};
pub use self::{definitions::Permissions, seen::Seen, vhost::Vhost};

/// The cluster's name in every vhost of a private node.
const CLUSTER: &str = "ClusterA";

/// A broker; a private one ends with this value.
#[derive(Debug)]
pub struct Broker {
    origin: Origin,
    vhosts: AtomicUsize,
    /// How many vhosts a private node has.
    made: Mutex<usize>,
}

enum Origin {
    Own {
        node: Mutex<Node>,
        port: u16,
        passwords: Passwords,
    },
    Given(AMQPUri),
}

// === impl Broker ===

impl Broker {
    /// The broker that `AMQP_URL` names, else a private node with its files in `dir`.
    pub async fn start(dir: &Path) -> anyhow::Result<Self> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one variable that chooses the tests' broker"
        )]
        match std::env::var("AMQP_URL") {
            Ok(url) if !url.is_empty() => Self::given(&url),
            _ => Self::private(dir).await,
        }
    }

    /// A private node with its files in `dir`. Takes about 5 seconds, told through `tracing`.
    pub async fn private(dir: &Path) -> anyhow::Result<Self> {
        Self::own(dir, false).await
    }

    /// A private node that also tells its queues' lengths over HTTP, at [`Self::management`], and can move messages by
    /// shovel.
    pub async fn with_management(dir: &Path) -> anyhow::Result<Self> {
        Self::own(dir, true).await
    }

    async fn own(dir: &Path, management: bool) -> anyhow::Result<Self> {
        let passwords = Passwords::random();
        let node = Node::start(&std::path::absolute(dir)?, &passwords, management).await?;
        let port = node.port();
        Ok(Self {
            origin: Origin::Own {
                node: Mutex::new(node),
                port,
                passwords,
            },
            vhosts: AtomicUsize::new(0),
            made: Mutex::new(definitions::POOL),
        })
    }

    /// A broker that somebody else runs. All tests share the vhost of its URL, with names of their own, and
    /// leave their objects behind unless they call [`Vhost::remove`]. Fails when the URL is none.
    pub fn given(url: &str) -> anyhow::Result<Self> {
        // The parser's own error repeats the URL, password included.
        let uri = url
            .parse()
            .map_err(|_| anyhow::anyhow!("AMQP_URL is no AMQP address"))?;
        Ok(Self {
            origin: Origin::Given(uri),
            vhosts: AtomicUsize::new(0),
            made: Mutex::new(definitions::POOL),
        })
    }

    /// Is it ours to kill? Tests that must kill it are skipped, and say so, if not.
    pub fn owned(&self) -> bool {
        matches!(self.origin, Origin::Own { .. })
    }

    /// A vhost for the test `name`, with the operators' objects declared, and a user for the workers. On a
    /// broker that is not ours the user is the URL's, whatever `permissions` says.
    pub async fn vhost(&self, name: &str, permissions: Permissions) -> anyhow::Result<Vhost> {
        let vhost = self.empty_vhost(name, permissions).await?;
        vhost.declare().await?;
        Ok(vhost)
    }

    /// The same with nothing declared in it.
    pub async fn empty_vhost(&self, name: &str, permissions: Permissions) -> anyhow::Result<Vhost> {
        let number = self.vhosts.fetch_add(1, Ordering::Relaxed);
        match &self.origin {
            Origin::Own { port, passwords, .. } => {
                let vhost = definitions::vhost(number);
                self.fill_pool(number).await?;
                tracing::debug!(test = name, vhost, "vhost");
                let names = Names {
                    exchange: "build".to_owned(),
                    cluster: CLUSTER.to_owned(),
                };
                let address = |user: &str| address(*port, user, passwords.of(user), &vhost);
                Ok(Vhost::new(
                    names,
                    address(definitions::OWNER),
                    address(permissions.user()),
                ))
            }
            Origin::Given(uri) => {
                let unique = format!("{name}-{:08x}", rand::random::<u32>());
                let names = Names {
                    exchange: format!("build-{unique}"),
                    cluster: unique,
                };
                Ok(Vhost::new(names, uri.clone(), uri.clone()))
            }
        }
    }

    /// Stops the node in order; its data stay.
    pub async fn stop(&self) -> anyhow::Result<()> {
        self.node()?.lock().await.stop().await
    }

    /// The crash: kill -9 of the node. A quorum queue younger than a second may not survive it.
    pub async fn kill(&self) -> anyhow::Result<()> {
        self.node()?.lock().await.kill();
        Ok(())
    }

    /// Starts the node again on the same ports and data, after an orderly stop if it still runs.
    pub async fn restart(&self) -> anyhow::Result<()> {
        let mut node = self.node()?.lock().await;
        if node.running() {
            node.stop().await?;
        }
        node.boot().await
    }

    /// The address of the management API, of a node that was started with it.
    pub async fn management(&self) -> anyhow::Result<String> {
        let port = self.node()?.lock().await.management();
        let port = port.context("this node was started without the management plugin")?;
        Ok(format!("http://127.0.0.1:{port}"))
    }

    /// Runs `rabbitmqctl` on the node and gives its output; takes about a second.
    pub async fn ctl(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut command = self.node()?.lock().await.ctl();
        let output = command
            .args(arguments)
            .output()
            .await
            .context("run rabbitmqctl")?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = String::from_utf8_lossy(&output.stderr);
        anyhow::ensure!(output.status.success(), "rabbitmqctl {arguments:?}: {text}{said}");
        Ok(text)
    }

    fn node(&self) -> anyhow::Result<&Mutex<Node>> {
        match &self.origin {
            Origin::Own { node, .. } => Ok(node),
            Origin::Given(_) => anyhow::bail!("this broker is not ours: unset AMQP_URL"),
        }
    }

    /// Makes sure of the vhost with this number, and of those that tests will want next.
    async fn fill_pool(&self, number: usize) -> anyhow::Result<()> {
        let mut made = self.made.lock().await;
        while number >= *made {
            let file = self.node()?.lock().await.definitions(&definitions::pool(*made))?;
            self.ctl(&["import_definitions", &file.display().to_string()])
                .await?;
            *made += definitions::POOL;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own { port, .. } => write!(formatter, "Own({port})"),
            Self::Given(uri) => write!(formatter, "Given({}:{})", uri.authority.host, uri.authority.port),
        }
    }
}

fn address(port: u16, user: &str, password: &str, vhost: &str) -> AMQPUri {
    let userinfo = AMQPUserInfo {
        username: user.to_owned(),
        password: password.to_owned(),
    };
    AMQPUri {
        authority: AMQPAuthority {
            userinfo,
            host: "127.0.0.1".to_owned(),
            port,
        },
        vhost: vhost.to_owned(),
        ..AMQPUri::default()
    }
}
