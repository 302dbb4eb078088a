//! What a process has used so far, from `/proc`.

use std::{fmt, time::Duration};

use anyhow::Context;

/// `USER_HZ`, fixed on Linux.
const TICKS_A_SECOND: u64 = 100;

/// CPU time since the process began, and memory now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Usage {
    /// In its own code. The kernel estimates the split by sampling; only the sum is exact.
    user: Duration,
    /// In the kernel, for it.
    system: Duration,
    pub(super) memory: Memory,
}

/// Resident memory in KiB.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memory {
    resident: u64,
    /// The most there was.
    peak: u64,
    /// What no file stands behind: heap and stacks. The rest is the program itself, as far as it was touched,
    /// which replicas on one node share.
    anonymous: u64,
}

/// CPU-ms of one build or check.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    user: f64,
    system: f64,
}

// === impl Usage ===

impl Usage {
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}"));
        let (stat, status) = (read("stat")?, read("status")?);
        let (_, fields) = stat.rsplit_once(") ").context("a stat line")?;
        let ticks = |field: usize| -> anyhow::Result<Duration> {
            let ticks: u64 = fields.split(' ').nth(field).context("a field of stat")?.parse()?;
            Ok(Duration::from_millis(ticks * 1_000 / TICKS_A_SECOND))
        };
        let kib = |key: &str| -> anyhow::Result<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|line| line.split_whitespace().next());
            Ok(number.context("a line of status")?.parse()?)
        };
        Ok(Self {
            user: ticks(11)?,
            system: ticks(12)?,
            memory: Memory {
                resident: kib("VmRSS:")?,
                peak: kib("VmHWM:")?,
                anonymous: kib("RssAnon:")?,
            },
        })
    }

    /// What each of `count` has cost since `before`.
    pub(super) fn cost_since(&self, before: &Self, count: u64) -> Cost {
        let each = |now: Duration, then: Duration| {
            let count = u32::try_from(count.max(1)).unwrap_or(u32::MAX);
            (now.saturating_sub(then) / count).as_secs_f64() * 1_000.0
        };
        Cost {
            user: each(self.user, before.user),
            system: each(self.system, before.system),
        }
    }
}

// === impl Cost ===

impl Cost {
    pub(super) fn total(self) -> f64 {
        self.user + self.system
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { user, system } = self;
        write!(f, "{:.2} ({user:.2} user + {system:.2} system)", self.total())
    }
}

// === impl Memory ===

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            resident,
            peak,
            anonymous,
        } = self;
        write!(
            f,
            "{resident} KiB resident ({anonymous} of them no file's), at most {peak}"
        )
    }
}
