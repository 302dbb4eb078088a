#!/usr/bin/env bash
# Prometheus's own promtool checks the chart's alerts and plays what makes each of them fire.
set -euo pipefail
repository=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.." && pwd -P)
promtool=$("$repository/tests/scripts/promtool.sh")
"$promtool" check rules --lint=all --lint-fatal "$repository/deploy/chart/files/alerts.yaml"
cd "$repository/tests/alerts"
"$promtool" test rules rules.yaml
