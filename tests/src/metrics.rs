//! What `docs/METRICS.md` says and what `/metrics` serves, in a form that can be compared.

use std::collections::{BTreeMap, BTreeSet};

/// The families that the document lists, by their names.
pub type Documented = BTreeMap<String, Labels>;
/// The labels of a family; the values where the document lists them all.
pub type Labels = BTreeMap<String, Option<BTreeSet<String>>>;

/// One line of an exposition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// The family: without the endings of a histogram's parts.
    pub family: String,
    /// Labels and values, without `le`.
    pub labels: BTreeMap<String, String>,
}

/// The table of the document.
pub fn documented(document: &str) -> Documented {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.filter_map(|row| {
        let mut cells = row.split(" | ");
        let name = cells.next()?.trim_end_matches('`').to_owned();
        let _kind = cells
            .next()
            .filter(|kind| ["counter", "gauge", "histogram"].contains(kind))?;
        let labels = cells.next()?.split("<br>").filter_map(label);
        Some((name, labels.collect()))
    });
    rows.collect()
}

fn label(text: &str) -> Option<(String, Option<BTreeSet<String>>)> {
    let (key, values) = text.trim().split_once(": ")?;
    let listed = values
        .split(' ')
        .all(|value| value.starts_with('`') && value.ends_with('`'));
    let values = listed.then(|| {
        values
            .split(' ')
            .map(|value| value.trim_matches('`').to_owned())
            .collect()
    });
    Some((key.trim_matches('`').to_owned(), values))
}

/// Every series of an exposition in Prometheus text.
pub fn served(text: &str) -> Vec<Series> {
    let histograms: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" histogram"))
        .collect();
    let lines = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty());
    let series = lines.map(|line| {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap_or(line.len()));
        let part = |ending| name.strip_suffix(ending).filter(|name| histograms.contains(name));
        let family = ["_bucket", "_sum", "_count"]
            .into_iter()
            .find_map(part)
            .unwrap_or(name);
        let labels = rest.strip_prefix('{').and_then(|rest| rest.rsplit_once("\"} "));
        let labels = labels.map_or("", |(labels, _value)| labels);
        let pairs = labels.split("\",").filter_map(|pair| pair.split_once("=\""));
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value.to_owned()));
        Series {
            family: family.to_owned(),
            labels: pairs.filter(|(key, _)| key != "le").collect(),
        }
    });
    series.collect()
}

/// What is wrong with `series` by the document; `None` if nothing is.
pub fn undocumented(series: &Series, documented: &Documented) -> Option<String> {
    let Some(labels) = documented.get(&series.family) else {
        return Some(format!("{} is not in docs/METRICS.md", series.family));
    };
    let told: BTreeSet<&String> = labels.keys().collect();
    let found: BTreeSet<&String> = series.labels.keys().collect();
    if told != found {
        return Some(format!(
            "{} has the labels {found:?}, told are {told:?}",
            series.family
        ));
    }
    series.labels.iter().find_map(|(key, value)| {
        let closed = match labels.get(key) {
            Some(Some(values)) => values.contains(value),
            // A word of the code: no id, no sentence.
            _ => !value.is_empty() && value.len() <= 40 && !value.contains([':', '/', '{']),
        };
        (!closed).then(|| format!("{}: {key}={value:?} is not in the closed set", series.family))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "\
| metric | kind | labels | meaning |
|---|---|---|---|
| `a_total` | counter | `queue`: `main` `checks`<br>`reason`: words | Something. |
| `b_seconds` | histogram |  | Else. |
";
    const TEXT: &str = "\
# TYPE a_total counter
a_total{queue=\"main\",reason=\"x, y\"} 1
# TYPE b_seconds histogram
b_seconds_bucket{le=\"5\"} 1
b_seconds_sum 1
";

    #[test]
    fn the_document_and_the_exposition_are_compared() {
        let documented = documented(DOCUMENT);
        let served = served(TEXT);
        assert_eq!(served.len(), 3);
        assert_eq!(served[0].labels["reason"], "x, y");
        assert_eq!(
            (served[1].family.as_str(), served[1].labels.len()),
            ("b_seconds", 0)
        );
        let wrong: Vec<_> = served
            .iter()
            .filter_map(|series| undocumented(series, &documented))
            .collect();
        assert_eq!(wrong, Vec::<String>::new());
        let changed = |family: &str, key: &str, value: &str| {
            let mut series = served[0].clone();
            series.family = family.to_owned();
            series.labels.insert(key.to_owned(), value.to_owned());
            undocumented(&series, &documented)
        };
        assert!(changed("c_total", "queue", "main").is_some());
        assert!(changed("a_total", "queue", "Q.checks").is_some());
        assert!(changed("a_total", "build", "1").is_some());
        assert!(changed("a_total", "reason", "https://api/builds/1").is_some());
    }
}
