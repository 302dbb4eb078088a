#!/bin/sh
# Ends with 0 where a real node can run. Elsewhere it prints why not and ends with 1. It tries what a node does first,
# since neither root nor a kind of system promises it: containers have roots that may do nothing of this. Nothing stays.
set -u

no() {
    printf '%s\n' "$*"
    exit 1
}

[ "$(uname -s)" = Linux ] || no "a node needs Linux, and this is $(uname -s)"
[ "$(id -u)" = 0 ] || no 'only root can run a node'
command -v unshare >/dev/null || no 'there is no unshare (util-linux) to give the node namespaces of its own'
command -v apt-get >/dev/null && command -v dpkg >/dev/null ||
    no "there is no apt-get and dpkg: containerd and runc come from Debian's packages"

directory=$(mktemp -d) || no 'there is no room for temporary files'
cgroup=''
trap 'rm -rf "$directory"; [ -z "$cgroup" ] || rmdir "$cgroup"' EXIT

# As enter.sh does, and containerd for each container.
mkdir "$directory/lower" "$directory/upper" "$directory/work" "$directory/merged"
said=$(unshare --mount --pid --fork --kill-child --mount-proc -- sh -euc '
    mount -t tmpfs -o mode=755 none /run
    mount --bind "$1/lower" "$1/lower"
    cd "$1"
    mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none merged
' sh "$directory" 2>&1) || no "this root may not mount what a node needs (TMPDIR=${TMPDIR:-/tmp}): $said"

hierarchy=/sys/fs/cgroup
[ -e "$hierarchy/cgroup.controllers" ] || hierarchy=$hierarchy/memory
said=$(mkdir "$hierarchy/possible-$$" 2>&1) || no "this root may not make a cgroup: $said"
cgroup=$hierarchy/possible-$$
