//! What the demo says at its end. Pure: what came of the builds in, text out.

use std::{fmt::Write as _, time::Duration};

use super::row::{cut, status};
use crate::{
    builds_api::Status,
    scenario::{Scenario, Story},
};

/// A build at the end of the demo.
#[derive(Debug)]
pub(super) struct Ended<'a> {
    pub(super) scenario: &'a Scenario,
    /// None if its message could not even be published.
    pub(super) story: Option<Story>,
    /// Why it did not meet its expected end.
    pub(super) problem: Option<String>,
    /// From its message to its end.
    pub(super) took: Duration,
}

// === impl Ended ===

impl Ended<'_> {
    /// Whether it met its expected end.
    pub(super) fn met(&self) -> bool {
        self.problem.is_none()
    }

    fn expected(&self) -> String {
        brief(self.scenario.expected.status, self.scenario.expected.pods)
    }

    fn got(&self) -> String {
        let story = self.story.as_ref();
        story.map_or("nothing".to_owned(), |story| {
            brief(story.build.status, story.pods.made())
        })
    }
}

/// Expected and real ends, and what each scenario shows.
pub(super) fn table(ended: &[Ended<'_>], took: Duration, width: Option<usize>) -> String {
    let mut text = format!(
        "  {:<16}  {:<15}  {:<15}  {:>6}  {}\n",
        "scenario", "expected", "got", "took", "shows that"
    );
    for build in ended {
        let line = format!(
            "{} {:<16}  {:<15}  {:<15}  {:>4.1} s  {}",
            if build.met() { "✓" } else { "✗" },
            build.scenario.name,
            build.expected(),
            build.got(),
            build.took.as_secs_f64(),
            build.scenario.shows,
        );
        let _ = writeln!(text, "{}", cut(&line, width.unwrap_or(usize::MAX)));
        if let Some(problem) = &build.problem {
            let _ = writeln!(text, "    {problem}");
        }
    }
    let met = ended.iter().filter(|build| build.met()).count();
    let _ = writeln!(
        text,
        "\n{met} of {} builds met their expected end, in {:.0} s.",
        ended.len(),
        took.as_secs_f64()
    );
    text
}

/// The texts of failed builds, whole.
pub(super) fn texts(ended: &[Ended<'_>], width: Option<usize>) -> String {
    let mut text = String::from("\nWhat the users of the failed builds read:\n");
    let failed = ended.iter().filter_map(|build| {
        let story = build.story.as_ref()?;
        let message = story.build.status_message.as_deref()?;
        (story.build.status == Status::Failure).then_some((build.scenario.name, message))
    });
    for (name, message) in failed {
        let lines = wrapped(
            &format!("{name}: {message}"),
            width.map_or(usize::MAX, |width| width.saturating_sub(4)),
        );
        let _ = writeln!(text, "  {}", lines.join("\n    "));
    }
    text
}

/// One build's trace.
pub(super) fn trace(scenario: &Scenario, id: u64, waterfall: &str) -> String {
    let name = scenario.name;
    format!("\nThe trace of build {id} ({name}): begin, duration, service, span, outcome\n{waterfall}")
}

/// What went wrong beside the builds.
pub(super) fn troubles(troubles: &[String]) -> String {
    troubles.iter().fold(String::new(), |mut text, trouble| {
        let _ = writeln!(text, "trouble: {trouble}");
        text
    })
}

/// The text in lines of at most `width` characters, broken between words where a word fits a line.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let Some(line) = lines.last_mut() else { break };
        let length = line.chars().count();
        if line.is_empty() {
            line.push_str(word);
        } else if length.saturating_add(1 + word.chars().count()) <= width {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

fn brief(end: Status, pods: usize) -> String {
    let pods = match pods {
        0 => "no pod".to_owned(),
        1 => "1 pod".to_owned(),
        many => format!("{many} pods"),
    };
    format!("{}, {pods}", status(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::all;

    #[test]
    fn a_build_that_missed_its_end_is_marked_and_explained() {
        let scenarios = all();
        let ended = |problem: Option<&str>| Ended {
            scenario: &scenarios[0],
            story: None,
            problem: problem.map(ToOwned::to_owned),
            took: Duration::from_millis(1_500),
        };
        let text = table(
            &[ended(None), ended(Some("no pod"))],
            Duration::from_secs(3),
            None,
        );
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("✓ healthy           SUCCESS, 1 pod   nothing           1.5 s  "));
        assert!(lines[2].starts_with("✗ healthy"));
        assert_eq!(lines[3], "    no pod");
        assert!(text.ends_with("1 of 2 builds met their expected end, in 3 s.\n"));
    }

    #[test]
    fn long_texts_break_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("unbreakable it is", 4), ["unbreakable", "it", "is"]);
        assert_eq!(wrapped("one two three", usize::MAX), ["one two three"]);
    }
}
