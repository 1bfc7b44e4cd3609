# shellcheck shell=bash
# Network namespaces and addresses. All addresses are documentation addresses (RFC 5737).
#
#   outside  198.51.100.0/24, 203.0.113.0/24   home, supplier office, unknown, store, web
#   inside   192.0.2.0/25                      gw01 .1  dc01 .10  fs01 .20  bk01 .30  px01 .40  log01 .50
#   tunnel   192.0.2.128/25                    whoever comes in through the VPN
#
# gw01 is the only way through: remote access comes in over ssh or OpenVPN, web traffic leaves only from the proxy px01.

# namespace  bridge  address
network_table() {
    cat <<'T'
gw01      out  198.51.100.1/24
gw01      lan  192.0.2.1/25
dc01      lan  192.0.2.10/25
fs01      lan  192.0.2.20/25
bk01      lan  192.0.2.30/25
px01      lan  192.0.2.40/25
log01     lan  192.0.2.50/25
home      out  198.51.100.20/24
office    out  198.51.100.31/24
supplier  out  198.51.100.140/24
unknown   out  203.0.113.77/24
store     out  203.0.113.200/24
storage   out  203.0.113.150/24
web       out  203.0.113.10/24
T
}

network_up() {
    local name bridge address
    netns_add switch
    for bridge in out lan; do
        ip -n hr-switch link add "br-$bridge" type bridge
        ip -n hr-switch link set "br-$bridge" up
    done
    for name in $(network_table | awk '{print $1}' | sort -u); do
        netns_add "$name"
    done
    network_table | while read -r name bridge address; do
        # Two links only for the gateway: eth0 outside, eth1 inside.
        local link=eth0
        [ "$name/$bridge" = gw01/lan ] && link=eth1
        ip link add "h-$name-$link" netns hr-switch type veth peer name "$link" netns "hr-$name"
        ip -n hr-switch link set "h-$name-$link" master "br-$bridge" up
        ip -n "hr-$name" addr add "$address" dev "$link"
        ip -n "hr-$name" link set "$link" up
        case $bridge/$address in
            out/198.51.100.*) ip -n "hr-$name" route add 203.0.113.0/24 dev "$link" ;;
            out/203.0.113.*) ip -n "hr-$name" route add 198.51.100.0/24 dev "$link" ;;
            lan/192.0.2.1/*) ;;
            lan/*) ip -n "hr-$name" route add default via 192.0.2.1 ;;
        esac
    done
    ip netns exec hr-gw01 sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_acct=1 \
        net.netfilter.nf_conntrack_timestamp=1 net.netfilter.nf_conntrack_tcp_timeout_time_wait=5
}

netns_add() {
    ip netns del "hr-$1" 2>/dev/null || true
    ip netns add "hr-$1"
    ip -n "hr-$1" link set lo up
}

network_down() {
    local name
    for name in switch $(network_table | awk '{print $1}' | sort -u); do
        ip netns del "hr-$name" 2>/dev/null
    done
    return 0
}
