//! A private RabbitMQ node: files, ports, name and cookie of its own, and an epmd of its own, so that nothing
//! of the machine's RabbitMQ is read or touched. What is declared in it belongs to `topology`.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::Context;

use super::definitions;
use crate::{
    poll,
    process::{self, Process},
};

/// Where Debian puts the server's own scripts; the ones on the PATH change the user.
const SCRIPTS: &str = "/usr/lib/rabbitmq/bin";

/// A boot takes 4 to 5 seconds, on a busy machine several times that.
const BOOT: Duration = Duration::from_mins(2);

/// A running or stopped node; its processes end with this value.
#[derive(Debug)]
pub(super) struct Node {
    dir: PathBuf,
    name: String,
    ports: Ports,
    beam: Option<Process>,
    // Declared after the node: it is the last to be killed.
    _epmd: Process,
}

#[derive(Clone, Copy, Debug)]
struct Ports {
    amqp: u16,
    distribution: u16,
    epmd: u16,
    /// Of the management plugin, in a node that has it.
    management: Option<u16>,
}

// === impl Node ===

impl Node {
    /// Boots a node whose files lie in `dir`, which must be absolute and short-lived.
    /// With `management` it has the management plugin, which counts every second instead of every five, and shovels.
    pub(super) async fn start(
        dir: &Path,
        passwords: &definitions::Passwords,
        management: bool,
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(
            Path::new(SCRIPTS).join("rabbitmq-server").exists(),
            "RabbitMQ is not installed ({SCRIPTS}/rabbitmq-server); install the package rabbitmq-server or \
             set AMQP_URL"
        );
        let ports = Ports {
            amqp: process::free_port()?,
            distribution: process::free_port()?,
            epmd: process::free_port()?,
            management: management.then(process::free_port).transpose()?,
        };
        write_files(dir, passwords, ports.management)?;
        let mut epmd = process::guarded(&program("epmd")?);
        epmd.env("HOME", dir)
            .args(["-port", &ports.epmd.to_string(), "-address", "127.0.0.1"]);
        let epmd = Process::start("epmd", &mut epmd, &dir.join("epmd.log"))?;
        let name = format!("testbed{}@localhost", ports.amqp);
        let mut node = Self {
            dir: dir.to_owned(),
            name,
            ports,
            beam: None,
            _epmd: epmd,
        };
        node.boot().await?;
        Ok(node)
    }

    pub(super) fn port(&self) -> u16 {
        self.ports.amqp
    }

    pub(super) fn management(&self) -> Option<u16> {
        self.ports.management
    }

    pub(super) fn running(&self) -> bool {
        self.beam.is_some()
    }

    /// Boots the stopped or killed node again, on the same ports and data.
    pub(super) async fn boot(&mut self) -> anyhow::Result<()> {
        tracing::info!(node = self.name, port = self.ports.amqp, "RabbitMQ is starting");
        let log = self.dir.join("rabbitmq.log");
        let mut command = process::guarded(&Path::new(SCRIPTS).join("rabbitmq-server"));
        command.env_clear().envs(self.environment());
        self.beam = Some(Process::start("rabbitmq", &mut command, &log)?);
        self.ready()
            .await
            .with_context(|| format!("RabbitMQ's log ends:\n{}", process::tail(&log, 15)))?;
        tracing::info!(node = self.name, "RabbitMQ is ready");
        Ok(())
    }

    /// The listener opens last, after vhosts and definitions: a connection means that the node is ready.
    async fn ready(&mut self) -> anyhow::Result<()> {
        let port = self.ports.amqp;
        let beam = &mut self.beam;
        poll::until("RabbitMQ's listener", BOOT, || {
            let ended = beam.as_mut().and_then(|beam| beam.ended().ok().flatten());
            async move {
                if let Some(status) = ended {
                    return Ok(Err(anyhow::anyhow!("the node ended while booting: {status}")));
                }
                let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
                connected.map(|_| Ok(()))
            }
        })
        .await?
    }

