#!/usr/bin/env bash
# Prints, as its last line, the path of a helm: yours by HELM, else the one that tests/helm pins, built once (about 2
# minutes on two idle cores) and kept beside the control plane. What it has to say goes to stderr.
set -euo pipefail
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../helm" && pwd -P)

if [ -n "${HELM:-}" ]; then
  printf '%s\n' "$HELM"
  exit 0
fi
hash=$({ cat "$here/go.mod" "$here/go.sum"; uname -sm; } | sha256sum | cut -c1-12)
folder=${SD_CACHE_DIR:-$here/../../.cache}/helm
mkdir -p "$folder"
folder=$(CDPATH='' cd -- "$folder" && pwd -P)
program=$folder/helm-$hash
if [ ! -x "$program" ]; then
  command -v go >/dev/null || {
    echo 'helm: there is no helm and no Go to build it with: install Go 1.26, or set HELM to a helm 4' >&2
    exit 1
  }
  echo 'helm: building it once (2 to 10 minutes)' >&2
  # One build at a time; whoever waited finds it done.
  exec 9>"$folder/.lock"
  flock 9
  if [ ! -x "$program" ]; then
    temp=$(mktemp "$folder/.building.XXXXXX")
    trap 'rm -f "$temp"' EXIT
    (cd "$here" && CGO_ENABLED=0 GOWORK=off go build -trimpath -buildvcs=false -mod=readonly -ldflags '-s -w' \
      -o "$temp" helm.sh/helm/v4/cmd/helm) >&2
    mv "$temp" "$program"
  fi
fi
printf '%s\n' "$program"
