#!/usr/bin/env bash
# Everything that CI runs, after the peers are there. Ends with the number of tests that ran.
set -euo pipefail
cd "$(dirname "$0")/../.."

begin=$SECONDS
step() { printf '\n== %s (at %d s)\n' "$1" "$((SECONDS - begin))"; }

step 'formatting'
cargo fmt --all --check
step 'lints'
cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
# What `cargo test` leaves alone is not among all targets.
cargo clippy --workspace --test 'deploy_*' --test real_node --locked --quiet -- -D warnings
step 'documentation'
RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items --locked --quiet
step 'boundaries'
tests/scripts/boundaries.sh
step 'the API client, alone and packed as others get it'
cargo check --package screwdriver-api-client --all-targets --locked --quiet
cargo package --package screwdriver-api-client --no-verify --allow-dirty --locked --quiet
step 'the workers, as the tests start them'
# All targets, as the tests are built: with other features every dependency would be compiled twice.
cargo build --workspace --all-targets --locked
step 'tests'
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# End-to-end tests mostly wait for clocks and peers: more of them than there are cores run at once.
export RUST_TEST_THREADS="${RUST_TEST_THREADS:-8}"
set +e
cargo test --workspace --locked --no-fail-fast 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
set -e
step 'summary'
grep -E '^peers: ' "$log" | sort -u || true
awk '
  /^test result:/ { passed += $4; failed += $6; skipped += $8 }
  END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit passed == 0 }
' "$log"
exit "$status"
