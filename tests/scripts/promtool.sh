#!/usr/bin/env bash
# Prints, as its last line, the path of a promtool: yours by PROMTOOL, else the one that tests/promtool pins (about 4
# minutes to build on two idle cores).
set -euo pipefail
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/go_program.sh"
go_program promtool "$here/../promtool" github.com/prometheus/prometheus/cmd/promtool PROMTOOL
