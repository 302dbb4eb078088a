#!/usr/bin/env bash
# Everything that CI runs, after the peers are there. Ends with the number of tests that ran.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/scripts/run_tests.sh

step() { printf '\n== %s (at %d s)\n' "$1" "$SECONDS"; }

step 'formatting'
cargo fmt --all --check
step 'lints'
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
# What `cargo test` leaves alone is not among all targets.
cargo clippy --workspace --test 'deploy_*' --test real_node --locked --quiet -- -D warnings
step 'documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items --locked --quiet
step 'boundaries and dependencies'
tests/scripts/boundaries.sh
tests/scripts/dependencies.sh
step 'the API client, as others get it'
tests/scripts/package.sh
step 'the workers, as the tests start them'
# All targets, as the tests are built: with other features every dependency would be compiled twice.
cargo build --workspace --all-targets --locked
step 'tests'
# End-to-end tests mostly wait for clocks and peers: more of them than there are cores run at once.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-8}"
run_tests
