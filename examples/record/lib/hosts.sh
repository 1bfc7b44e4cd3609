# shellcheck shell=bash
# The recorded hosts: prepared as overlays over the base, booted, and taken down again.
#
# All but fs01 boot systemd in a container (systemd-nspawn). fs01 runs the Linux audit daemon, which the kernel
# accepts only in the machine's first PID namespace, so fs01 has its own network, mount, UTS and IPC namespaces
# but shares the process ids, and starts its daemons from a small script instead of systemd.

CONTAINERS="dc01 log01 bk01 px01 gw01"
HOSTS="$CONTAINERS fs01"
REALM=CORP.EXAMPLE.JP
# What each host starts; every other service of the base is masked there.
declare -A SERVICES=(
    [dc01]="samba-ad-dc rsyslog"
    [log01]="rsyslog"
    [bk01]="ssh rsyslog cron"
    [px01]="squid nginx rsyslog"
    [gw01]="ssh rsyslog nftables ulogd2 freeradius openvpn-server@vpn"
)
OPTIONAL_SERVICES="openvpn freeradius openvpn-server@vpn auditd smbd nmbd winbind samba-ad-dc squid nginx ulogd2 ssh rsyslog cron nftables"
NOISE="console-getty.service apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer
    e2scrub_all.timer e2scrub_reap.service systemd-networkd.service systemd-timesyncd.service getty@tty1.service"

root_of() { echo "$RUN/hosts/$1/root"; }

# Runs a command in a host's file system before it is booted, under its own host name.
chroot_as() {
    local host=$1
    shift
    ip netns exec "hr-$host" unshare --uts --mount -- sh "$HERE/lib/as-host.sh" "$host" "$(root_of "$host")" "$@"
}

# Runs a command inside a booted host.
enter() {
    local leader
    leader=$(cat "$RUN/hosts/$1/leader")
    if [ "$1" = fs01 ]; then
        nsenter -t "$leader" -m -u -i -n -r -w -- "${@:2}"
    else
        nsenter -t "$leader" -m -u -i -n -p -C -r -w -- "${@:2}"
    fi
}

new_secret() {
    printf 'Aa1-%s\n' "$(head -c 15 /dev/urandom | base64 | tr -d '/+=')" >"$RUN/secrets/$1"
}

accounts() {
    grep -v '^#' "$HERE/accounts.tsv"
}

hosts_prepare() {
    local scenario=$1 host
    for host in $HOSTS; do
        host_overlay "$host" "$host"
    done
    # One file system for everyone outside; the network namespace says who it is.
    host_overlay outside laptop
    accounts | while IFS=$'\t' read -r account _; do
        new_secret "$account"
        new_totp "$account"
    done
    for name in Administrator restic; do new_secret "$name"; done
    prepare_certificates
    for host in $HOSTS; do
        prepare_linux_accounts "$host" "$scenario"
    done
    prepare_vpn
    prepare_backup
    prepare_known_hosts
    prepare_domain
    python3 "$HERE/story/data.py" "$(root_of fs01)/srv/share"
    chroot_as fs01 chown -R root:ops /srv/share
    chroot_as fs01 chmod -R g+rwX,o+rX /srv/share
}

new_totp() {
    head -c 20 /dev/urandom | base32 >"$RUN/secrets/$1.totp"
}

