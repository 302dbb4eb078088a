#!/usr/bin/env bash
# Prints, as its last line, the path of a helm 4: yours by HELM, else the one that tests/helm pins (about 2 minutes to
# build on two idle cores).
set -euo pipefail
here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/go_program.sh"
go_program helm "$here/../helm" helm.sh/helm/v4/cmd/helm HELM
