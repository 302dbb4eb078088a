#!/usr/bin/env bash
# Prints, as its last line on stdout, a folder with keda-operator, keda-adapter, keda-webhooks and crds/, and builds it
# first if need be. With --definitions the folder need only have crds/, for which one module is fetched and nothing is
# compiled. Everything else it has to say goes to stderr. See README.md.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../scripts/kept.sh"
programs=(operator adapter webhooks)
module=github.com/kedacore/keda/v2

say() { printf 'keda: %s\n' "$*" >&2; }

wanted=("${programs[@]/#/keda-}" crds)
case ${1-} in
    '') ;;
    --definitions) wanted=(crds) ;;
    *)
        say "usage: ${0##*/} [--definitions]"
        exit 64
        ;;
esac

# === Built before? ===

version=$(kept_go "$here/go.mod" "$module")
# The same flags as for the control plane's other companions: what they share is compiled once.
flags=(-trimpath -buildvcs=false -mod=readonly -ldflags '-s -w')
hash=$({
    cat "$here/go.mod" "$here/go.sum"
    printf '%s\n' "${flags[@]}" "$(uname -sm)"
} | kept_hash)
cache=$(kept_folder keda)
folder=$cache/$version-$hash

if kept_whole "$folder" "${wanted[@]}"; then
    printf '%s\n' "$folder"
    exit 0
fi

# === Build ===

command -v go >/dev/null || {
    say 'there is no go to build it with: install Go 1.26 (https://go.dev/dl)'
    exit 1
}
export CGO_ENABLED=0 GOWORK=off

kept_alone "$cache"

# Next to its destination, because only a rename within one file system is atomic. The folder itself stays where it is:
# its parts come one by one, each of them whole.
mkdir -p -- "$folder"
temp=$(mktemp -d "$cache/.building.XXXXXX")
build=''
# A process group: ending only go would leave its compilers running.
cleanup() {
    trap - EXIT INT TERM HUP
    if [[ -n $build ]]; then
        kill -TERM -- "-$build" 2>/dev/null || true
        wait "$build" 2>/dev/null || true
    fi
    rm -rf -- "$temp"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

if [[ ! -e $folder/crds ]]; then
    # -mod=mod nowhere: the version and its sum are those of go.mod and go.sum.
    source=$(cd -- "$here" && go mod download -json "$module" | awk -F'"' '$2 == "Dir" { print $4 }')
    cp -r -- "$source/config/crd/bases" "$temp/crds"
    # The module cache is read-only, and so would be the copy.
    chmod -R u+w -- "$temp/crds"
    mv -- "$temp/crds" "$folder/crds"
fi

if ! kept_whole "$folder" "${wanted[@]}"; then
    say "building KEDA $version with $(go env GOVERSION): 8 to 20 minutes on 2 cores, later runs find it in $folder"
    mkdir -- "$temp/work"
    set -m
    for program in "${programs[@]}"; do
        [[ ! -x $folder/keda-$program ]] || continue
        (cd -- "$here" && exec env GOTMPDIR="$temp/work" \
            go build "${flags[@]}" -o "$temp/keda-$program" "$module/cmd/$program") </dev/null >&2 9>&- &
        build=$!
        status=0
        wait "$build" || status=$?
        build=''
        if ((status)); then
            say "go build of $program failed after $SECONDS s"
            exit 1
        fi
        mv -- "$temp/keda-$program" "$folder/keda-$program"
        say "$program: built at $SECONDS s"
    done
    set +m
fi
printf '%s\n' "$folder"
