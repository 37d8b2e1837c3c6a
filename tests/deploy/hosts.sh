#!/bin/bash
# Machines for test_deploy_onprem.py, as root: network, processes, mounts, home, /tmp/ray and sshd of each are its own.
#   hosts.sh net FOLDER             a network 10.77.0.0/24 and a client in it; ends with this process, and all with it
#   hosts.sh host FOLDER NAME IP    inside: a machine, whose home begins as FOLDER/skeleton; likewise
set -eu
what=$1 folder=$2
here="$folder/${3:-client}"
home="$folder/home" # the same path on all, another folder behind it

own() { # one's own home and scratch
    mkdir -p "$here/root" "$here/ray" "$home"
    rm -rf "$here/ray/"*
    chmod 700 "$here/root"
    mount --bind "$here/root" "$home"
    mount --bind "$here/ray" /tmp/ray
    mount -t tmpfs tmpfs /run
}

case "$what" in
net)
    own
    mount -t tmpfs tmpfs /tmp/ray_ssh_"$(id -un | tr -d '\n' | sha256sum | cut -c1-10)" # where ray keeps ssh's sockets
    hostname client
    ip link set lo up
    ip link add bridge type bridge
    ip address add 10.77.0.1/24 dev bridge
    ip link set bridge up
    mkdir /run/netns
    touch "$folder/ready"
    sleep infinity
    ;;
host)
    name=$3 address=$4
    if [ "${5:-}" != inside ]; then
        mkdir -p "$here"
        ip netns add "$name"
        ip link add "$name" type veth peer name eth0 netns "$name"
        ip link set "$name" master bridge up
        ip -n "$name" address add "$address/24" dev eth0
        ip -n "$name" link set eth0 up
        ip -n "$name" link set lo up
        exec nsenter --net="/run/netns/$name" unshare --pid --mount --uts --ipc --fork --mount-proc \
            --propagation private --kill-child=KILL bash "$0" "$@" inside
    fi
    [ -d "$here/root" ] || cp -a "$folder/skeleton" "$here/root"
    own
    hostname "$name"
    sed "s#^root:\(.*\):/root:#root:\1:$home:#" /etc/passwd > "$here/passwd"
    mount --bind "$here/passwd" /etc/passwd
    mount -t tmpfs -o size=4g tmpfs /dev/shm
    mkdir /run/sshd /run/tmp
    exec env -i PATH="$PATH" /usr/sbin/sshd -D -e -f /dev/null -p 22 -h "$folder/hostkey" -o ListenAddress="$address" \
        -o AuthorizedKeysFile="$folder/key.pub" -o PasswordAuthentication=no -o KbdInteractiveAuthentication=no \
        -o UsePAM=no -o StrictModes=no -o UseDNS=no -o PrintMotd=no -o PidFile=none -o SetEnv=TMPDIR=/run/tmp 2> "$here/sshd.log"
    ;;
esac
