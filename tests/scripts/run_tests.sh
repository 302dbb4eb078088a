# Runs `cargo test` of the workspace and ends with the peers and the number of tests that ran. Sourced; `run_tests` takes
# what `cargo test` takes, and returns what it returns, or fails if nothing ran.
run_tests() {
  local log status
  log=$(mktemp)
  # shellcheck disable=SC2064 # the name as it is now
  trap "rm -f '$log'" EXIT
  set +e
  cargo test --workspace --locked --no-fail-fast "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  set -e
  printf '\n== summary (at %d s)\n' "$SECONDS"
  grep -E '^peers: ' "$log" | sort -u || true
  awk '
    /^test result:/ { passed += $4; failed += $6; skipped += $8 }
    END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped; exit passed == 0 }
  ' "$log"
  return "$status"
}
