#!/usr/bin/env bash
# What is deployed beside the workers, with the real programs: Jaeger and KEDA. They take long to build (then they are
# cached), so CI leaves them alone; this runs before a release. Ends with the peers and the number of tests that ran.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/scripts/run_tests.sh

# Every target that tests/Cargo.toml keeps from plain `cargo test` and that is called deploy_.
targets=()
while read -r target; do
  targets+=(--test "$target")
done < <(sed -n 's/^name = "\(deploy_[a-z]*\)"$/\1/p' tests/Cargo.toml)
((${#targets[@]})) || {
  echo 'test-deploy: tests/Cargo.toml has no target deploy_*' >&2
  exit 1
}

tests/jaeger/build.sh >/dev/null
tests/keda/build.sh >/dev/null
tests/scripts/test-alerts.sh
# The workers, as the tests start them.
cargo build --workspace --all-targets --locked
run_tests "${targets[@]}" -- --nocapture
