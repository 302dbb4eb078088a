//! `docs/VERDICTS.md` is written from the catalogue. When it no longer fits, the fresh text is left beside it.

use std::{fmt::Write as _, fs, path::PathBuf};

use super::*;
use crate::verdict::catalogue::{Fate, Lead, Row, Scope, UNKNOWN, all};

const HEAD: &str = "\
# What becomes of a build's pod

Written from the catalogue in `crates/common/src/verdict/catalogue`; a test compares the two. `verify-worker explain`
applies it to pods at hand (see [below](#explaining-pods)).

The build container's own state decides whether a build started; the pod's phase lags it. The first row that fits
counts. A reason that no row knows is no failure at first sight: the clock of its phase runs, and then the failure
quotes it.

**Fate** is what a reason does to the build:

- **fails**: at once.
- **after T**: when the reason stood for T, seen by at least two looks.
- **clock T**: it often mends itself. When it stood for T, confirmed by a second look 15 s later or more.
- **phase**: no error. The clock of the phase runs out, confirmed by a second look: `CLOCK_SCHEDULING` (15 min),
  `CLOCK_PULLING` (15 min), `CLOCK_INITIALISING` (5 min), `CLOCK_STARTING` (5 min). A scheduling gate stops the clock;
  so does an outage. A next init container, a finished one or a pull that begins anew starts the clock again. Causes
  that take turns last no longer than their phase may.
- **new pod, N**: the cluster's doing. A build that never ran gets a new pod, at most N times and
  before its start deadline; others fail.

`CHECK_GRACES` sets another time for all rows of a reason, as in `{image_not_found: \"60s\", registry: \"10m\"}`.

A failure's text is: one of the predecessor's texts where it had one, the cause, who can mend it and how, and the
cluster's own words, on one line of at most 1,000 characters, without tokens, logins and query strings. **Who** counts
where the build's own container is concerned; for launcher and sidecars \"you\" is the cluster admin.

The predecessor's texts are `Build failed to start. Please check if your image is valid.` (*image*), `Build failed to
start. Please reach out to your cluster admin for help.` (*admin*), `Build failed to start.` (*start*), and before all
others, when the pod's phase is Failed or Unknown, `Failed to create pod. Pod status is: failed`.
";

const TAIL: &str = "
## Explaining pods

```usage
kubectl get pods -l tier=builds -o json | verify-worker explain [-o text|json] [--at TIME] [--started-at TIME]
                                                               [--events FILE] [--container NAME]
```

Reads a Pod, a PodList or a List, in JSON or YAML, one document or several; events in a List (`kubectl get
pods,events`) or in FILE; and what `kubectl get pods --watch --output-watch-events -o json` prints. Nothing is
connected to; the settings are read for the clocks. Without the memory of earlier checks clocks start at the pod's own
timestamps (creation, scheduling, conditions, containers, events), and one look counts for the two that a clock asks
for: `--at` far enough ahead gives the final verdict. Events that had not happened at TIME are not known.

JSON is an array with an object for each pod:

| field | |
|---|---|
| `pod` | its name |
| `verdict` | `healthy` `waiting` `progressing` `terminating` `failed` `recreate`, or `gone` for a pod that a watch saw deleted |
| `reason` | as in the tables above; `running` or `ended` for a healthy build |
| `actor` | whose turn it is: `user`, `admin`, `nobody` (it is retried, or nothing is wrong) |
| `message` | what the build is told; empty when nothing |

It exits with 0, with 65 when the input cannot be read, with 64 when arguments or settings are wrong.
";

fn title(scope: Scope) -> &'static str {
    match scope {
        Scope::Waiting => "A container waits",
        Scope::InitEnded => "A container before the build ended badly",
        Scope::Ended => "A container ended badly",
        Scope::PodBefore => "The pod is over, and its build certainly had not begun",
        Scope::Pod => "The pod is over",
        Scope::Disruption => "The cluster took the pod away (condition DisruptionTarget)",
        Scope::Schedule => "No node yet (condition PodScheduled)",
        Scope::Event => "Events, where the status has no text",
        Scope::Phase => "Nothing but the phase is known",
        Scope::Absence => "No pod",
    }
}

fn fate(fate: Fate) -> String {
    let time = |seconds: u16| match seconds {
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    };
    match fate {
        Fate::Fails => "fails".to_owned(),
        Fate::Grace(seconds) => format!("after {}", time(seconds)),
        Fate::Clock(seconds) => format!("clock {}", time(seconds)),
        Fate::Phase => "phase".to_owned(),
        Fate::Anew(most) => format!("new pod, {most}"),
    }
}

fn line(row: &Row) -> String {
    let codes = |words: &[&str]| {
        let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        words.join(" ")
    };
    let who = match row.actor {
        Actor::You => "you",
        Actor::ClusterAdmin => "cluster admin",
        Actor::Nobody => "nobody",
    };
    let lead = match row.lead {
        Lead::Image => "*image* ",
        Lead::Admin => "*admin* ",
        Lead::Start => "*start* ",
        Lead::None => "",
    };
    let Row {
        reasons,
        texts,
        reason,
        cause,
        advice,
        ..
    } = row;
    format!(
        "| {} | {} | `{}` | {} | {who} | {lead}{cause}. → {advice}. |",
        codes(reasons),
        codes(texts),
        reason.as_str(),
        fate(row.fate),
    )
}

fn document() -> String {
    let mut text = HEAD.to_owned();
    let mut scope = None;
    let mut rows: Vec<&Row> = all().collect();
    let phases = rows.iter().rposition(|row| row.scope == UNKNOWN.scope);
    rows.insert(phases.map_or(rows.len(), |last| last + 1), &UNKNOWN);
    for row in rows {
        if scope != Some(row.scope) {
            scope = Some(row.scope);
            write!(text, "\n## {}\n\n", title(row.scope)).unwrap();
            text.push_str("| Kubernetes says | with | reason | fate | who | message → next step |\n");
            text.push_str("|---|---|---|---|---|---|\n");
        }
        writeln!(text, "{}", line(row)).unwrap();
    }
    text + TAIL
}

#[test]
fn the_document_is_what_the_code_does() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/VERDICTS.md");
    let fresh = document();
    if fs::read_to_string(&path).ok().as_deref() != Some(fresh.as_str()) {
        fs::write(path.with_extension("md.snap.new"), &fresh).unwrap();
        panic!("docs/VERDICTS.md is not what the code does: replace it by docs/VERDICTS.md.snap.new");
    }
}

#[test]
fn every_part_of_the_table_stands_together() {
    let mut scopes: Vec<Scope> = all().map(|row| row.scope).collect();
    scopes.dedup();
    for (index, scope) in scopes.iter().enumerate() {
        assert!(!scopes[..index].contains(scope), "{scope:?} is torn apart");
    }
}

/// The times of the text are those that are set when nothing is.
#[test]
fn the_documented_clocks_are_the_default_ones() {
    for (name, minutes) in [
        ("CLOCK_SCHEDULING", 15),
        ("CLOCK_PULLING", 15),
        ("CLOCK_INITIALISING", 5),
        ("CLOCK_STARTING", 5),
    ] {
        let variable = crate::settings::variables::all().find(|variable| variable.name == name);
        assert_eq!(variable.unwrap().default, Some(format!("{minutes}m").as_str()));
        assert!(HEAD.contains(&format!("`{name}` ({minutes} min)")), "{name}");
    }
}
