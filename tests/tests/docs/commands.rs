//! The commands of documents, found: in blocks and in the text, with what a reader is told about those that no test here
//! runs.

use std::path::Path;

use super::markdown::{Document, INDENTED};

/// Marks commands up to the next empty line; a reason follows.
pub(crate) const MARK: &str = "# not run by a test: ";
/// Marks commands up to the next empty line; the name of the test that runs them follows, and where it is run.
pub(crate) const ELSEWHERE: &str = "# run by ";
/// Begins a page's sentence about the commands in its text: the programs that it names need no mark.
const SENTENCE: &str = "not run by a test: ";
/// Languages of blocks that are not for a shell. `usage` shows forms of commands.
const OTHERS: [&str; 7] = ["text", "usage", "yaml", "json", "mermaid", "rust", "rust,no_run"];
/// Programs that are ours, or that our documents promise something of.
const OURS: [&str; 5] = ["make", "cargo", "helm", "start-worker", "verify-worker"];
/// Programs of others', and what a shell has for several at once.
const FOREIGN: [&str; 11] = [
    "curl",
    "docker",
    "find",
    "for",
    "git",
    "kubectl",
    "promtool",
    "rabbitmq-diagnostics",
    "rabbitmq-plugins",
    "rabbitmqadmin",
    "rabbitmqctl",
];

/// One command of a document.
pub(crate) struct Typed {
    /// Where it stands.
    pub(crate) line: usize,
    /// As it is typed.
    pub(crate) text: String,
}

/// What a document has for a shell.
#[derive(Default)]
pub(crate) struct Found {
    /// What is to be run or checked.
    pub(crate) commands: Vec<Typed>,
    /// Tests that run what is marked so, with their lines.
    pub(crate) elsewhere: Vec<(usize, String)>,
    /// Blocks that do not say what they are, and marks without a reason.
    pub(crate) wrong: Vec<String>,
}

// === impl Found ===

impl Found {
    /// Looks through a document.
    pub(crate) fn of(document: &Document) -> Self {
        let mut found = Self::default();
        for block in &document.blocks {
            let place = document.place(block.line);
            if block.language == "sh" {
                found.read(&place, block.line, &block.lines);
            } else if block.language == INDENTED || !OTHERS.contains(&block.language.as_str()) {
                let why = "a block stands between fences, and says what it holds";
                found.wrong.push(format!("{place}: {why}: {:?}", block.language));
            } else if block.language != "usage" && block.lines.iter().any(|line| is_command(line)) {
                let why = "commands stand in blocks marked `sh`, their forms in `usage`";
                found.wrong.push(format!("{place}: {why}"));
            }
        }
        let excused = excused(document);
        for (line, text) in document.quoted() {
            let form = text.contains(['[', '<']) && !text.contains("< ");
            let program = program(text);
            // `helm upgrade` is the name of something, not something to type.
            let whole = ["make", "start-worker", "verify-worker"].contains(&program) || is_script(program);
            let name = !whole && text.split(' ').count() < 3;
            // What is piped into one of ours is run all the same.
            let excused = excused.contains(&program) && !text.contains("| verify-worker");
            if is_command(text) && !form && !name && !excused {
                found.commands.push(Typed {
                    line,
                    text: text.to_owned(),
                });
            }
        }
        found
    }

    /// Reads a block for a shell. `before` is the line before its first one.
    fn read(&mut self, place: &str, before: usize, lines: &[String]) {
        let (mut marked, mut open) = (false, false);
        for (number, line) in lines.iter().enumerate() {
            let (line, number) = (line.trim_start(), before + number + 1);
            if let Some(reason) = line.strip_prefix(MARK) {
                marked = true;
                if reason.trim().is_empty() {
                    self.wrong.push(format!("{place}: a mark without a reason"));
                }
            } else if let Some(test) = line.strip_prefix(ELSEWHERE) {
                marked = true;
                let name = test.split_whitespace().next().unwrap_or_default();
                self.elsewhere.push((number, name.to_owned()));
            } else if line.is_empty() {
                marked = false;
            } else if !marked && !line.starts_with('#') {
                match self.commands.last_mut().filter(|_| open) {
                    Some(last) => {
                        last.text.push('\n');
                        last.text.push_str(line);
                    }
                    None => self.commands.push(Typed {
                        line: number,
                        text: line.to_owned(),
                    }),
                }
                let text = self.commands.last().map_or("", |last| last.text.as_str());
                let looping = text.starts_with("for ") && !text.ends_with("\ndone");
                open = looping || text.ends_with('\\') || text.matches('\'').count() % 2 == 1;
            }
        }
    }
}

/// The programs of which a page says, with a reason, that no test runs the commands in its text.
fn excused(document: &Document) -> Vec<&str> {
    let sentences = document.texts.iter().filter_map(|text| {
        let at = text.text.to_lowercase().find(SENTENCE)?;
        text.text.get(at..)
    });
    sentences
        .flat_map(|rest| rest.split('`').skip(1).step_by(2))
        .filter(|program| FOREIGN.contains(program))
        .collect()
}

fn is_command(text: &str) -> bool {
    let program = program(text);
    (OURS.contains(&program) || FOREIGN.contains(&program) || is_script(program)) && text.trim() != program
}

/// The first word that sets no variable, of what is within `$(...)` if a variable is set to that.
pub(crate) fn program(text: &str) -> &str {
    let mut rest = text.trim_start();
    if let Some((name, inner)) = rest.split_once("=$(")
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    {
        rest = inner.split(')').next().unwrap_or_default();
    }
    while let Some((name, value)) = rest.split_once('=')
        && name
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    {
        let end = match value.strip_prefix('\'') {
            Some(quoted) => quoted.find('\'').map(|at| at + 2),
            None => value.find(char::is_whitespace),
        };
        rest = value[end.unwrap_or(value.len())..].trim_start();
    }
    rest.split_whitespace().next().unwrap_or_default()
}

/// Whether this is a script of ours, by its path.
pub(crate) fn is_script(program: &str) -> bool {
    program.starts_with("tests/")
        && Path::new(program)
            .extension()
            .is_some_and(|ending| ending == "sh")
}

#[test]
fn the_program_of_a_command_is_what_is_run() {
    let table = [
        ("make demo", "make"),
        ("TRACES=jaeger make demo", "make"),
        ("K8S_BASE_IMAGE=vm:1 start-worker render", "start-worker"),
        ("NODE_CONFIG='{a: 1}' start-worker --check-config", "start-worker"),
        (
            "assets=$(tests/control-plane/build.sh)",
            "tests/control-plane/build.sh",
        ),
        (
            "folder=$(tests/keda/build.sh --definitions)   # only crds/",
            "tests/keda/build.sh",
        ),
        ("", ""),
    ];
    for (text, expected) in table {
        assert_eq!(program(text), expected, "{text}");
    }
}
