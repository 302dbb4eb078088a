#!/bin/sh
# The first process of the node's own mount and PID namespaces (see README.md): makes of this machine what a node
# may change, then runs containerd and the kubelet. Ending it ends every container, and every mount goes with it.
set -eu

directory=$1 programs=$2 name=$3
shift 3

mkdir -p "$directory/bin" "$directory/sysctl"
mount --bind "$programs" "$directory/bin"

# Where kubelet, containerd, runc and builds' pods write without asking for a folder. What is there of the machine's
# own is out of sight, and out of reach.
for place in /opt /run /var/lib /var/log; do
    mount -t tmpfs -o mode=755 none "$place"
done

# The kubelet sets these for the whole machine. Here it sets copies.
for setting in vm/overcommit_memory vm/panic_on_oom kernel/panic kernel/panic_on_oops \
    kernel/keys/root_maxkeys kernel/keys/root_maxbytes; do
    [ -e "/proc/sys/$setting" ] || continue
    copy=$directory/sysctl/$(basename "$setting")
    cat "/proc/sys/$setting" >"$copy"
    mount --bind "$copy" "/proc/sys/$setting"
done

PATH=$directory/bin:$PATH
export PATH
containerd --config "$directory/containerd.toml" >"$directory/containerd.log" 2>&1 &
# It connects again and again until containerd listens.
kubelet --config="$directory/kubelet.json" --root-dir="$directory/kubelet" --hostname-override="$name" "$@" \
    >"$directory/kubelet.log" 2>&1 &
# As the first process it also buries what containers leave behind.
wait "$!"
