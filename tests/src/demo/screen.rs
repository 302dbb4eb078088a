//! Where the demo shows itself: lines that change in place on a terminal, or one line for each change where
//! there is none.

use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::scenario::Told;

/// Frames of a spinner; the last is shown no more.
const FRAMES: &str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ";
const TICK: Duration = Duration::from_millis(120);

/// The demo's output.
#[derive(Debug)]
pub(super) struct Screen {
    /// None without a terminal.
    bars: Option<MultiProgress>,
    begin: Instant,
}

/// A line of the table.
#[derive(Debug)]
pub(super) struct Slot {
    bar: Option<ProgressBar>,
    begin: Instant,
    last: Mutex<String>,
}

/// Lines about what is being started.
#[derive(Debug)]
pub(super) struct Startup {
    screen: Arc<Screen>,
    begun: Mutex<BTreeMap<&'static str, (Instant, Option<ProgressBar>)>>,
}

// === impl Screen ===

impl Screen {
    pub(super) fn new() -> Self {
        let terminal = std::io::stdout().is_terminal();
        Self {
            bars: terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout())),
            begin: Instant::now(),
        }
    }

    /// A line for good, above all that changes.
    pub(super) fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.suspend(|| println!("{line}")),
            None => println!("{line}"),
        }
    }

    /// What the world does to a build.
    pub(super) fn note(&self, told: &Told) {
        let line = format!("build {} ({}): {}", told.build, told.scenario, told.what);
        if self.bars.is_some() {
            self.say(&format!("  {line}"));
        } else {
            self.say(&format!("{}>> {line}", clock(self.begin)));
        }
    }

    /// The names of the table's columns.
    pub(super) fn header(&self, line: &str) {
        match &self.bars {
            Some(bars) => {
                let bar = bars.add(ProgressBar::new_spinner().with_style(style("  {msg:.bold}")));
                bar.abandon_with_message(line.to_owned());
            }
            None => println!("{:>7}  {line}", ""),
        }
    }

    /// A new line at the end of the table.
    pub(super) fn slot(&self) -> Slot {
        Slot {
            bar: self.spinner(),
            begin: self.begin,
            last: Mutex::default(),
        }
    }

    /// For what is being started.
    pub(super) fn progress(self: &Arc<Self>) -> Startup {
        Startup {
            screen: Arc::clone(self),
            begun: Mutex::default(),
        }
    }

    /// Nothing changes any more.
    pub(super) fn end(&self) {
        println!();
    }

    fn spinner(&self) -> Option<ProgressBar> {
        let bar = self.bars.as_ref()?.add(ProgressBar::new_spinner());
        bar.set_style(style("{spinner:.cyan} {wide_msg}"));
        bar.enable_steady_tick(TICK);
        Some(bar)
    }
}

// === impl Slot ===

impl Slot {
    /// Shows a line if it is new.
    pub(super) fn show(&self, line: &str) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == line {
            return;
        }
        line.clone_into(&mut last);
        match &self.bar {
            Some(bar) => bar.set_message(line.to_owned()),
            None => println!("{}{}", clock(self.begin), line.trim_end()),
        }
    }

    /// Shows the last line, and whether it is as it should be.
    pub(super) fn end(&self, line: &str, met: bool) {
        let mark = if met { "✓" } else { "✗" };
        match &self.bar {
            Some(bar) => {
                bar.set_style(style(if met {
                    "{prefix:.green} {wide_msg}"
                } else {
                    "{prefix:.red} {wide_msg}"
                }));
                bar.set_prefix(mark);
                bar.abandon_with_message(line.to_owned());
            }
            None => self.show(line),
        }
    }
}

// === impl Startup ===

impl Startup {
    /// `name` is being started, or is ready.
    pub(super) fn tell(&self, name: &'static str, ready: bool) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready {
            let bar = self.screen.spinner();
            if let Some(bar) = &bar {
                bar.set_message(name);
            }
            begun.insert(name, (Instant::now(), bar));
            return;
        }
        let Some((since, bar)) = begun.remove(name) else {
            return;
        };
        let line = format!("{name:<28}  {:>4.1} s", since.elapsed().as_secs_f64());
        match bar {
            Some(bar) => {
                bar.set_style(style("{prefix:.green} {wide_msg}"));
                bar.set_prefix("✓");
                bar.abandon_with_message(line);
            }
            None => println!("  {line}"),
        }
    }
}

/// The time since `begin`, as a column.
fn clock(begin: Instant) -> String {
    format!("{:>5.1} s  ", begin.elapsed().as_secs_f64())
}

/// The templates are constants; one that could not be read would show nothing but the message.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars(FRAMES)
}
