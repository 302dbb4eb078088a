//! The load model of docs/SCALING.md: what was measured or counted, and what follows from it. The document's tables
//! are this file's, so no sum in them can be wrong or old. It must hold no figure that nobody measured or counted.

mod given;

use std::fmt::Write as _;

use given::{
    CHECK_CPU, CHECKS, CHECKS_OF_A_BUILD, CONNECTIONS, CREATES, DELETIONS, DURATION, GETS, GIVEN, Given,
    HEADROOM, PODS_THEN, START_CPU, STARTS, STOPS_OF_A_BUILD,
};

/// What the document is asked about.
const BUILDS_A_MINUTE: [f64; 3] = [10.0, 1_000.0, 100_000.0];
/// Fewest replicas of each worker: one may be on its way between nodes.
const FEWEST: f64 = 2.0;

/// What one build cluster (an API server, a main queue, a pair of Deployments) has to do.
struct Cluster {
    builds: f64,
}

// === impl Cluster ===

impl Cluster {
    /// Builds a second.
    fn starts(&self) -> f64 {
        self.builds / 60.0
    }

    fn checks(&self) -> f64 {
        self.starts() * CHECKS_OF_A_BUILD.value
    }

    /// Pods at a time.
    fn pods(&self) -> f64 {
        self.starts() * DURATION.value
    }

    fn start_workers(&self) -> f64 {
        replicas(self.starts(), STARTS.value)
    }

    fn verify_workers(&self) -> f64 {
        replicas(self.checks(), CHECKS.value)
    }

    fn connections(&self) -> f64 {
        (self.start_workers() + self.verify_workers()) * CONNECTIONS.value
    }

    /// One after the create, one for each check.
    fn gets(&self) -> f64 {
        self.starts() + self.checks()
    }

    /// Calls of the workers to the API server in a second.
    fn calls(&self) -> f64 {
        self.starts() * (1.0 + STOPS_OF_A_BUILD.value) + self.gets()
    }

    /// The share of the API server that they take. What kubelets, scheduler and others ask of it comes on top.
    fn api_server(&self) -> f64 {
        self.starts() / CREATES.value + self.gets() / GETS.value + self.by_label()
    }

    /// Of that, what selecting by label takes: it looks at every pod of the namespace.
    fn by_label(&self) -> f64 {
        self.starts() * STOPS_OF_A_BUILD.value * self.pods() / (DELETIONS.value * PODS_THEN)
    }

    /// Cores of all replicas.
    fn cores(&self) -> f64 {
        (self.starts() * START_CPU.value + self.checks() * CHECK_CPU.value) / 1000.0
    }

    /// Messages that the broker stores in a second: start and stop, and twice whatever is delayed.
    fn messages(&self) -> f64 {
        self.starts() * (2.0 + 2.0 * (CHECKS_OF_A_BUILD.value + 1.0))
    }
}

/// How many replicas do this much, with headroom.
fn replicas(load: f64, each: f64) -> f64 {
    (load / (each * HEADROOM.value)).ceil().max(FEWEST)
}

/// The fewest clusters among which so many builds fit, with headroom in each API server.
fn clusters(builds: f64) -> f64 {
    let mut clusters = 1.0;
    while (Cluster {
        builds: builds / clusters,
    })
    .api_server()
        > HEADROOM.value
    {
        clusters += 1.0;
    }
    clusters
}

fn table_of_given() -> String {
    let mut table = "| what | | from |\n|---|---|---|\n".to_owned();
    for Given {
        what,
        value,
        unit,
        origin,
    } in GIVEN
    {
        let amount = format!("{} {unit}", thousands(*value));
        let _ = writeln!(table, "| {what} | {} | {origin} |", amount.trim());
    }
    table
}

