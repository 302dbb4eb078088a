//! What a verdict costs: `cargo bench -p common --bench verdict`.
//!
//! The budget is 5 microseconds for facts and verdict of a typical pod after its JSON was decoded. Each figure is the
//! median of many rounds, so that what else runs on the machine counts little.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints its figures"
)]

#[path = "../tests/recordings/files.rs"]
mod files;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use common::{
    facts::Facts,
    verdict::{LastLook, Moment, Sight, judge},
};
use k8s_openapi::api::core::v1::{Event, Pod};
use serde_json::Value;

use files::CLOCKS;

const ROUNDS: usize = 301;
const CALLS: u32 = 200;

fn main() {
    for name in [
        "healthy",
        "init-long",
        "image-manifest-unknown",
        "unschedulable-cpu",
        "evicted-node-low",
    ] {
        let (body, events) = last(name);
        let typed: Pod = serde_json::from_str(&body).unwrap();
        let facts: Facts = serde_json::from_str(&body).unwrap();
        println!("{name}: {} bytes", body.len());
        report("decode what a verdict needs", || {
            serde_json::from_str::<Facts>(&body).unwrap()
        });
        report("decode everything", || {
            serde_json::from_str::<Pod>(&body).unwrap()
        });
        report("facts and verdict", || verdict(&Facts::read(black_box(&typed))));
        report("verdict alone", || verdict(black_box(&facts)));
        let told = facts.with_events(&events);
        report("verdict with events", || verdict(black_box(&told)));
    }
}

fn verdict(facts: &Facts) -> common::verdict::Judgement {
    let started_at = facts.created_at.unwrap_or_default();
    let at = Moment {
        now: started_at + Duration::from_mins(2),
        started_at,
        start_deadline: Duration::from_hours(1),
        recreated: 0,
    };
    judge(Sight::Pod(facts), &LastLook::default(), &at, &CLOCKS)
}

/// The last pod of a recording as the API server wrote it, and its events.
fn last(name: &str) -> (String, Vec<Event>) {
    let all = files::all();
    let (_, text) = all.iter().find(|(known, _)| known == name).unwrap();
    let recording: Value = serde_json::from_slice(text).unwrap();
    let last = recording["snapshots"].as_array().unwrap().last().unwrap();
    (
        last["pod"].to_string(),
        serde_json::from_value(recording["events"].clone()).unwrap(),
    )
}

fn report<T>(what: &str, mut call: impl FnMut() -> T) {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begin = Instant::now();
            for _ in 0..CALLS {
                black_box(call());
            }
            begin.elapsed()
        })
        .collect();
    rounds.sort();
    let of = |round: Duration| round.as_secs_f64() * 1e6 / f64::from(CALLS);
    let (median, best) = (of(rounds[ROUNDS / 2]), of(rounds[0]));
    println!("  {what:<28} {median:>7.2} us (best {best:.2})");
}
