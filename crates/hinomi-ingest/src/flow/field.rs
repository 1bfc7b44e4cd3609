//! Numbers of fields (IANA, IP Flow Information Export entities) and their names in events.

/// How the bytes of a value are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    Number,
    Address,
    Hardware,
    Protocol,
    Text,
    /// Goes into the times of the flow.
    Time,
}

/// Enterprise of values of the way back (RFC 5103).
pub(super) const REVERSE: u32 = 29_305;

/// Name and form of a field; `None` for one that keeps its number.
pub(super) fn named(enterprise: u32, number: u16) -> Option<(&'static str, Form)> {
    use Form::{Address, Hardware, Number, Protocol, Text, Time};
    Some(match (enterprise, number) {
        (0, 1 | 85 | 231) => ("bytes_out", Number),
        (0, 2 | 86 | 298) => ("packets", Number),
        (0, 232) | (REVERSE, 1 | 85) => ("bytes_in", Number),
        (0, 299) | (REVERSE, 2 | 86) => ("packets_in", Number),
        (0, 4) => ("proto", Protocol),
        (0, 5) => ("tos", Number),
        (0, 6) => ("tcp_flags", Number),
        (0, 7) => ("src_port", Number),
        (0, 8 | 27) => ("src_ip", Address),
        (0, 10) => ("input", Number),
        (0, 11) => ("dst_port", Number),
        (0, 12 | 28) => ("dst_ip", Address),
        (0, 14) => ("output", Number),
        (0, 15 | 18 | 62 | 63) => ("next_hop", Address),
        (0, 16) => ("src_as", Number),
        (0, 17) => ("dst_as", Number),
        (0, 32 | 139) => ("icmp_type_code", Number),
        (0, 56) => ("src_mac", Hardware),
        (0, 80) => ("dst_mac", Hardware),
        (0, 58) => ("vlan", Number),
        (0, 61) => ("direction", Number),
        (0, 82) => ("interface", Text),
        (0, 136) => ("flow_end_reason", Number),
        (0, 21 | 22 | 150..=161) => ("", Time),
        _ => return None,
    })
}

/// Name of a protocol (IANA).
pub(super) fn protocol(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "icmp",
        2 => "igmp",
        6 => "tcp",
        17 => "udp",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmp6",
        132 => "sctp",
        _ => return None,
    })
}