fn table_of_needs() -> String {
    let mut table = "| builds a minute |".to_owned();
    for builds in BUILDS_A_MINUTE {
        let _ = write!(table, " {} |", thousands(builds));
    }
    table.push_str("\n|---|---|---|---|\n");
    let split = BUILDS_A_MINUTE.map(|builds| (builds, clusters(builds)));
    let mut row = |what: &str, value: &dyn Fn(&Cluster) -> String| {
        let cells = split.map(|(builds, clusters)| {
            value(&Cluster {
                builds: builds / clusters,
            })
        });
        let _ = writeln!(table, "| {what} | {} |", cells.join(" | "));
    };
    row("build clusters", &|cluster| {
        let whole = split
            .iter()
            .find(|(builds, clusters)| (builds / clusters - cluster.builds).abs() < 1e-6);
        whole.map_or_else(String::new, |(_, clusters)| thousands(*clusters))
    });
    row("in each: builds a minute", &|cluster| {
        thousands(cluster.builds.round())
    });
    row("starts/s", &|cluster| format!("{:.1}", cluster.starts()));
    row("checks/s", &|cluster| format!("{:.1}", cluster.checks()));
    row("pods at a time", &|cluster| thousands(cluster.pods().round()));
    row("start-workers", &|cluster| thousands(cluster.start_workers()));
    row("verify-workers", &|cluster| thousands(cluster.verify_workers()));
    row("their connections to the broker", &|cluster| {
        thousands(cluster.connections())
    });
    row("their cores together", &|cluster| {
        format!("{:.4}", cluster.cores())
    });
    row("messages/s that the broker stores", &|cluster| {
        format!("{:.1}", cluster.messages())
    });
    row("their calls/s to the API server", &|cluster| {
        format!("{:.1}", cluster.calls())
    });
    row("share of the API server", &|cluster| {
        percent(cluster.api_server())
    });
    row("of it for deletions by label", &|cluster| {
        percent(cluster.by_label())
    });
    table
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// With commas, as the document writes numbers.
fn thousands(value: f64) -> String {
    if value.fract() != 0.0 {
        return value.to_string();
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

const DOCUMENT: &str = include_str!("../../docs/SCALING.md");
const CHART: &str = include_str!("../../deploy/chart/values.yaml");

#[test]
fn the_documents_tables_are_these_sums() {
    let tables = [table_of_given(), table_of_needs()];
    assert!(
        tables.iter().all(|table| DOCUMENT.contains(table)),
        "docs/SCALING.md must hold:\n{}",
        tables.join("\n")
    );
}

#[test]
fn the_sums_start_from_what_was_measured() {
    let row = "| CPU-ms a build, a check | 0.7, 0.5 | 0.63 and 0.70 | 0.49 and 0.54 |";
    let performance = include_str!("../../docs/PERFORMANCE.md");
    assert!(
        performance.contains(row),
        "docs/PERFORMANCE.md has other figures now"
    );
    let architecture = include_str!("../../docs/ARCHITECTURE.md");
    let row = "| healthy | 1 POST, 1 GET after it, 1 GET for each check until it runs (usually one) |";
    assert!(
        architecture.contains(row),
        "docs/ARCHITECTURE.md counts other calls now"
    );
}

#[test]
fn a_thousand_builds_a_minute_are_this_much() {
    let cluster = Cluster { builds: 1_000.0 };
    let close =
        |value: f64, expected: f64| assert!((value - expected).abs() < 0.01, "{value}, not {expected}");
    close(cluster.starts(), 16.67);
    close(cluster.pods(), 10_000.0);
    close(cluster.connections(), 2.0 * (2.0 + 2.0));
    // 1 create, 3 reads and 2 deletions each.
    close(cluster.calls(), 100.0);
    // 16.67 / 1,750 + 50 / 1,640 + 333,333 / 910,000.
    close(cluster.api_server(), 0.406);
    close(clusters(1_000.0), 1.0);
    let (fits, too_many) = (clusters(100_000.0), clusters(100_000.0) - 1.0);
    assert!(
        Cluster {
            builds: 100_000.0 / fits
        }
        .api_server()
            <= HEADROOM.value
    );
    assert!(
        Cluster {
            builds: 100_000.0 / too_many
        }
        .api_server()
            > HEADROOM.value
    );
}

/// The reference gives a vhost 50 connections. A rollout has a quarter of the replicas more.
#[test]
fn the_charts_most_replicas_leave_connections_to_others() {
    let most: Vec<f64> = CHART
        .lines()
        .filter_map(|line| line.trim().strip_prefix("maxReplicas: ")?.parse().ok())
        .collect();
    assert_eq!(most.len(), 2);
    let replicas: f64 = most.iter().map(|most| most + (most / 4.0).ceil()).sum();
    let connections = replicas * CONNECTIONS.value;
    let told = format!("{connections} of the {} connections", 50);
    assert!(connections <= 30.0 && DOCUMENT.contains(&told), "{told}");
}
