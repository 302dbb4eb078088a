//! The commands of the documents for operators, as tests run them: what is documented is what was tried.

use anyhow::Context;

const DOCUMENTS: [&str; 2] = [
    include_str!("../../docs/OPERATIONS.md"),
    include_str!("../../docs/SCALING.md"),
];

/// The words after `rabbitmqctl` in the one documented line that begins with `rabbitmqctl <beginning>`, with the
/// document's examples replaced by what the test has.
pub fn rabbitmqctl(beginning: &str, replaced: &[(&str, &str)]) -> anyhow::Result<Vec<String>> {
    let beginning = format!("rabbitmqctl {beginning}");
    let mut lines = DOCUMENTS.iter().flat_map(|text| text.lines());
    let line = lines.find(|line| line.starts_with(&beginning));
    let line = line.with_context(|| format!("no document has a line `{beginning}`"))?;
    let words = words(line).into_iter().skip(1);
    Ok(words
        .map(|word| {
            replaced
                .iter()
                .fold(word, |word, (example, ours)| word.replace(example, ours))
        })
        .collect())
}

/// As a shell splits it; quotes of either kind may hold blanks, and nothing is expanded.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), close) if open == close => quote = None,
            (None, ' ') => words.push(String::new()),
            (_, letter) => words.last_mut().map_or((), |word| word.push(letter)),
        }
    }
    words
}

#[test]
fn words_are_a_shells() {
    let line = r#"a -p "b c" 'd "e"' '^$'"#;
    assert_eq!(words(line), ["a", "-p", "b c", "d \"e\"", "^$"]);
}
