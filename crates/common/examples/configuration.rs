//! Prints the reference of all settings, for `docs/CONFIGURATION.md`: `make docs`.

#[expect(clippy::print_stdout, reason = "that is what it is for")]
fn main() {
    print!("{}", common::settings::reference());
}
