#!/usr/bin/env bash
# Prints, as its last line on stdout, a folder with kubelet, containerd, containerd-shim-runc-v2, runc and busybox,
# and makes it first if need be. Everything else it has to say goes to stderr. See README.md.
set -euo pipefail

here=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
. "$here/../scripts/kept.sh"
names=(kubelet containerd containerd-shim-runc-v2 runc busybox)
packages=(containerd runc busybox-static)

say() { printf 'real-node: %s\n' "$*" >&2; }

# === Built before? ===

version=$(kept_go "$here/go.mod" k8s.io/kubernetes)
IFS=. read -r major minor _ <<<"${version#v}"
stamp=k8s.io/component-base/version
# The flags of the control plane: with others nothing of Go's cache would be shared.
flags=(
    -trimpath
    -buildvcs=false
    -mod=readonly
    -ldflags "-s -w -X $stamp.gitVersion=$version -X $stamp.gitMajor=$major -X $stamp.gitMinor=$minor"
)
hash=$({
    cat "$here/go.mod" "$here/go.sum" "$here/main.go"
    printf '%s\n' "${flags[@]}" "${packages[@]}" "$(uname -sm)"
} | kept_hash)
cache=$(kept_folder node)
programs=$cache/$version-$hash

if kept_whole "$programs" "${names[@]}"; then
    printf '%s\n' "$programs"
    exit 0
fi

# === Make ===

for tool in go apt-get dpkg; do
    command -v "$tool" >/dev/null || {
        say "there is no $tool: the kubelet is built with Go, containerd and runc are Debian's packages"
        exit 1
    }
done
kept_alone "$cache"
if kept_whole "$programs" "${names[@]}"; then
    printf '%s\n' "$programs"
    exit 0
fi

# Next to its destination, because only a rename within one file system is atomic.
temp=$(mktemp -d "$cache/.building.XXXXXX")
trap 'rm -rf -- "$temp"' EXIT
chmod 755 "$temp"

# Taken apart instead of installed: nothing starts, and this machine stays as it is.
say "taking ${packages[*]} from Debian's packages"
mkdir "$temp/packages" "$temp/files" "$temp/programs"
(cd "$temp/packages" && { apt-get download "${packages[@]}" || { apt-get update -q && apt-get download "${packages[@]}"; }; }) >&2
for package in "$temp"/packages/*.deb; do
    dpkg -x "$package" "$temp/files"
done
for program in usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/sbin/runc bin/busybox; do
    install "$temp/files/$program" "$temp/programs/"
done

say "building the kubelet of Kubernetes $version: a minute beside the control plane's cache, 10 without"
(cd -- "$here" && CGO_ENABLED=0 GOWORK=off go build "${flags[@]}" -o "$temp/programs/kubelet" .) >&2

rm -rf -- "$programs"
mv -- "$temp/programs" "$programs"
chmod 755 "$programs"
say "made in $SECONDS s"
printf '%s\n' "$programs"
