#!/bin/sh
# Runs a command in a root file system under a host name of its own. The caller gives it new mount and UTS namespaces.
#   as-host.sh NAME ROOT COMMAND...
set -eu
hostname "$1"
root=$2
shift 2
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" "$@"
