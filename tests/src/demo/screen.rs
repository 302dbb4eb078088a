//! Where the demo shows itself: lines that change in place on a terminal, or one line for each change where
//! there is none.

use std::{
    collections::BTreeMap,
    io::IsTerminal as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use console::Term;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::row::Row;
use crate::scenario::Told;

/// Frames of a spinner; the last is shown no more.
const FRAMES: &str = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ ";
const TICK: Duration = Duration::from_millis(120);

/// The demo's output.
#[derive(Debug)]
pub(super) struct Screen {
    /// None without a terminal.
    bars: Option<MultiProgress>,
    /// Bars that are not held are soon given up by the library, and with them their lines.
    held: Mutex<Vec<ProgressBar>>,
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
    /// None without a terminal.
    bars: Option<MultiProgress>,
    begun: Mutex<BTreeMap<&'static str, (Instant, Option<ProgressBar>)>>,
}

// === impl Screen ===

impl Screen {
    pub(super) fn new() -> Self {
        Self {
            bars: bars(),
            held: Mutex::default(),
            begin: Instant::now(),
        }
    }

    /// How many columns there are; none if lines may be as long as they like.
    pub(super) fn width(&self) -> Option<usize> {
        let columns = Term::stdout()
            .size_checked()
            .map(|(_, columns)| usize::from(columns));
        columns.filter(|_| self.bars.is_some())
    }

    /// A line for good, above the table.
    pub(super) fn say(&self, line: &str) {
        match &self.bars {
            // A terminal that is gone has nobody to tell.
            Some(bars) => drop(bars.println(line)),
            None => println!("{line}"),
        }
    }

    /// What the world does to a build.
    pub(super) fn note(&self, told: &Told) {
        let Told {
            build,
            scenario,
            what,
        } = told;
        self.say(&format!(
            "{}build {build} ({scenario}): {what}",
            clock(self.begin)
        ));
    }

    /// The names of the table's columns.
    pub(super) fn header(&self, line: &str) {
        match &self.bars {
            Some(bars) => {
                let bar = bars.add(ProgressBar::new_spinner().with_style(style("\n  {msg:.bold}")));
                bar.abandon_with_message(line.to_owned());
                self.hold(bar);
            }
            None => println!("{:>9}{line}", ""),
        }
    }

    /// A new line at the end of the table.
    pub(super) fn slot(&self) -> Slot {
        let bar = self.bars.as_ref().map(spinner);
        if let Some(bar) = &bar {
            self.hold(bar.clone());
        }
        Slot {
            bar,
            begin: self.begin,
            last: Mutex::default(),
        }
    }

    /// The table stays as it is; what follows stands below it.
    pub(super) fn end(&self) {
        if self.bars.is_some() {
            println!();
        }
        println!();
    }

    fn hold(&self, bar: ProgressBar) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(bar);
    }
}

// === impl Slot ===

impl Slot {
    /// Shows a row. Without a terminal only if there is news: a pod alternates between two words for minutes.
    pub(super) fn show(&self, row: &Row) {
        match &self.bar {
            Some(bar) => bar.set_message(row.to_string()),
            None if self.is_news(row) => self.print(row),
            None => {}
        }
    }

    /// Shows the last row, and whether it is as it should be.
    pub(super) fn end(&self, row: &Row, met: bool) {
        let mark = if met { "✓" } else { "✗" };
        match &self.bar {
            Some(bar) => {
                bar.set_style(style(if met {
                    "{prefix:.green} {wide_msg}"
                } else {
                    "{prefix:.red} {wide_msg}"
                }));
                bar.set_prefix(mark);
                bar.abandon_with_message(row.to_string());
            }
            None => self.print(row),
        }
    }

    fn print(&self, row: &Row) {
        println!("{}{}", clock(self.begin), row.to_string().trim_end());
    }

    fn is_news(&self, row: &Row) -> bool {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let news = row.news();
        let changed = *last != news;
        *last = news;
        changed
    }
}

// === impl Startup ===

impl Startup {
    pub(super) fn new() -> Self {
        Self {
            bars: bars(),
            begun: Mutex::default(),
        }
    }

    /// `name` is being started, or is ready.
    pub(super) fn tell(&self, name: &'static str, ready: bool) {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready {
            let bar = self.bars.as_ref().map(spinner);
            if let Some(bar) = &bar {
                bar.set_message(name);
            }
            begun.insert(name, (Instant::now(), bar));
            return;
        }
        let Some((since, bar)) = begun.remove(name) else {
            return;
        };
        let line = format!("  {name:<28}  {:>4.1} s", since.elapsed().as_secs_f64());
        match (&self.bars, bar) {
            (Some(bars), Some(bar)) => {
                bar.finish_and_clear();
                bars.remove(&bar);
                drop(bars.println(line));
            }
            _ => println!("{line}"),
        }
    }

    /// What follows stands below.
    pub(super) fn end(&self) {
        if self.bars.is_some() {
            println!();
        }
    }
}

/// Lines that change in place, if there is a terminal for them.
fn bars() -> Option<MultiProgress> {
    let terminal = std::io::stdout().is_terminal();
    terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stdout()))
}

fn spinner(bars: &MultiProgress) -> ProgressBar {
    let bar = bars.add(ProgressBar::new_spinner().with_style(style("{spinner:.cyan} {wide_msg}")));
    bar.enable_steady_tick(TICK);
    bar
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
