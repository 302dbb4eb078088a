//! Clearing a cache against `rm -rf`, std's `remove_dir_all` (one thread, as the predecessor's `rimraf`), and
//! node's `fs.rmSync` where there is a node.
//!
//! `cargo bench -p start-worker --bench clear [-- FILES ROUNDS FOLDER]`: 200,000 files in trees as builds leave
//! them, each tree made anew and synced; the contenders take turns, so that a machine that others use at the
//! same time treats them alike. Compare the ratios, not the seconds.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench tells, and fails by panicking"
)]

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use common::{job::Job, settings::Settings};
use start_worker::{
    cache::sweep::{Progress, Swept, sweep},
    clear::{CacheFolder, folder},
};

/// How a tree is laid out.
#[derive(Clone, Copy)]
struct Shape {
    name: &'static str,
    /// Files in one folder.
    files: usize,
    /// Folders in one folder.
    folders: usize,
}

/// Many small folders, as `node_modules`; and few large ones, as stores of objects.
const SHAPES: [Shape; 2] = [
    Shape {
        name: "8 files a folder",
        files: 8,
        folders: 12,
    },
    Shape {
        name: "2,000 files a folder",
        files: 2_000,
        folders: 12,
    },
];

type Contender = (&'static str, fn(&CacheFolder, &Path));

const CONTENDERS: [Contender; 4] = [
    ("this", |folder, _| {
        let swept = sweep(folder, &Progress::default());
        assert_eq!(swept.unwrap(), Swept::Gone);
    }),
    ("rm -rf", |_, path| run(Command::new("rm").arg("-rf").arg(path))),
    ("remove_dir_all", |_, path| fs::remove_dir_all(path).unwrap()),
    ("node fs.rmSync", |_, path| {
        let script = "fs.rmSync(process.argv[1], { recursive: true, force: true })";
        run(Command::new("node").arg("-e").arg(script).arg(path));
    }),
];

fn main() {
    let mut numbers = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"));
    let files: usize = numbers.next().map_or(200_000, |text| text.parse().unwrap());
    let rounds: usize = numbers.next().map_or(5, |text| text.parse().unwrap());
    let place = numbers.next().map_or_else(std::env::temp_dir, PathBuf::from);
    let root = tempfile::Builder::new()
        .prefix("sd-bench-")
        .tempdir_in(place)
        .unwrap();
    let folder = cache(root.path());
    let path = root.path().join(folder.to_string());
    let has_node = Command::new("node").arg("--version").output().is_ok();
    for shape in SHAPES {
        let mut took = vec![Vec::new(); CONTENDERS.len()];
        for round in 0..rounds {
            for turn in 0..CONTENDERS.len() {
                let contender = (turn + round) % CONTENDERS.len();
                let (name, remove) = CONTENDERS[contender];
                if name.starts_with("node") && !has_node {
                    continue;
                }
                grow(&path, files, shape);
                run(&mut Command::new("sync"));
                let begin = Instant::now();
                remove(&folder, &path);
                took[contender].push(begin.elapsed());
                assert!(!path.exists(), "{name} has left something");
            }
        }
        tell(shape, files, &took);
    }
}

/// The folder of a pipeline's cache below `root`.
fn cache(root: &Path) -> CacheFolder {
    let environment = HashMap::from([
        ("CACHE_STRATEGY".to_owned(), "disk".to_owned()),
        ("CACHE_PATH".to_owned(), root.display().to_string()),
    ]);
    let settings = Settings::load(&environment, Some(Path::new("no-such-folder"))).unwrap();
    let body = br#"{"job":"clear","cacheConfig":{"resource":"caches","action":"delete","scope":"pipelines",
        "pipelineId":7}}"#;
    match Job::decode(body).unwrap() {
        Job::Clear(job) => folder(&job.config, &settings.ecosystem.cache).unwrap(),
        other => panic!("no clear: {other:?}"),
    }
}

/// Makes a tree of so many files, level by level.
fn grow(top: &Path, files: usize, shape: Shape) {
    let mut level = vec![top.to_owned()];
    let mut left = files;
    while left > 0 {
        let mut next = Vec::new();
        for folder in level {
            if left == 0 {
                break;
            }
            fs::create_dir_all(&folder).unwrap();
            let here = shape.files.min(left);
            for file in 0..here {
                fs::write(folder.join(format!("file-{file}.js")), "module.exports = 1;\n").unwrap();
            }
            left -= here;
            next.extend((0..shape.folders).map(|child| folder.join(format!("folder-{child}"))));
        }
        level = next;
    }
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn tell(shape: Shape, files: usize, took: &[Vec<Duration>]) {
    let median = |times: &[Duration]| {
        let mut sorted = times.to_vec();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied()
    };
    let ours = median(&took[0]).unwrap();
    println!("{files} files, {}:", shape.name);
    for ((name, _), times) in CONTENDERS.iter().zip(took) {
        if let Some(middle) = median(times) {
            let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
            let ratio = middle.as_secs_f64() / ours.as_secs_f64();
            println!("  {name:<16} {middle:>8.2?} (from {least:.2?} to {most:.2?}), {ratio:.2} of this");
        }
    }
}
