"""Questions that hunters ask, in SQL that every engine reads the same. Ties are left to the comparison: no LIMIT here."""

HUNTS = [
    ("top talkers", "SELECT src_ip, dst_ip, dst_port, count(*) AS n FROM events WHERE dst_ip IS NOT NULL GROUP BY src_ip, dst_ip, dst_port"),
    ("rare parent and child", "SELECT parent_process, process, count(*) AS n FROM events WHERE parent_process IS NOT NULL GROUP BY parent_process, process HAVING count(*) <= 64"),
    ("logons by source", "SELECT src_ip, logon_type, count(*) AS n FROM events WHERE event_id = '4624' GROUP BY src_ip, logon_type"),
    ("destination ports", "SELECT dst_port, count(*) AS n, count(DISTINCT dst_ip) AS ips FROM events WHERE dst_port IS NOT NULL GROUP BY dst_port"),
    ("events by host and id", "SELECT host, event_id, count(*) AS n FROM events GROUP BY host, event_id"),
    ("encoded commands", "SELECT host, account, command_line, count(*) AS n FROM events WHERE command_line LIKE '%-enc%' GROUP BY host, account, command_line"),
    ("programs per host", "SELECT host, count(DISTINCT process) AS n FROM events GROUP BY host"),
    ("events per hour", "SELECT date_trunc('hour', time) AS hour, count(*) AS n FROM events GROUP BY date_trunc('hour', time)"),
    ("privileged logons", "SELECT account, host, count(*) AS n FROM events WHERE event_id = '4672' GROUP BY account, host"),
    ("bytes by destination", "SELECT dst_ip, sum(bytes_out) AS bytes, count(*) AS n FROM events WHERE bytes_out > 0 GROUP BY dst_ip"),
]

# What hunts leave out: joins, rows themselves, events without a time, texts that are not ASCII.
MORE = [
    ("rows of an hour", "SELECT time, host, kind, event_id, source, sub FROM events WHERE time >= TIMESTAMP '2026-11-21 22:40:00' AND time < TIMESTAMP '2026-11-21 22:41:00'"),
    ("no time", "SELECT kind, count(*) AS n FROM events WHERE time IS NULL GROUP BY kind"),
    ("accounts on two hosts", "SELECT a.account, count(DISTINCT b.host) AS n FROM events a JOIN events b ON a.account = b.account AND a.host <> b.host GROUP BY a.account"),
]