    /// Orderly: SIGTERM, which the node answers by stopping its applications.
    pub(super) async fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut beam) = self.beam.take() {
            beam.terminate()?;
            beam.wait(Duration::from_mins(1)).await?;
        }
        Ok(())
    }

    /// The crash: SIGKILL of the Erlang machine itself.
    pub(super) fn kill(&mut self) {
        if let Some(mut beam) = self.beam.take() {
            beam.kill();
        }
    }

    /// A file with `definitions`, for `rabbitmqctl import_definitions`.
    pub(super) fn definitions(&self, definitions: &serde_json::Value) -> anyhow::Result<PathBuf> {
        let path = self.dir.join("more-definitions.json");
        std::fs::write(&path, definitions.to_string()).context("write definitions")?;
        Ok(path)
    }

    /// A `rabbitmqctl` command for this node, which takes about a second.
    pub(super) fn ctl(&self) -> tokio::process::Command {
        let mut command = tokio::process::Command::from(Command::new(Path::new(SCRIPTS).join("rabbitmqctl")));
        command
            .env_clear()
            .envs(self.environment())
            .arg("--quiet")
            .kill_on_drop(true);
        command
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        let file = |name: &str| self.dir.join(name).display().to_string();
        let loopback = "-kernel inet_dist_use_interface {127,0,0,1} -start_epmd false";
        vec![
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("HOME", self.dir.display().to_string()),
            ("LANG", "C.UTF-8".to_owned()),
            ("ERL_EPMD_PORT", self.ports.epmd.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODENAME", self.name.clone()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODE_PORT", self.ports.amqp.to_string()),
            ("RABBITMQ_DIST_PORT", self.ports.distribution.to_string()),
            ("RABBITMQ_MNESIA_BASE", file("mnesia")),
            ("RABBITMQ_LOG_BASE", file("log")),
            ("RABBITMQ_PID_FILE", file("pid")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", file("plugins")),
            ("RABBITMQ_CONFIG_FILE", file("rabbitmq.conf")),
            ("RABBITMQ_CONFIG_FILES", file("conf.d")),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", file("advanced.config")),
            ("RABBITMQ_CONF_ENV_FILE", file("rabbitmq-env.conf")),
            ("RABBITMQ_GENERATED_CONFIG_DIR", file("generated")),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", loopback.to_owned()),
            ("RABBITMQ_CTL_ERL_ARGS", loopback.to_owned()),
            // Makes the script become the Erlang machine instead of watching over it, so that the process
            // started is the one to kill.
            ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
        ]
    }
}

fn write_files(
    dir: &Path,
    passwords: &definitions::Passwords,
    management: Option<u16>,
) -> anyhow::Result<()> {
    for name in ["mnesia", "log", "conf.d", "generated"] {
        std::fs::create_dir_all(dir.join(name)).with_context(|| format!("make {name}"))?;
    }
    let definitions = dir.join("definitions.json");
    let mut settings = format!(
        "load_definitions = {}\nlog.file = false\nlog.console = true\nlog.console.level = warning\n\
         raft.wal_max_size_bytes = 64000000\ndisk_free_limit.absolute = 50MB\n",
        definitions.display()
    );
    let mut plugins = "[].\n";
    if let Some(port) = management {
        use std::fmt::Write as _;
        plugins = "[rabbitmq_management,rabbitmq_shovel].\n";
        write!(
            settings,
            "management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\n\
             collect_statistics_interval = 1000\n"
        )?;
    }
    let cookie: String = std::iter::repeat_with(|| rand::random_range('A'..='Z'))
        .take(20)
        .collect();
    for (name, text) in [
        ("definitions.json", definitions::at_boot(passwords).to_string()),
        ("rabbitmq.conf", settings),
        ("plugins", plugins.to_owned()),
        ("advanced.config", "[].\n".to_owned()),
        ("rabbitmq-env.conf", String::new()),
        (".erlang.cookie", cookie),
    ] {
        std::fs::write(dir.join(name), text).with_context(|| format!("write {name}"))?;
    }
    // Erlang refuses a cookie that others can read.
    let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o400);
    std::fs::set_permissions(dir.join(".erlang.cookie"), only_owner).context("protect the cookie")
}

fn program(name: &str) -> anyhow::Result<PathBuf> {
    let places = ["/usr/bin", "/usr/local/bin", "/usr/lib/erlang/bin"];
    let found = places
        .iter()
        .map(|place| Path::new(place).join(name))
        .find(|path| path.exists());
    found.with_context(|| format!("{name} is in none of {places:?}"))
}
