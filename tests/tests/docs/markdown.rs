//! The documents of the repository, taken apart as far as the tests need it: blocks, texts, links, headings.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// One document.
pub(crate) struct Document {
    /// Its path from the root of the repository.
    pub(crate) path: PathBuf,
    /// Blocks of code.
    pub(crate) blocks: Vec<Block>,
    /// Everything else: one text for each paragraph, row of a table or heading.
    pub(crate) texts: Vec<Text>,
}

/// The language of a block that is made by its indent, which no fence could have.
pub(crate) const INDENTED: &str = "indented";

/// A block of code, between fences or indented.
pub(crate) struct Block {
    /// The line on which it begins: that of the fence, or its first one.
    pub(crate) line: usize,
    /// The word behind the fence, or [`INDENTED`].
    pub(crate) language: String,
    /// What it holds.
    pub(crate) lines: Vec<String>,
}

/// A piece of prose.
pub(crate) struct Text {
    /// The line on which it begins.
    pub(crate) line: usize,
    /// What it holds, on one line.
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Every document there is.
pub(crate) fn documents() -> Vec<Document> {
    files(&["md"])
        .into_iter()
        .map(|path| Document::parse(&path, &fs::read_to_string(root().join(&path)).unwrap()))
        .collect()
}

/// Every file of ours with one of these endings, by its path from the root.
pub(crate) fn files(endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().unwrap().is_dir() {
                // What is built, cached or fetched is not ours.
                if !name.starts_with('.') && !matches!(name.as_str(), "target" | "node_modules") {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(&format!(".{ending}"))) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

// === impl Document ===

impl Document {
    fn parse(path: &Path, text: &str) -> Self {
        let (mut blocks, mut texts): (Vec<Block>, Vec<Text>) = (Vec::new(), Vec::new());
        let mut open: Option<Block> = None;
        let mut goes_on = false;
        // How far the text of the list's item that is open is indented.
        let mut margin = 0;
        for (number, line) in text.lines().enumerate() {
            let trimmed = line.trim();
            let indent = line.len() - line.trim_start().len();
            if let Some(language) = trimmed.strip_prefix("```") {
                goes_on = false;
                match open.take() {
                    Some(block) => blocks.push(block),
                    None => {
                        open = Some(Block {
                            line: number + 1,
                            language: language.to_owned(),
                            lines: Vec::new(),
                        });
                    }
                }
            } else if let Some(block) = &mut open {
                block.lines.push(line.trim_end().to_owned());
            } else if trimmed.is_empty() {
                goes_on = false;
            } else if !goes_on && indent >= margin + 4 {
                blocks.push(Block {
                    line: number + 1,
                    language: INDENTED.to_owned(),
                    lines: vec![trimmed.to_owned()],
                });
            } else {
                margin = match item(trimmed) {
                    Some(width) => indent + width,
                    None if goes_on => margin,
                    None => indent.min(margin),
                };
                let alone = trimmed.starts_with(['|', '#']);
                match texts.last_mut().filter(|_| goes_on && !alone) {
                    Some(last) => {
                        last.text.push(' ');
                        last.text.push_str(trimmed);
                    }
                    None => texts.push(Text {
                        line: number + 1,
                        text: trimmed.to_owned(),
                    }),
                }
                goes_on = !alone;
            }
        }
        assert!(open.is_none(), "{}: a block does not end", path.display());
        Self {
            path: path.to_owned(),
            blocks,
            texts,
        }
    }

    /// What stands between backticks, with its line.
    pub(crate) fn quoted(&self) -> impl Iterator<Item = (usize, &str)> {
        self.texts.iter().flat_map(|text| {
            let parts = text.text.split('`').skip(1).step_by(2);
            parts.map(|part| (text.line, part))
        })
    }

    /// The targets of links, with their lines.
    pub(crate) fn links(&self) -> impl Iterator<Item = (usize, &str)> {
        self.texts.iter().flat_map(|text| {
            let parts = text.text.split("](").skip(1);
            parts.filter_map(|part| Some((text.line, part.split_once(')')?.0)))
        })
    }

    /// The names under which headings can be linked to.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let headings = self.texts.iter().filter(|text| text.text.starts_with('#'));
        let mut anchors = BTreeSet::new();
        for heading in headings {
            let title = heading.text.trim_start_matches('#').trim().to_lowercase();
            let kept = title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
            assert!(
                anchors.insert(anchor),
                "{}: {} twice",
                self.path.display(),
                heading.text
            );
        }
        anchors
    }

    /// Where something stands, for people.
    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

/// The width of the mark with which a list's item begins, and of the blank behind it.
fn item(line: &str) -> Option<usize> {
    let (mark, _) = line.split_once(' ')?;
    let number = mark.strip_suffix('.').unwrap_or_default();
    let counted = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    (counted || matches!(mark, "-" | "*")).then_some(mark.len() + 1)
}

#[test]
fn blocks_are_seen_with_fences_and_without() {
    let text = "Text\n    goes on\n\n    indented\n\n1. An item\n   goes on\n\n   and on\n\n   ```sh\n   fenced\n   ```\n\n       \
                in the item\n\nEnd\n\n   still text\n\n        indented\n";
    let document = Document::parse(Path::new("x.md"), text);
    let blocks: Vec<_> = document
        .blocks
        .iter()
        .map(|block| (block.line, block.language.as_str(), block.lines.join("/")))
        .collect();
    let expected = [
        (4, INDENTED, "indented".to_owned()),
        (11, "sh", "   fenced".to_owned()),
        (15, INDENTED, "in the item".to_owned()),
        (21, INDENTED, "indented".to_owned()),
    ];
    assert_eq!(blocks, expected);
}
