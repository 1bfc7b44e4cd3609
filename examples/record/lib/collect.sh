# shellcheck shell=bash
# Collects what a responder would: the log files of each host, and journals as JSON.

# host  path below its root
collected_logs() {
    cat <<'T'
gw01   var/log/auth.log
gw01   var/log/syslog
gw01   var/log/freeradius/radius.log
gw01   var/log/ulog/firewall.log
gw01   var/log/ulog/flows.json
dc01   var/log/samba/auth_json.log
dc01   var/log/samba/dsdb_json.log
dc01   var/log/syslog
fs01   var/log/auth.log
fs01   var/log/auth.log.1
fs01   var/log/syslog
fs01   var/log/syslog.1
fs01   var/log/audit/audit.log
fs01   var/log/laurel/audit.log
fs01   var/log/samba/audit.log
fs01   var/log/samba/auth_json.log
fs01   var/log/restic.log
fs01   var/log/rclone-reports.log
fs01   home/ctr-adm01/r.log
bk01   var/log/auth.log
bk01   var/log/syslog
px01   var/log/squid/access.log
px01   var/log/squid/access-combined.log
px01   var/log/nginx/intra.access.log
log01  var/log/remote/gw01.log
log01  var/log/remote/dc01.log
log01  var/log/remote/fs01.log
log01  var/log/remote/px01.log
T
}

collect() {
    local out=$1 host path root
    rm -rf "$out"
    # Listing the connections makes the kernel report those that have already timed out.
    enter gw01 conntrack -L >/dev/null 2>&1
    sleep 1
    collected_logs | while read -r host path; do
        root=$(root_of "$host")
        [ -e "$root/$path" ] || continue
        mkdir -p "$out/$host/$(dirname "$path")"
        cp --no-preserve=mode,ownership "$root/$path" "$out/$host/$path"
    done
    for host in gw01 bk01; do
        enter "$host" journalctl --quiet --no-pager --output=json >"$out/$host/journal.json"
    done
    # Large and repetitive: kept compressed, as collections usually hold them.
    gzip -n9 "$out"/*/journal.json "$out/fs01/var/log/laurel/audit.log"
    cp "$RUN/truth.json" "$out/truth.json"
}
