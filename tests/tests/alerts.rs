//! The chart's alerts and dashboard ask for metrics that there are, and every alert has its runbook. Without peers:
//! that the metrics of `docs/METRICS.md` are those of a real scrape is `e2e/metrics.rs`.

use std::{collections::BTreeSet, fs, path::PathBuf};

use testbed::{
    helm::repository,
    metrics::documented,
    promql::{Expression, alerts, expressions},
};

fn files() -> PathBuf {
    repository().join("deploy/chart/files")
}

#[test]
fn every_alert_has_its_runbook_and_every_runbook_its_alert() -> anyhow::Result<()> {
    let runbook = fs::read_to_string(repository().join("docs/RUNBOOK.md"))?;
    let sections: BTreeSet<&str> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    let alerts = alerts(&files())?;
    let names: BTreeSet<&str> = alerts.iter().map(|alert| alert.alert.as_str()).collect();
    assert_eq!(names, sections);
    for alert in &alerts {
        let link = format!("docs/RUNBOOK.md#{}", alert.alert.to_lowercase());
        assert_eq!(alert.annotations.get("runbook"), Some(&link), "{}", alert.alert);
        for needed in ["summary", "description"] {
            assert!(
                alert.annotations.contains_key(needed),
                "{}: {needed}",
                alert.alert
            );
        }
    }
    for part in runbook.split("\n## ").skip(1) {
        for needed in ["**Means**", "**Look at**", "**Do**"] {
            assert!(part.contains(needed), "{needed} in {part}");
        }
    }
    Ok(())
}

/// `make test-alerts` plays them.
#[test]
fn every_alert_is_played_until_it_fires() -> anyhow::Result<()> {
    let played = fs::read_to_string(repository().join("tests/alerts/rules.yaml"))?;
    let fires = |alert: &str| {
        let mut plays = played.split("- alertname: ").skip(1);
        plays.any(|play| play.lines().next() == Some(alert) && play.contains("exp_alerts:\n"))
    };
    for alert in alerts(&files())? {
        assert!(fires(&alert.alert), "{} fires in no case", alert.alert);
    }
    Ok(())
}

#[test]
fn an_expression_that_asks_for_what_there_is_not_is_found() {
    let document = "| `a_total` | counter | `queue`: `main` | x |\n| `b_seconds` | histogram |  | x |\n";
    let documented = documented(document);
    let served =
        testbed::metrics::served("a_total{queue=\"main\"} 1\n# TYPE b_seconds histogram\nb_seconds_sum 1\n");
    let missing = |text: &str| {
        let expression = Expression {
            place: "test".to_owned(),
            text: text.to_owned(),
        };
        expression.reads().missing(&documented, &served).len()
    };
    for right in [
        "sum by (queue) (rate(a_total{queue=\"main\"}[5m])) > 0.05",
        "histogram_quantile(0.9, sum by (le) (rate(b_seconds_bucket[5m])))",
        "max(a_total{queue!=\"main\"}) and on (instance) topk(10, a_total{queue=~\"main|other\"} / 1048576)",
    ] {
        assert_eq!(missing(right), 0, "{right}");
    }
    for wrong in [
        "rate(c_total[5m])",
        "a_total{queue=\"other\"}",
        "a_total{job_kind=\"x\"}",
        "sum by (reason) (a_total)",
        "a_total > 1 and c_total",
    ] {
        assert_eq!(missing(wrong), 1, "{wrong}");
    }
}

#[test]
fn every_expression_reads_some_metric() -> anyhow::Result<()> {
    let all = expressions(&files())?;
    assert!(all.len() > 30, "{}", all.len());
    for expression in all {
        assert!(!expression.reads().selectors.is_empty(), "{expression:?}");
    }
    Ok(())
}
