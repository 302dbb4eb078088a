//! Children end with their owner on every path, also when no destructor of the owner runs.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use testbed::{
    poll,
    process::{Process, free_port, guarded, tail},
};

const SOON: Duration = Duration::from_secs(10);

/// A zombie has no command line: it counts as gone.
fn alive(pid: u32) -> bool {
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

/// Between its programs (the guard's shell and then its own) a child has no command line for a moment.
async fn started(pid: u32) {
    let sleeps = poll::until("the child", SOON, || async move {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if line.starts_with(b"/bin/sleep") {
            Ok(())
        } else {
            Err("it is not itself yet")
        }
    });
    sleeps.await.unwrap();
}

async fn gone(pid: u32) {
    let ended = poll::until("the child's end", SOON, || async move {
        if alive(pid) { Err("it lives") } else { Ok(()) }
    });
    ended.await.unwrap();
}

fn sleeper(dir: &Path) -> Process {
    let mut command = guarded(Path::new("/bin/sleep"));
    Process::start("sleeper", command.arg("600"), &dir.join("sleeper.log")).unwrap()
}

#[tokio::test]
async fn a_child_dies_with_its_value_and_on_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    let dropped = sleeper(dir.path());
    let pid = dropped.pid();
    started(pid).await;
    drop(dropped);
    gone(pid).await;
    let pid = std::thread::scope(|scope| {
        let panicking = scope.spawn(|| {
            let owned = sleeper(dir.path());
            std::panic::panic_any(owned.pid());
        });
        *panicking.join().unwrap_err().downcast::<u32>().unwrap()
    });
    gone(pid).await;
}

#[tokio::test]
async fn a_child_outlives_the_thread_that_asked_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let child = std::thread::scope(|scope| scope.spawn(|| sleeper(dir.path())).join().unwrap());
    started(child.pid()).await;
    let lived = poll::until("a while", Duration::from_millis(300), || async {
        if alive(child.pid()) {
            Err("it lives")
        } else {
            Ok(())
        }
    });
    assert!(lived.await.is_err(), "it died with the thread");
}

#[tokio::test]
async fn a_child_dies_when_its_owner_is_killed() {
    if !Path::new("/usr/bin/setpriv").exists() {
        println!("skipped: no setpriv here, only destructors clean up");
        return;
    }
    // The owner's own directory lies in this one: it is killed before it can remove it.
    let dir = tempfile::tempdir().unwrap();
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .env("TMPDIR", dir.path())
        .args(["--ignored", "--exact", "an_owner", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Read to the end of the test: an owner whose output nobody reads ends by itself.
    let mut lines = BufReader::new(owner.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok);
    let pid = lines
        .find_map(|line| line.strip_prefix("child ")?.parse().ok())
        .unwrap();
    // Killed at once: the child may not even have become its program.
    owner.kill().unwrap();
    owner.wait().unwrap();
    gone(pid).await;
}

#[test]
#[ignore = "a helper that the test above starts and kills"]
fn an_owner() {
    let dir = tempfile::tempdir().unwrap();
    let child = sleeper(dir.path());
    println!("\nchild {}", child.pid());
    loop {
        std::thread::park();
    }
}

#[test]
fn free_ports_are_free_different_and_never_ports_of_outgoing_connections() {
    let ports: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();
    let different: std::collections::BTreeSet<_> = ports.iter().collect();
    assert_eq!(different.len(), ports.len());
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
    assert!(ports.iter().all(|port| *port < first), "{range}");
    assert!(
        ports
            .iter()
            .all(|port| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok())
    );
}

#[test]
fn the_tail_of_a_log_is_its_last_lines() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    assert_eq!(tail(&log, 2), "");
    std::fs::write(&log, "one\ntwo\nthree\n").unwrap();
    assert_eq!(
        (tail(&log, 2), tail(&log, 9)),
        ("two\nthree".to_owned(), "one\ntwo\nthree".to_owned())
    );
}

/// `.cache/` of the repository, wherever the script that builds stands and whatever folder it is called from.
#[test]
fn what_is_built_once_is_kept_in_the_repository() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let script = repository.join("tests/keda/../scripts/kept.sh");
    let told = Command::new("bash")
        .args(["-euc", r#". "$1"; kept_folder control-plane"#, "bash"])
        .arg(&script)
        .env_remove("SD_CACHE_DIR")
        .current_dir("/")
        .output()
        .unwrap();
    let folder = String::from_utf8(told.stdout).unwrap();
    let expected = repository.canonicalize().unwrap().join(".cache/control-plane");
    assert_eq!(Path::new(folder.trim_end()), expected, "{:?}", told.stderr);
}
