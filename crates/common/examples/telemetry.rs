//! Prints the reference of spans and their attributes, for `docs/TELEMETRY.md`: `make docs`.

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn main() {
    print!("{}", common::telemetry::reference());
}
