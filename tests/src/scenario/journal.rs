//! What the workers say about each delivery, read from their JSON logs while they are written.
//!
//! Logs, not spans: a line is in the file when the delivery is settled, and a killed worker keeps its word.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use serde::Deserialize;
use tokio::task::JoinSet;

/// Often enough for an eye that watches the table.
const PACE: Duration = Duration::from_millis(50);

/// What came of one delivery.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Line {
    /// When it was settled.
    #[serde(rename = "timestamp")]
    pub at: Timestamp,
    /// The build that it was about.
    #[serde(rename = "build.id")]
    pub build: u64,
    /// The kind of its job: `start`, `stop`, `check`.
    pub job: String,
    /// The outcome.
    pub outcome: String,
}

/// The lines so far, by build and time. Reading ends with this value.
#[derive(Debug)]
pub(super) struct Journal {
    lines: Arc<Mutex<BTreeMap<u64, Vec<Line>>>>,
    _reader: JoinSet<()>,
}

/// A log and how far it was read.
struct Tail {
    path: PathBuf,
    read: u64,
    /// The beginning of a line whose end is not written yet.
    rest: Vec<u8>,
}

// === impl Journal ===

impl Journal {
    /// Follows these logs, which need not exist yet.
    pub(super) fn follow(logs: impl IntoIterator<Item = PathBuf>) -> Self {
        let lines = Arc::<Mutex<BTreeMap<u64, Vec<Line>>>>::default();
        let mut tails: Vec<Tail> = logs.into_iter().map(Tail::new).collect();
        let mut reader = JoinSet::new();
        let shared = Arc::clone(&lines);
        reader.spawn(async move {
            let mut pace = tokio::time::interval(PACE);
            loop {
                pace.tick().await;
                for line in tails.iter_mut().flat_map(Tail::news) {
                    let mut builds = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    let of_build = builds.entry(line.build).or_default();
                    // The two logs are read one after the other; the lines are not written so.
                    let position = of_build.partition_point(|other| other.at <= line.at);
                    of_build.insert(position, line);
                }
            }
        });
        Self {
            lines,
            _reader: reader,
        }
    }

    /// The lines about a build.
    pub(super) fn of(&self, build: u64) -> Vec<Line> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.get(&build).cloned().unwrap_or_default()
    }
}

// === impl Tail ===

impl Tail {
    fn new(path: PathBuf) -> Self {
        Self {
            path,
            read: 0,
            rest: Vec::new(),
        }
    }

    /// The deliveries that were written since the last time.
    fn news(&mut self) -> Vec<Line> {
        let _ = self.read_on();
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return Vec::new();
        };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        let lines = whole.split(|byte| *byte == b'\n');
        // Other lines lack a build, a job or an outcome.
        lines
            .filter_map(|line| serde_json::from_slice(line).ok())
            .collect()
    }

    fn read_on(&mut self) -> std::io::Result<()> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read))?;
        let count = file.read_to_end(&mut self.rest)?;
        self.read += u64::try_from(count).unwrap_or_default();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn only_whole_lines_about_deliveries_count() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        let mut tail = Tail::new(file.path().to_owned());
        let line = r#"{"timestamp":"2026-01-02T03:04:05.678Z","message":"done","job":"check","outcome":"healthy","build.id":7}"#;
        write!(file, "{{\"message\":\"ready\"}}\n{line}\n{{\"time").expect("written");
        let news = tail.news();
        assert_eq!(news.len(), 1);
        assert_eq!(
            (news[0].build, news[0].job.as_str(), news[0].outcome.as_str()),
            (7, "check", "healthy")
        );
        writeln!(file, "stamp\":\"\"}}\n{line}").expect("written");
        assert_eq!(tail.news().len(), 1);
        assert!(tail.news().is_empty());
    }
}
