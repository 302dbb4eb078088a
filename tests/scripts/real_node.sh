#!/usr/bin/env bash
# Builds and the installed chart on a real kubelet and containerd (tests/node/README.md). Only root can run a node.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ "$(id -u)" != 0 ]; then
  echo 'skipped: only root can run a node'
  exit 0
fi
tests/scripts/rabbitmq.sh
tests/control-plane/build.sh >/dev/null
tests/scripts/helm.sh >/dev/null
tests/node/build.sh >/dev/null
# All targets, as the other tests have it: with other features every dependency would be compiled twice.
cargo build --workspace --all-targets --locked
cargo test --workspace --test real_node --locked -- --nocapture
