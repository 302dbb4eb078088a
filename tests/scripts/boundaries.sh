#!/usr/bin/env bash
# Each outside world has one owner (docs/ARCHITECTURE.md): one search for each arrow that must not be.
set -euo pipefail
cd "$(dirname "$0")/../.."

bad=0
# only NAME PATTERN ALLOWED...: PATTERN may appear in Rust code below ALLOWED only.
only() {
  local name=$1 pattern=$2
  shift 2
  local found
  # A name in a text, such as the target of a log line, uses nothing.
  found=$(grep -rnE --include='*.rs' "$pattern" crates | grep -vE '^[^:]+:[0-9]+:\s*//|"[a-z_]+::' || true)
  for allowed in "$@"; do
    found=$(grep -vE "^$allowed" <<<"$found" || true)
  done
  if [ -n "$found" ]; then
    printf '%s has its own room (%s), but is used in:\n%s\n' "$name" "$*" "$found"
    bad=1
  fi
}
only lapin '\blapin::' crates/common/src/broker
only 'HTTP without a client' '\bhyper(_[a-z]+)?::' crates/common/src/cluster
only 'the kube client' '\bkube::' crates/common/src/cluster
only reqwest '\breqwest::' crates/api-client
only opentelemetry '\bopentelemetry(_[a-z]+)?::' crates/common/src/telemetry
only 'the environment' 'std::env::(var|vars)\b|env::var(s|_os)?\(' crates/common/src/settings

# Decisions see values only: no client, no clock, no environment, nothing async.
decisions="crates/common/src/job crates/common/src/job.rs crates/common/src/attempt.rs crates/common/src/outcome.rs
  crates/common/src/outcome
  crates/common/src/ladder.rs crates/common/src/deadline.rs crates/common/src/pod_identity.rs
  crates/common/src/facts crates/common/src/facts.rs crates/common/src/verdict crates/common/src/verdict.rs
  crates/common/src/text.rs crates/common/src/text
  crates/start-worker/src/plan crates/start-worker/src/plan.rs crates/start-worker/src/outcome
  crates/start-worker/src/outcome.rs crates/start-worker/src/clear.rs
  crates/start-worker/src/executor.rs crates/start-worker/src/manifest crates/start-worker/src/manifest.rs
  crates/verify-worker/src/plan.rs crates/verify-worker/src/outcome.rs crates/verify-worker/src/outcome"
for place in $decisions; do
  [ -e "$place" ] || { echo "no decision lives at $place any more"; bad=1; continue; }
  found=$(grep -rnE --include='*.rs' '\basync\b|\.await\b|clock::now|Timestamp::now|Instant::now|tokio::' "$place" |
    grep -vE '^[^:]+:([0-9]+:)?\s*//' || true)
  if [ -n "$found" ]; then
    printf 'a decision sees more than values:\n%s\n' "$found"
    bad=1
  fi
done

# Arrows between crates: workers -> common -> api-client, never worker -> worker; tests judge from outside.
depends() { grep -qE "^$2(\.workspace| =)" "crates/$1/Cargo.toml"; }
for pair in 'start-worker verify-worker' 'verify-worker start-worker' 'common start-worker' 'common verify-worker' \
  'api-client common'; do
  # shellcheck disable=SC2086
  if depends $pair; then
    echo "a crate points the wrong way: ${pair/ / -> }"
    bad=1
  fi
done

[ "$bad" = 0 ] && echo 'boundaries: every outside world has one owner'
exit "$bad"
