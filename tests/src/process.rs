//! A child process that does not outlive its owner: killed on drop, on panic too, its output in a file.
//! Started through [`guarded`], it also dies when the owner is killed and no destructor runs.

use std::{
    collections::HashSet,
    fs::File,
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{LazyLock, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use anyhow::Context;

/// Where util-linux has the program that asks the kernel for a signal at the parent's death.
const SETPRIV: &str = "/usr/bin/setpriv";

/// Becomes the program unless the owner died before its death was asked to be told.
const STILL_OWNED: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;

/// What the keeper thread is asked: start this, answer here.
type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// The ports that [`free_port`] gave away in this process.
static GIVEN: LazyLock<Mutex<HashSet<u16>>> = LazyLock::new(Mutex::default);

/// The thread that starts all children. The kernel sends a child its parent-death signal when the *thread*
/// that started it ends, so a child of a test's own thread would die with that test though others share it.
static KEEPER: LazyLock<mpsc::Sender<Order>> = LazyLock::new(|| {
    let (orders, inbox) = mpsc::channel::<Order>();
    thread::spawn(move || {
        for (mut command, answer) in inbox {
            let _ = answer.send(command.spawn());
        }
    });
    orders
});

/// A running program whose output goes to a log file and which dies with this value.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

/// A command for `program` (an absolute path) whose process the kernel kills when this process ends, by
/// SIGKILL or Ctrl-C too. Without util-linux it is a plain command, and only destructors clean up.
pub fn guarded(program: &Path) -> Command {
    if !Path::new(SETPRIV).exists() {
        return Command::new(program);
    }
    let mut command = Command::new(SETPRIV);
    command.args(["--pdeathsig", "KILL", "--", "/bin/sh", "-c", STILL_OWNED]);
    command.arg(std::process::id().to_string()).arg(program);
    command
}

/// A TCP port on loopback that nobody listens on, never the same twice in one process.
///
/// It lies below the range of outgoing connections: a client that retries a dead port from inside that range
/// ends up connected to itself and keeps a restarted server from listening.
pub fn free_port() -> anyhow::Result<u16> {
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..1000 {
        let port = rand::random_range(20_000..32_000);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && given.insert(port) {
            return Ok(port);
        }
    }
    anyhow::bail!("no free port between 20000 and 32000")
}

/// The last `lines` lines of a log file; empty if it cannot be read.
pub fn tail(log: &Path, lines: usize) -> String {
    let text = String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned();
    let all: Vec<&str> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

// === impl Process ===

impl Process {
    /// Starts `command`, with standard output and error appended to `log`. The command is used up.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let out = File::options()
            .create(true)
            .append(true)
            .open(log)
            .context("open the log file")?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let (answer, started) = mpsc::channel();
        KEEPER
            .send((std::mem::replace(command, Command::new("true")), answer))
            .context("the thread that starts children has ended")?;
        let child = started.recv()?.with_context(|| format!("start {name}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log: log.to_owned(),
        })
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> anyhow::Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// SIGKILL: what a crash or the kernel's OOM killer does.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM: what Kubernetes sends first.
    pub fn terminate(&self) -> anyhow::Result<()> {
        let status = Command::new("kill")
            .args(["-TERM", &self.pid().to_string()])
            .status()?;
        anyhow::ensure!(status.success(), "kill -TERM {} failed", self.name);
        Ok(())
    }

    /// Waits for its end.
    pub async fn wait(&mut self, deadline: Duration) -> anyhow::Result<ExitStatus> {
        let name = self.name.clone();
        crate::poll::until(&format!("{name} to end"), deadline, || {
            let answer = self.child.try_wait();
            async move {
                match answer {
                    Ok(Some(status)) => Ok(status),
                    Ok(None) => Err("it still runs".to_owned()),
                    Err(error) => Err(error.to_string()),
                }
            }
        })
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
