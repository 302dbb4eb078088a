#!/usr/bin/env bash
# Prints, as its last line, the path of a Jaeger: yours by JAEGER, else the one that tests/jaeger pins, built once
# (about 4 minutes on two idle cores) and kept beside the control plane. What it has to say goes to stderr.
set -euo pipefail
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)

if [ -n "${JAEGER:-}" ]; then
  printf '%s\n' "$JAEGER"
  exit 0
fi
hash=$({ cat "$here/go.mod" "$here/go.sum"; uname -sm; } | sha256sum | cut -c1-12)
folder=${SD_CACHE_DIR:-$here/../../.cache}/jaeger
mkdir -p "$folder"
folder=$(CDPATH='' cd -- "$folder" && pwd -P)
program=$folder/jaeger-$hash
if [ ! -x "$program" ]; then
  command -v go >/dev/null || {
    echo 'jaeger: there is no Jaeger and no Go to build it with: install Go 1.26, or set JAEGER to a Jaeger 2' >&2
    exit 1
  }
  echo 'jaeger: building it once (4 to 15 minutes)' >&2
  # One build at a time; whoever waited finds it done.
  exec 9>"$folder/.lock"
  flock 9
  if [ ! -x "$program" ]; then
    temp=$(mktemp "$folder/.building.XXXXXX")
    trap 'rm -f "$temp"' EXIT
    (cd "$here" && CGO_ENABLED=0 GOWORK=off go build -trimpath -buildvcs=false -mod=readonly -ldflags '-s -w' \
      -o "$temp" github.com/jaegertracing/jaeger/cmd/jaeger) >&2
    mv "$temp" "$program"
  fi
fi
printf '%s\n' "$program"