host_overlay() {
    local host=$1 name=$2 dir=$RUN/hosts/$1 root
    root=$(root_of "$host")
    mkdir -p "$dir/upper" "$dir/work" "$root"
    mount -t overlay overlay -o "lowerdir=$BASE,upperdir=$dir/upper,workdir=$dir/work" "$root"
    local tree
    for tree in common "$host"; do
        [ -d "$HERE/hosts/$tree" ] && cp -r --no-preserve=ownership "$HERE/hosts/$tree/." "$root/"
    done
    echo "$name" >"$root/etc/hostname"
    head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$root/etc/machine-id"
    ln -sf "/usr/share/zoneinfo/$(cat "$root/etc/timezone")" "$root/etc/localtime"
    chmod 440 "$root"/etc/sudoers.d/* 2>/dev/null || true
    # Raising limits needs a right that the recording machine may not have; its refusals would only be noise.
    sed -i '/pam_limits/d' "$root"/etc/pam.d/{sshd,sudo,sudo-i,cron}
    if [ "$host" != outside ]; then
        chroot_as "$host" ssh-keygen -q -A >/dev/null
        [ "$host" = fs01 ] || mask_services "$host"
    fi
}

mask_services() {
    local host=$1 service masked=$NOISE
    for service in $OPTIONAL_SERVICES; do
        case " ${SERVICES[$host]} " in
            *" $service "*) systemctl --quiet --root="$(root_of "$host")" enable "$service" 2>/dev/null ;;
            *) masked="$masked $service.service" ;;
        esac
    done
    # shellcheck disable=SC2086  # a list of units
    systemctl --quiet --root="$(root_of "$host")" mask $masked
    # The kernel lets containers set a login id; leaving it unset keeps their processes out of fs01's audit rules.
    sed -i '/pam_loginuid/d' "$(root_of "$host")"/etc/pam.d/{sshd,login,cron} \
        "$(root_of "$host")/usr/lib/pam.d/systemd-user"
}

prepare_linux_accounts() {
    local host=$1 scenario=$2 account uid role groups name origin where
    chroot_as "$host" groupadd -f -g 3001 ops
    chroot_as "$host" groupadd -f -g 3002 mfa-exempt
    accounts | while IFS=$'\t' read -r account uid role groups name origin where; do
        case " $where " in *" $host "*) ;; *) continue ;; esac
        [ "$groups" = - ] && groups=""
        # The weakness of the case: the contractor was exempted from the second factor. In the twin it is enrolled.
        if [ "$role/$scenario/$host" = contractor/case/gw01 ]; then groups="$groups,mfa-exempt"; fi
        chroot_as "$host" useradd -m -s /bin/bash -u "$uid" -c "${name%%,*}" ${groups:+-G "$groups"} "$account"
        echo "$account:$(cat "$RUN/secrets/$account")" | chroot_as "$host" chpasswd
        install_credentials "$host" "$account" "$role" "$origin"
    done
}

# Staff and contractors get a key held outside; gw01 also gets the seed of their second factor.
install_credentials() {
    local host=$1 account=$2 role=$3 origin=$4 home key
    home=$(root_of "$host")/home/$account
    [ "$origin" = - ] && return
    key=$(root_of outside)/root/.ssh/$account
    if [ ! -e "$key" ]; then
        install -d -m 700 "$(dirname "$key")"
        ssh-keygen -q -t ed25519 -N '' -C "$account" -f "$key"
    fi
    install -d -m 700 "$home/.ssh"
    cp "$key.pub" "$home/.ssh/authorized_keys"
    if [ "$host" = gw01 ]; then
        { cat "$RUN/secrets/$account.totp"; echo '" TOTP_AUTH'; } >"$home/.google_authenticator"
        chmod 400 "$home/.google_authenticator"
    fi
    chroot_as "$host" chown -R "$account:$account" "/home/$account"
}

# The VPN asks RADIUS, RADIUS asks PAM; both run on gw01 with a shared secret of this recording.
prepare_vpn() {
    local root tls radius
    root=$(root_of gw01) tls=$(root_of outside)/etc/outside-tls
    radius=$root/etc/freeradius/3.0
    cp "$tls/ca.crt" "$tls/vpn.crt" "$tls/vpn.key" "$root/etc/openvpn/server/"
    new_secret radius
    printf '127.0.0.1 %s 5\n' "$(cat "$RUN/secrets/radius")" >"$root/etc/pam_radius_auth.conf"
    printf 'client gateway {\n    ipaddr = 127.0.0.1\n    secret = %s\n}\n' "$(cat "$RUN/secrets/radius")" \
        >"$radius/clients.conf"
    sed -i -e 's/^\(\s*\)user = freerad/\1user = root/' -e 's/^\(\s*\)group = freerad/\1group = root/' \
        -e 's/^\(\s*\)auth = no/\1auth = yes/' "$radius/radiusd.conf"
    rm -f "$radius/sites-enabled/inner-tunnel" "$radius/mods-enabled/eap"
}

# fs01 writes to the backup repository on bk01 with root's key: an ordinary arrangement, and a way onward.
prepare_backup() {
    local root_fs root_bk
    root_fs=$(root_of fs01) root_bk=$(root_of bk01)
    install -d -m 700 "$root_fs/root/.ssh" "$root_bk/home/backup-svc/.ssh"
    ssh-keygen -q -t ed25519 -N '' -C root@fs01 -f "$root_fs/root/.ssh/id_ed25519"
    cp "$root_fs/root/.ssh/id_ed25519.pub" "$root_bk/home/backup-svc/.ssh/authorized_keys"
    mkdir -p "$root_fs/etc/restic" "$root_bk/etc/restic" "$root_bk/srv/restic"
    install -m 600 "$RUN/secrets/restic" "$root_fs/etc/restic/password"
    install -m 600 "$RUN/secrets/restic" "$root_bk/etc/restic/password"
    chroot_as bk01 chown -R backup-svc:backup-svc /home/backup-svc /srv/restic /etc/restic
    chroot_as bk01 usermod -aG adm backup-svc
}

prepare_known_hosts() {
    local host all=$RUN/known_hosts
    for host in gw01 fs01 bk01; do
        sed "s/^/$host,$(awk -v h="$host" '$2 == h {print $1; exit}' "$HERE/hosts/common/etc/hosts") /" \
            "$(root_of "$host")/etc/ssh/ssh_host_ed25519_key.pub"
    done | cut -d' ' -f1-3 >"$all"
    for host in $HOSTS outside; do
        cp "$all" "$(root_of "$host")/etc/ssh/ssh_known_hosts"
    done
}

# A certificate authority that plays the public web's, the certificate of the servers outside, and the gateway's.
prepare_certificates() {
    local dir host
    dir=$(root_of outside)/etc/outside-tls
    mkdir -p "$dir"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=Example Public CA" \
        -keyout "$dir/ca.key" -out "$dir/ca.crt" 2>/dev/null
    issue_certificate "$dir" server store.example.net "DNS:store.example.net,DNS:storage.example.jp"
    issue_certificate "$dir" vpn vpn.example.jp DNS:vpn.example.jp
    for host in $HOSTS; do
        cp "$dir/ca.crt" "$(root_of "$host")/usr/local/share/ca-certificates/example.crt"
        chroot_as "$host" update-ca-certificates >/dev/null 2>&1
    done
}

issue_certificate() {
    local dir=$1 file=$2 name=$3 alternatives=$4
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
        -keyout "$dir/$file.key" -out "$dir/$file.csr" 2>/dev/null
    openssl x509 -req -in "$dir/$file.csr" -CA "$dir/ca.crt" -CAkey "$dir/ca.key" -CAcreateserial -days 30 \
        -extfile <(printf '%s\n' keyUsage=digitalSignature extendedKeyUsage=serverAuth "subjectAltName=$alternatives") \
        -out "$dir/$file.crt" 2>/dev/null
}

# A real Active Directory domain on dc01, with fs01 joined once both are up.
prepare_domain() {
    local root
    root=$(root_of dc01)
    rm -f "$root/etc/samba/smb.conf"
    chroot_as dc01 samba-tool domain provision --realm="$REALM" --domain=CORP --server-role=dc \
        --dns-backend=SAMBA_INTERNAL --host-ip=192.0.2.10 --adminpass="$(cat "$RUN/secrets/Administrator")" \
        >"$RUN/provision.log" 2>&1
    sed -i '/^\[global\]/r '"$HERE/hosts/dc01.smb.conf" "$root/etc/samba/smb.conf"
    accounts | while IFS=$'\t' read -r account _ role _ name _; do
        [ "$role" = service ] && continue
        chroot_as dc01 samba-tool user add "$account" "$(cat "$RUN/secrets/$account")" --description="$name" \
            >>"$RUN/provision.log" 2>&1
    done
    for account in s.aoki ctr-adm01; do
        chroot_as dc01 samba-tool group addmembers "Domain Admins" "$account" >>"$RUN/provision.log" 2>&1
    done
    chroot_as dc01 samba-tool computer create print01 >>"$RUN/provision.log" 2>&1
    rm -rf "$root"/var/log/samba/*
}

hosts_boot() {
    local host
    for host in $CONTAINERS; do container_boot "$host"; done
    fs01_boot
    # Asks the sockets, not the services: a probe would leave lines in the logs.
    wait_for dc01 sh -c 'ss -ltn | grep -q ":389 "'
    for host in gw01 bk01 fs01; do wait_for "$host" sh -c 'ss -ltn | grep -q ":22 "'; done
    wait_for gw01 sh -c 'ss -lun | grep -q ":1194 " && ss -lun | grep -q ":1812 "'
    wait_for px01 sh -c 'ss -ltn | grep -q ":3128 "'
    fs01_join
    servers_outside
}

container_boot() {
    local host=$1 dir=$RUN/hosts/$1 more=()
    # Only the gateway opens a tunnel.
    [ "$host" = gw01 ] && more=(--bind=/dev/net/tun)
    own_cgroup "$host" systemd-nspawn "${more[@]}" --quiet --directory="$(root_of "$host")" --boot --machine="$host" \
        --hostname="$host" --network-namespace-path="/run/netns/hr-$host" --register=no --keep-unit \
        --capability=CAP_NET_ADMIN --resolv-conf=off --timezone=off --link-journal=no --console=read-only </dev/null >"$dir/console" 2>&1 &
    local shell=$! tries
    echo "$shell" >"$dir/nspawn"
    for tries in $(seq 100); do
        pgrep -P "$shell" systemd >"$dir/leader" && break
        sleep 0.1
    done
    [ -s "$dir/leader" ] || die "$host did not boot (try $tries): $(tail -3 "$dir/console")"
    # From here on "running" or "degraded" both mean that the services were started.
    wait_for "$host" sh -c 'systemctl is-system-running | grep -Eq "running|degraded"'
}

# systemd inside a container needs a control group of its own.
own_cgroup() {
    local host=$1 tree
    shift
    if [ -d /run/systemd/system ]; then
        exec systemd-run --quiet --scope --property=Delegate=yes --unit="hinomi-$host" -- "$@"
    fi
    for tree in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
        [ -e "$tree/cgroup.procs" ] || continue
        mkdir -p "$tree/hinomi-$host"
        echo "$BASHPID" >"$tree/hinomi-$host/cgroup.procs"
    done
    exec "$@"
}

fs01_boot() {
    local dir=$RUN/hosts/fs01 root
    root=$(root_of fs01)
    setsid ip netns exec hr-fs01 unshare --mount --uts --ipc --propagation private -- \
        sh "$HERE/lib/pivot.sh" fs01 "$root" </dev/null >"$dir/console" 2>&1 &
    echo $! >"$dir/leader"
    wait_for fs01 test -e /run/booted
}

wait_for() {
    local host=$1 tries
    shift
    for tries in $(seq 300); do
        enter "$host" "$@" >/dev/null 2>&1 && return
        sleep 0.2
    done
    die "$host: gave up after $tries tries waiting for: $*"
}

# Joins fs01 to the domain and starts its file service.
fs01_join() {
    local tries
    for tries in $(seq 20); do
        if enter fs01 net ads join -U "Administrator%$(cat "$RUN/secrets/Administrator")" >"$RUN/join.log" 2>&1; then
            enter fs01 sh -c 'winbindd -D && smbd -D' && return
        fi
        sleep 1
    done
    die "fs01 could not join the domain ($tries tries): $(tail -3 "$RUN/join.log")"
}

# The servers of the world outside: an object store nobody at the company uses, the company's own, and a web site.
servers_outside() {
    local name
    for name in store storage; do
        mkdir -p "$(root_of outside)/srv/$name"
        new_secret "$name"
        outside "$name" rclone serve webdav "/srv/$name" --addr ":443" --cert /etc/outside-tls/server.crt \
            --key /etc/outside-tls/server.key --user "$name" --pass "$(cat "$RUN/secrets/$name")" \
            </dev/null >"$RUN/$name.log" 2>&1 &
        echo $! >>"$RUN/outside.pids"
    done
    outside web python3 -m http.server 80 --directory /usr/share/doc </dev/null >"$RUN/web.log" 2>&1 &
    echo $! >>"$RUN/outside.pids"
    sleep 1
}

# Becomes a command of somebody outside, in the given network namespace. For the background only: it never returns.
outside() {
    local place=$1
    shift
    exec ip netns exec "hr-$place" unshare --uts --mount -- sh "$HERE/lib/as-host.sh" laptop "$(root_of outside)" "$@"
}

hosts_down() {
    local host pid tries
    if [ -e "$RUN/outside.pids" ]; then
        xargs -r kill <"$RUN/outside.pids" 2>/dev/null
        rm -f "$RUN/outside.pids"
    fi
    for host in $CONTAINERS; do
        [ -s "$RUN/hosts/$host/leader" ] || continue
        # The leader is the container's PID 1: with it, everything inside ends.
        kill -KILL "$(cat "$RUN/hosts/$host/leader")" 2>/dev/null
        rm -f "$RUN/hosts/$host/leader"
    done
    fs01_down
    wait 2>/dev/null
    for host in $HOSTS outside; do
        for tries in 1 2 3 4 5; do
            mountpoint -q "$(root_of "$host")" || break
            umount -R "$(root_of "$host")" 2>/dev/null || sleep "0.$tries"
        done
    done
    for pid in /sys/fs/cgroup/{systemd,unified,.}/hinomi-*; do
        [ -d "$pid" ] && find "$pid" -depth -type d -exec rmdir {} \; 2>/dev/null
    done
    return 0
}

# Everything in fs01's mount namespace, and nothing else, belongs to fs01.
fs01_down() {
    local leader space pid
    [ -s "$RUN/hosts/fs01/leader" ] || return 0
    leader=$(cat "$RUN/hosts/fs01/leader")
    space=$(readlink "/proc/$leader/ns/mnt") || return 0
    [ "$space" != "$(readlink /proc/self/ns/mnt)" ] || return 0
    enter fs01 sh -c 'auditctl -D; auditctl -e 0' >/dev/null 2>&1
    for pid in /proc/[0-9]*; do
        [ "$(readlink "$pid/ns/mnt" 2>/dev/null)" = "$space" ] && kill -TERM "${pid##*/}" 2>/dev/null
    done
    sleep 1
    for pid in /proc/[0-9]*; do
        [ "$(readlink "$pid/ns/mnt" 2>/dev/null)" = "$space" ] && kill -KILL "${pid##*/}" 2>/dev/null
    done
    rm -f "$RUN/hosts/fs01/leader"
}
