//! The workers themselves: the real binaries as processes with an environment of the test's making, asked
//! over HTTP and ended the ways Kubernetes and the world end them. What they do is judged elsewhere.

use std::{
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::Context;

use crate::{
    http_client, poll,
    process::{self, Process},
};

/// From start to ready: connect to three peers and declare a dozen queues, on a busy machine.
const READY: Duration = Duration::from_mins(1);

/// Which worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Starts, stops, clears.
    Start,
    /// Checks.
    Verify,
}

/// A worker process; it is killed with this value.
#[derive(Debug)]
pub struct Worker {
    kind: Kind,
    binary: PathBuf,
    env: Environment,
    dir: PathBuf,
    port: u16,
    log: PathBuf,
    process: Process,
}

/// Names and values; the values may be secret.
#[derive(Clone)]
struct Environment(Vec<(String, String)>);

// === impl Kind ===

impl Kind {
    /// The binary's name.
    pub fn binary(self) -> &'static str {
        match self {
            Self::Start => "start-worker",
            Self::Verify => "verify-worker",
        }
    }
}

// === impl Environment ===

impl std::fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

// === impl Worker ===

impl Worker {
    /// Starts a worker and waits until it is ready. Its log is a file in `dir`, which is also its working
    /// directory. Besides `env`, in which a later value replaces an earlier one, it sees PATH, TMPDIR and
    /// where to listen, nothing of the test's own environment. The error holds the end of the log.
    pub async fn start(kind: Kind, env: Vec<(String, String)>, dir: &Path) -> anyhow::Result<Self> {
        let mut worker = Self::launch(kind, env, dir)?;
        worker.ready(READY).await?;
        Ok(worker)
    }

    /// Starts a worker without waiting, for tests in which it is not to become ready.
    pub fn launch(kind: Kind, env: Vec<(String, String)>, dir: &Path) -> anyhow::Result<Self> {
        Self::launch_from(&binary(kind)?, kind, env, dir)
    }

    /// The same with a binary of the caller's choice.
    pub fn launch_from(
        binary: &Path,
        kind: Kind,
        env: Vec<(String, String)>,
        dir: &Path,
    ) -> anyhow::Result<Self> {
        let port = process::free_port()?;
        let log = dir.join(format!("{}-{port}.log", kind.binary()));
        let env = Environment(env);
        let process = spawn(binary, kind, &env, dir, port, &log)?;
        Ok(Self {
            kind,
            binary: binary.to_owned(),
            env,
            dir: dir.to_owned(),
            port,
            log,
            process,
        })
    }

    /// Waits until it says that it is ready; fails at once when it has ended.
    pub async fn ready(&mut self, deadline: Duration) -> anyhow::Result<()> {
        let (kind, uri) = (self.kind, self.uri("/readyz"));
        let process = &mut self.process;
        let waited = poll::until("readiness", deadline, || {
            let ended = process.ended();
            let uri = &uri;
            async move {
                if let Some(status) = ended? {
                    return Ok(Err(anyhow::anyhow!("{} has ended: {status}", kind.binary())));
                }
                let answer = http_client::get(uri).await?;
                anyhow::ensure!(answer.status.is_success(), "{}: {}", answer.status, answer.text());
                Ok(Ok(()))
            }
        });
        waited
            .await
            .flatten()
            .with_context(|| format!("its log ends:\n{}", process::tail(&self.log, 20)))
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGTERM, as Kubernetes sends it, and no waiting.
    pub fn sigterm(&self) -> anyhow::Result<()> {
        self.process.terminate()
    }

    /// SIGTERM; then the exit status, at most `grace` later.
    pub async fn terminate(&mut self, grace: Duration) -> anyhow::Result<ExitStatus> {
        self.process.terminate()?;
        self.exit(grace).await
    }

    /// Waits for an end that comes by itself.
    pub async fn exit(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let ended = self.process.wait(deadline).await;
        ended.with_context(|| format!("its log ends:\n{}", process::tail(&self.log, 20)))
    }

    /// Starts it again with the same environment, port and log, killing it first if it still runs, and waits
    /// until it is ready.
    pub async fn restart(&mut self) -> anyhow::Result<()> {
        self.process.kill();
        self.process = spawn(
            &self.binary,
            self.kind,
            &self.env,
            &self.dir,
            self.port,
            &self.log,
        )?;
        self.ready(READY).await
    }

    /// Its process id; another one after a restart.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Where it listens.
    pub fn uri(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it answers to a GET.
    pub async fn get(&self, path: &str) -> anyhow::Result<http_client::Answer> {
        http_client::get(&self.uri(path)).await
    }

    /// Its metrics in Prometheus' text format.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        let answer = self.get("/metrics").await?;
        anyhow::ensure!(answer.status.is_success(), "/metrics: {}", answer.status);
        Ok(answer.text())
    }

    /// The file that its log goes to.
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Its whole log since the first start.
    pub fn log(&self) -> String {
        process::tail(&self.log, usize::MAX)
    }

    /// The last lines of its log.
    pub fn log_tail(&self, lines: usize) -> String {
        process::tail(&self.log, lines)
    }
}

fn spawn(
    binary: &Path,
    kind: Kind,
    env: &Environment,
    dir: &Path,
    port: u16,
    log: &Path,
) -> anyhow::Result<Process> {
    let mut command = process::guarded(binary);
    command
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("TMPDIR", dir)
        .env("HOST", "127.0.0.1")
        .env("PORT", port.to_string())
        .envs(env.0.iter().map(|(name, value)| (name, value)))
        .current_dir(dir);
    Process::start(kind.binary(), &mut command, log)
}

/// The worker's binary: in the directory that `SD_WORKER_BIN_DIR` names, else where Cargo puts it beside the
/// running test. Fails with the command that builds it.
pub fn binary(kind: Kind) -> anyhow::Result<PathBuf> {
    let chosen = std::env::var_os("SD_WORKER_BIN_DIR").filter(|dir| !dir.is_empty());
    let executable = std::env::current_exe()?;
    let places = match &chosen {
        Some(dir) => vec![std::path::absolute(dir)?],
        // The test runs from target/<profile>/deps, the demo from target/<profile>.
        None => executable
            .ancestors()
            .skip(1)
            .take(2)
            .map(Path::to_owned)
            .collect(),
    };
    let found = places
        .iter()
        .map(|place| place.join(kind.binary()))
        .find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "{0} is not in {places:?}: run `cargo build -p {0}`",
            kind.binary()
        )
    })
}
