#!/usr/bin/env bash
# Builds and the installed chart on a real kubelet and containerd (tests/node/README.md), where one can run.
set -euo pipefail
cd "$(dirname "$0")/../.."

why=$(tests/node/possible.sh) || {
  # Without a word it is no answer but a mistake.
  echo "skipped: ${why:?tests/node/possible.sh failed}"
  exit 0
}
tests/scripts/rabbitmq.sh
tests/control-plane/build.sh >/dev/null
tests/scripts/helm.sh >/dev/null
tests/node/build.sh >/dev/null
# All targets, as the other tests have it: with other features every dependency would be compiled twice.
cargo build --workspace --all-targets --locked
cargo test --workspace --test real_node --locked -- --nocapture
