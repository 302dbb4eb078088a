#!/usr/bin/env bash
# Prints, as its last line on stdout, a folder with etcd, kube-apiserver,
# kube-controller-manager, kube-scheduler and kubectl, and builds it first if
# need be. Everything else it has to say goes to stderr. See README.md.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../scripts/kept.sh"
names=(etcd kube-apiserver kube-controller-manager kube-scheduler kubectl)

say() { printf 'control-plane: %s\n' "$*" >&2; }

fail() {
    say "$1"
    cat >&2 <<'WAYS'
Three ways to have a Kubernetes control plane:
  1. install Go >= 1.26 (https://go.dev/dl): it is built once, in some minutes, and kept
  2. set KUBEBUILDER_ASSETS to a folder with the released etcd, kube-apiserver,
     kube-controller-manager, kube-scheduler and kubectl
  3. set KUBECONFIG to a cluster that tests may create and delete things in
WAYS
    exit 1
}

# === Nothing to build? ===

# What was set for these tests comes first, what is merely lying around in a
# developer's environment last; SD_TEST_KUBECONFIG= (empty) ignores KUBECONFIG.
if [[ -n ${SD_TEST_KUBECONFIG:-} ]]; then
    say "nothing to build: SD_TEST_KUBECONFIG names a cluster ($SD_TEST_KUBECONFIG)"
    exit 0
fi

if [[ -n ${KUBEBUILDER_ASSETS:-} ]]; then
    missing=()
    for name in "${names[@]}"; do
        [[ -x $KUBEBUILDER_ASSETS/$name ]] || missing+=("$name")
    done
    case " ${missing[*]-} " in
        *' etcd '* | *' kube-apiserver '*)
            fail "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no ${missing[*]}" ;;
    esac
    if ((${#missing[@]})); then
        say "note: KUBEBUILDER_ASSETS has no ${missing[*]}"
    fi
    say 'nothing to build: using KUBEBUILDER_ASSETS'
    printf '%s\n' "$KUBEBUILDER_ASSETS"
    exit 0
fi

if [[ -z ${SD_TEST_KUBECONFIG+set} && -n ${KUBECONFIG:-} ]]; then
    say "nothing to build: KUBECONFIG names a cluster ($KUBECONFIG)"
    exit 0
fi

# === Built before? ===

version=$(kept_go "$here/go.mod" k8s.io/kubernetes)
go_wanted=$(kept_go "$here/go.mod" go)
IFS=. read -r major minor _ <<<"${version#v}"

# Without the -X flags the API server reports v0.0.0. Version control is left
# out of the binary because it differs per commit, and needs a git that works.
stamp=k8s.io/component-base/version
flags=(
    -trimpath
    -buildvcs=false
    -mod=readonly
    -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor"
)

# The platform counts because a checkout may be mounted into a container.
hash=$({
    cat "$here/go.mod" "$here/go.sum" "$here/main.go"
    printf '%s\n' "${flags[@]}" "$(uname -sm)"
} | kept_hash)
cache=$(kept_folder control-plane)
assets=$cache/$version-$hash

if kept_whole "$assets" "${names[@]}"; then
    printf '%s\n' "$assets"
    exit 0
fi

# === Build ===

command -v go >/dev/null || fail 'there is no go to build it with'
# Asked inside the module, a go that may fetch newer toolchains has done so.
go_found=$(cd -- "$here" && GOWORK=off go env GOVERSION 2>&1) || fail "this go is too old: $go_found"
IFS=. read -r go_major go_minor _ <<<"${go_found#go}"
IFS=. read -r want_major want_minor _ <<<"$go_wanted"
# "26rc1" and "26-custom" are 26.
go_minor=${go_minor%%[!0-9]*}
if ! [[ $go_major =~ ^[0-9]+$ && $go_minor =~ ^[0-9]+$ ]] ||
    ((go_major < want_major || (go_major == want_major && go_minor < want_minor))); then
    fail "go $go_wanted or newer is needed, this is $go_found"
fi

kept_alone "$cache"
if kept_whole "$assets" "${names[@]}"; then
    printf '%s\n' "$assets"
    exit 0
fi

# Next to its destination, because only a rename within one file system is atomic.
temp=$(mktemp -d "$cache/.building.XXXXXX")
chmod 755 "$temp"
build='' ticker=''
# Both are process groups: ending only go would leave its compilers running.
cleanup() {
    trap - EXIT INT TERM HUP
    [[ -z $ticker ]] || kill -TERM -- "-$ticker" 2>/dev/null || true
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

say "building Kubernetes $version with $go_found: 5 to 15 minutes on 2 cores, later runs find it in $assets"
log=$temp/log
: >"$log"
# A go that is ended leaves its work files behind: keep them where cleanup is.
mkdir "$temp/work"

progress() {
    local count last
    while sleep "$1"; do
        count=$(grep -vc '^go: ' "$log" || true)
        last=$(tail -n 1 "$log")
        # shellcheck disable=SC2059 # the caller's format
        printf "$2" "$SECONDS" "$count" "${last:0:60}" >&2
    done
}

set -m
(cd -- "$here" && exec env CGO_ENABLED=0 GOWORK=off GOTMPDIR="$temp/work" \
    go build -v "${flags[@]}" -o "$temp/control-plane" .) \
    </dev/null >"$log" 2>&1 9>&- &
build=$!
if [[ -t 2 ]]; then
    progress 1 '\r\033[Kcontrol-plane: %4d s, packages compiled: %d %s' 9>&- &
else
    progress 15 'control-plane: %4d s, packages compiled: %d %s\n' 9>&- &
fi
ticker=$!
set +m

status=0
wait "$build" || status=$?
build=''
kill -TERM -- "-$ticker" 2>/dev/null || true
wait "$ticker" 2>/dev/null || true
ticker=''
[[ ! -t 2 ]] || printf '\r\033[K' >&2

if ((status)); then
    say "go build failed after $SECONDS s:"
    tail -n 40 "$log" >&2
    exit 1
fi

rm -rf -- "$log" "$temp/work"
for name in "${names[@]}"; do
    ln -s control-plane "$temp/$name"
done
# Incomplete folders come from outside (a half-restored CI cache): a rename
# would put the new one inside.
if ! kept_whole "$assets" "${names[@]}"; then
    rm -rf -- "$assets"
    mv -- "$temp" "$assets"
fi
say "built in $SECONDS s"
printf '%s\n' "$assets"
