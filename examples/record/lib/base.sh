# shellcheck shell=bash
# The root file system that all recorded hosts share, read-only, under their own overlays.

# Installs what the machine itself needs, then builds $BASE if it is absent or its package list has changed.
base_build() {
    local tool missing=""
    for tool in mmdebstrap:mmdebstrap systemd-nspawn:systemd-container ip:iproute2 python3:python3; do
        command -v "${tool%%:*}" >/dev/null || missing="$missing ${tool##*:}"
    done
    if [ -n "$missing" ]; then
        # shellcheck disable=SC2086  # a list of package names
        apt-get install -y --no-install-recommends $missing >&2
    fi
    local wanted
    wanted=$(base_fingerprint)
    if [ -d "$BASE" ] && [ "$(cat "$WORLD/base.fingerprint" 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    echo "record: building the root file system (about one minute, 0.6 GB)" >&2
    mkdir -p "$WORLD"
    rm -rf --one-file-system "$BASE"
    mmdebstrap --quiet --variant=minbase --include="$(base_packages | paste -sd,)" bookworm "$BASE" \
        "deb https://deb.debian.org/debian bookworm main" \
        "deb https://deb.debian.org/debian-security bookworm-security main"
    # What the build took from the machine must not show up in the recording.
    : >"$BASE/etc/resolv.conf"
    echo localhost >"$BASE/etc/hostname"
    : >"$BASE/etc/machine-id"
    rm -f "$BASE"/etc/ssh/ssh_host_* "$BASE"/var/log/{dpkg,alternatives,bootstrap}.log
    rm -rf "$BASE"/var/log/apt
    echo "$wanted" >"$WORLD/base.fingerprint"
}

base_packages() {
    sed 's/#.*//' "$HERE/packages.txt" | tr -s ' ' '\n' | sed '/^$/d'
}

base_fingerprint() {
    base_packages | sha256sum | cut -d' ' -f1
}

# The audit control program of the base, so that the machine needs none.
auditctl_of_base() {
    chroot "$BASE" /sbin/auditctl "$@"
}

# name<TAB>version of what the story uses, for the truth file.
base_versions() {
    # shellcheck disable=SC2016  # fields of dpkg-query, not of the shell
    chroot "$BASE" dpkg-query -W -f '${Package}\t${Version}\n' \
        openssh-server libpam-google-authenticator auditd laurel rsyslog samba squid nginx-light p7zip-full rclone \
        restic nmap nftables ulogd2 systemd sudo openvpn freeradius libpam-radius-auth
}
