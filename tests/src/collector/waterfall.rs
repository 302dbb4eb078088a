//! A trace as a text waterfall: one line for each span, children under their parent, times from its begin.

use std::{collections::BTreeSet, fmt::Write, time::Duration};

use super::{Span, Status};

/// Draws the spans of one trace: offset from the first, duration, service, name, a stage's container, and the `outcome`
/// attribute.
///
/// Children stand under their parent by start, and as they were told where that is the same: a pod's times are whole
/// seconds. A span whose parent is not among them (a parent of the producer's, which exports elsewhere) stands at the
/// top, and so does what is left of a cycle.
pub fn waterfall(spans: &[Span]) -> String {
    let mut order: Vec<&Span> = spans.iter().collect();
    order.sort_by_key(|span| span.start);
    let Some(begin) = order.first().map(|span| span.start) else {
        return String::new();
    };
    let width = spans
        .iter()
        .map(|span| span.service.chars().count())
        .max()
        .unwrap_or(0);
    let known: BTreeSet<&str> = spans.iter().map(|span| span.span_id.as_str()).collect();
    let mut drawn = BTreeSet::new();
    let mut text = String::new();
    let top = |span: &&&Span| {
        span.parent
            .as_deref()
            .is_none_or(|parent| !known.contains(parent))
    };
    let roots = order.iter().filter(top).chain(order.iter());
    for root in roots {
        let mut open = vec![(*root, 0)];
        while let Some((span, depth)) = open.pop() {
            if !drawn.insert(span.span_id.as_str()) {
                continue;
            }
            line(&mut text, span, begin, depth, width);
            let children = order
                .iter()
                .rev()
                .filter(|child| child.parent.as_deref() == Some(&span.span_id));
            open.extend(children.map(|child| (*child, depth + 1)));
        }
    }
    text
}

fn line(text: &mut String, span: &Span, begin: u64, depth: usize, width: usize) {
    let offset = Duration::from_nanos(span.start.saturating_sub(begin));
    let lasted = Duration::from_nanos(span.end.saturating_sub(span.start));
    let service = &span.service;
    let name = &span.name;
    let indent = depth * 2;
    let _ = write!(
        text,
        "{:>9.3}s {:>9.3}s  {service:width$}  {:indent$}{name}",
        offset.as_secs_f64(),
        lasted.as_secs_f64(),
        "",
    );
    if let Some(container) = span.attribute("k8s.container.name") {
        let _ = write!(text, " {container}");
    }
    if let Some(outcome) = span.attribute("outcome") {
        let _ = write!(text, "  [{outcome}]");
    }
    if let Status::Error(why) = &span.status {
        let _ = write!(text, "  ! {why}");
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::collector::Kind;

    fn span(id: &str, parent: Option<&str>, service: &str, name: &str, milliseconds: [u64; 2]) -> Span {
        let [start, end] = milliseconds.map(|time| 1_700_000_000_000_000_000 + time * 1_000_000);
        Span {
            trace_id: "t".to_owned(),
            span_id: id.to_owned(),
            parent: parent.map(ToOwned::to_owned),
            links: Vec::new(),
            service: service.to_owned(),
            name: name.to_owned(),
            kind: Kind::Internal,
            start,
            end,
            attributes: BTreeMap::new(),
            status: Status::Unset,
            events: Vec::new(),
        }
    }

    #[test]
    fn children_stand_under_their_parents_by_start() {
        let mut check = span(
            "c",
            Some("b"),
            "verify-worker",
            "process q.checks.v1",
            [15_100, 15_180],
        );
        check.attributes.insert("outcome".to_owned(), "done".into());
        check.status = Status::Error("no pod".to_owned());
        let spans = [
            check,
            span("d", Some("a"), "start-worker", "create pod", [12, 40]),
            span("b", Some("a"), "start-worker", "publish q.checks.v1", [3, 9]),
            span("a", Some("elsewhere"), "start-worker", "process q", [0, 55]),
        ];
        let expected = "    0.000s     0.055s  start-worker   process q
    0.003s     0.006s  start-worker     publish q.checks.v1
   15.100s     0.080s  verify-worker      process q.checks.v1  [done]  ! no pod
    0.012s     0.028s  start-worker     create pod
";
        assert_eq!(waterfall(&spans), expected);
    }

    #[test]
    fn nothing_and_a_cycle_are_drawn_too() {
        assert_eq!(waterfall(&[]), "");
        let cycle = [
            span("a", Some("b"), "s", "one", [0, 1]),
            span("b", Some("a"), "s", "two", [1, 2]),
        ];
        assert_eq!(waterfall(&cycle).lines().count(), 2);
    }
}
