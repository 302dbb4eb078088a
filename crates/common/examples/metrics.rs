//! Prints the reference of all metrics, for `docs/METRICS.md`: `make docs`.

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn main() {
    print!("{}", common::telemetry::metrics::families::reference());
}
