#!/bin/bash
# Records the example folders: builds a small company out of network namespaces, lets a story happen in it
# with real tools, and collects the logs those tools wrote.
#
#   record.sh case            an intrusion            -> examples/case
#   record.sh benign          an ordinary working day -> examples/benign
#   record.sh all             both, one after the other
#
# Debian 12, root. Needs mmdebstrap, systemd-container and iproute2 on the machine itself (installed if absent);
# everything else lives in a root file system under HINOMI_RECORD_DIR (default /var/tmp/hinomi-record).
# No packet leaves the namespaces: none of them has a route to the machine's own network.
set -Eeuo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORLD=${HINOMI_RECORD_DIR:-/var/tmp/hinomi-record}
OUT_ROOT=${HINOMI_RECORD_OUT:-$(dirname "$HERE")}
BASE=$WORLD/base
RUN=$WORLD/run
export HERE WORLD BASE RUN

# shellcheck source=lib/base.sh
. "$HERE/lib/base.sh"
# shellcheck source=lib/network.sh
. "$HERE/lib/network.sh"
# shellcheck source=lib/hosts.sh
. "$HERE/lib/hosts.sh"
# shellcheck source=lib/collect.sh
. "$HERE/lib/collect.sh"

usage() {
    sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit 2
}

die() {
    echo "record: $*" >&2
    exit 1
}

say() {
    echo "record: $(date -u +%H:%M:%S) $*" >&2
}

check_machine() {
    [ "$(id -u)" = 0 ] || die "must run as root: it makes namespaces and starts the audit daemon"
    # The kernel has one audit daemon for all namespaces. Never take it from somebody else.
    if auditctl_of_base -s 2>/dev/null | grep -Eq '^pid [1-9]'; then
        die "an audit daemon is already running on this machine; stop it first, or use another machine"
    fi
}

clean_up() {
    local status=$?
    trap - ERR
    set +e
    hosts_down
    network_down
    # After a failure the hosts' files stay for a look; what was secret does not.
    if [ "$status" = 0 ]; then rm -rf --one-file-system "$RUN"; else rm -rf --one-file-system "$RUN/secrets"; fi
    exit "$status"
}

record() {
    local scenario=$1
    say "recording $scenario"
    rm -rf --one-file-system "$RUN"
    install -d -m 700 "$RUN" "$RUN/secrets"
    network_up
    hosts_prepare "$scenario"
    hosts_boot
    say "hosts are up; the story begins"
    python3 "$HERE/story/play.py" "$scenario" --run "$RUN" --truth "$RUN/truth.json"
    collect "$RUN/collected"
    hosts_down
    network_down
    python3 "$HERE/check_truth.py" "$RUN/collected"
    python3 "$HERE/check_leaks.py" "$RUN/collected" --secrets "$RUN/secrets" --own-host "$MACHINE_NAME" \
        --own-path "$HERE" --own-path "$WORLD" --own-path "$OUT_ROOT"
    rm -rf --one-file-system "${OUT_ROOT:?}/$scenario"
    mkdir -p "$OUT_ROOT"
    cp -r "$RUN/collected" "$OUT_ROOT/$scenario"
    say "$scenario written: $(du -sh "$OUT_ROOT/$scenario" | cut -f1)"
}

main() {
    [ $# = 1 ] || usage
    local scenarios
    case $1 in
        case | benign) scenarios=$1 ;;
        all) scenarios="case benign" ;;
        *) usage ;;
    esac
    # A mount namespace of our own: every mount below disappears with the last process.
    if [ -z "${HINOMI_RECORD_INSIDE:-}" ]; then
        [ "$(id -u)" = 0 ] || die "must run as root: it makes namespaces and starts the audit daemon"
        base_build
        HINOMI_RECORD_INSIDE=1 exec unshare --mount --propagation private -- "${BASH_SOURCE[0]}" "$@"
    fi
    MACHINE_NAME=$(hostname)
    export MACHINE_NAME
    check_machine
    trap clean_up EXIT
    trap 'say "failed: $BASH_COMMAND (${BASH_SOURCE[0]##*/}:$LINENO)"' ERR
    trap 'exit 130' INT TERM
    for scenario in $scenarios; do
        record "$scenario"
    done
}

main "$@"
