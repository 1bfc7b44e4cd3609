//! Receivers: can their ports be had, does a server answer there, and does the kernel drop datagrams; tokens.

use std::collections::BTreeSet;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

use hinomi_ledger::Reader;
use hinomi_server::serve::{Configuration, Endpoint, Inspection};

use super::machine::{each, number};
use super::outcome::{Check, both};
use crate::command::serve::TOKENS;
use crate::recorded::open_reader;

/// How long a server of this machine may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Receive buffer of a socket that a burst of datagrams needs.
const BUFFER: u64 = 1 << 20;

/// Looks at every listener; says whether a server is at work.
pub(super) fn look(inspection: &Inspection, checks: &mut Vec<Check>) -> bool {
    let answer = answer(inspection.admin);
    let at_work = answer.is_some();
    checks.push(match answer {
        None => Check::unknown("server", both("none answers at admin.at", "admin.at で応答なし")),
        Some(why) if why.is_empty() => Check::ok("server", both("at work, and ready", "稼働中、受信可能")),
        Some(why) => Check::fail(
            "server",
            each(|ja| {
                if ja {
                    format!("稼働中、受信不可：{why}")
                } else {
                    format!("at work, not ready: {why}")
                }
            }),
            both("the journal of the server says more", "サーバーのログで確認"),
        ),
    });
    for endpoint in &inspection.endpoints {
        checks.push(listener(endpoint, at_work));
    }
    if inspection.endpoints.iter().any(|endpoint| endpoint.datagrams) {
        checks.push(buffers());
        checks.push(drops(inspection));
    }
    at_work
}

/// Why a server at this address is not ready, or nothing where it is; `None` where none answers.
fn answer(at: SocketAddr) -> Option<String> {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(4_096).read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = ask().ok()?;
    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default().trim().to_owned();
    if answer.starts_with("HTTP/1.1 200") && body == "ready" {
        return Some(String::new());
    }
    // Some other program may listen there.
    answer.starts_with("HTTP/1.1 503").then_some(body)
}

fn listener(endpoint: &Endpoint, at_work: bool) -> Check {
    let name = "listener";
    let (at, who) = (endpoint.at, &endpoint.name);
    let bound =
        if endpoint.datagrams { UdpSocket::bind(at).map(drop) } else { TcpListener::bind(at).map(drop) };
    let kind = if endpoint.datagrams { "udp" } else { "tcp" };
    let found = |en: &str, ja: &str| each(|j| format!("{who} {kind} {at}: {}", if j { ja } else { en }));
    match bound.map_err(|error| error.kind()) {
        Ok(()) if at_work && at.port() != 0 => Check::fail(
            name,
            found(
                "the server at work does not listen there",
                "稼働中のサーバーがこのポートで待ち受けていない",
            ),
            both(
                "restart it: listeners are read at the start",
                "再起動する（待ち受けの設定は起動時に読み込まれる）",
            ),
        ),
        Ok(()) => Check::ok(name, found("free", "使用可能")),
        Err(ErrorKind::AddrInUse) if at_work => {
            Check::ok(name, found("in use while a server is at work", "使用中"))
        }
        Err(ErrorKind::AddrInUse) => Check::fail(
            name,
            found(
                "in use, by another program or by a server that does not answer at admin.at",
                "使用中（別のプログラム、または admin.at に応答しないサーバー）",
            ),
            both("ss -lntup says which", "ss -lntup で確認"),
        ),
        Err(ErrorKind::PermissionDenied) => Check::warn(
            name,
            found("this user may not listen there", "このユーザーの権限では待ち受けできない"),
            both(
                "CAP_NET_BIND_SERVICE, or a port from 1024 on",
                "CAP_NET_BIND_SERVICE を付与するか、1024 以上のポートを使う",
            ),
        ),
        Err(ErrorKind::AddrNotAvailable) => Check::fail(
            name,
            found("this machine has no such address", "このマシンのアドレスではない"),
            both("ip addr lists them", "ip addr で確認"),
        ),
        Err(other) => {
            let text = other.to_string();
            Check::fail(name, found(&text, &text), both("see listen.at", "listen.at を確認"))
        }
    }
}

fn buffers() -> Check {
    let name = "udp-buffers";
    match number("/proc/sys/net/core/rmem_default") {
        None => Check::unknown(name, both("the kernel does not say", "カーネルから取得できない")),
        Some(bytes) => {
            let found = each(|_| format!("net.core.rmem_default = {bytes}"));
            if bytes >= BUFFER {
                return Check::ok(name, found);
            }
            let hint = both(
                "sysctl net.core.rmem_default=4194304: bursts of datagrams are lost in smaller ones",
                "sysctl net.core.rmem_default=4194304（小さいと UDP の集中受信時に取りこぼす）",
            );
            Check::warn(name, found, hint)
        }
    }
}

fn drops(inspection: &Inspection) -> Check {
    let name = "udp-drops";
    let ports: BTreeSet<u16> =
        inspection.endpoints.iter().filter(|e| e.datagrams).map(|e| e.at.port()).collect();
    let tables = ["/proc/net/udp", "/proc/net/udp6"];
    let read: Vec<String> = tables.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    if read.is_empty() {
        return Check::unknown(name, both("the kernel does not say", "カーネルから取得できない"));
    }
    let dropped: u64 = read.iter().map(|table| dropped(table, &ports)).sum();
    let found = each(|ja| {
        if ja {
            format!("カーネルが破棄したデータグラム：{dropped} 件")
        } else {
            format!("{dropped} dropped by the kernel")
        }
    });
    if dropped == 0 {
        return Check::ok(name, found);
    }
    let hint = both(
        "larger buffers, or TCP; what was dropped is gone, and only numbered sources show how much",
        "バッファーを拡大するか TCP に切り替える。破棄されたデータは取り戻せない",
    );
    Check::warn(name, found, hint)
}

/// Datagrams that the kernel dropped for these ports, by its table of sockets (proc(5)).
fn dropped(table: &str, ports: &BTreeSet<u16>) -> u64 {
    let of = |line: &str| {
        let mut words = line.split_whitespace();
        let port = u16::from_str_radix(words.nth(1)?.rsplit_once(':')?.1, 16).ok()?;
        let count: u64 = words.last()?.parse().ok()?;
        ports.contains(&port).then_some(count)
    };
    table.lines().skip(1).filter_map(of).sum()
}

/// Tokens that nobody can use, or that nobody has used.
pub(super) fn tokens(configuration: Option<&Configuration>, data: &Path, checks: &mut Vec<Check>) {
    let name = "tokens";
    let file = data.join(TOKENS);
    let text = std::fs::read_to_string(&file).unwrap_or_default();
    let all = match hinomi_server::receive::Token::parse_all(&text) {
        Ok(all) => all,
        Err(error) => {
            let text = format!("{}: {error}", file.display());
            let hint = both("NAME SHA-256 a line", "1 行に「NAME SHA-256」の形で書く");
            checks.push(Check::fail(name, both(&text, &text), hint));
            return;
        }
    };
    let stated = configuration.and_then(|c| c.tokens().ok()).unwrap_or_default();
    let names: BTreeSet<String> = all.into_iter().chain(stated).map(|token| token.name).collect();
    if names.is_empty() {
        let needed = configuration.is_some_and(Configuration::needs_tokens);
        if needed {
            let found = both("there is none, and senders need one", "送信側の認証に使うトークンが一つもない");
            let hint = both("hinomi config token NAME --data DIR", "hinomi config token NAME --data DIR");
            checks.push(Check::warn(name, found, hint));
        }
        return;
    }
    let Ok(watch) = open_reader(data).and_then(|reader: Reader| reader.watch()) else { return };
    let used = |token: &String| {
        watch.tracker().sources().any(|source| {
            let sender = source.split('/').nth(2).map(|s| s.split('@').next().unwrap_or(s));
            sender == Some(token)
        })
    };
    let idle: Vec<&str> = names.iter().filter(|token| !used(token)).map(String::as_str).collect();
    if idle.is_empty() {
        checks.push(Check::ok(name, both("each was used", "すべて使用済み")));
        return;
    }
    let idle = idle.join(", ");
    let found = each(|ja| if ja { format!("未使用：{idle}") } else { format!("never used: {idle}") });
    let hint = both(
        "set the sender up, or take the line out of tokens.txt and send SIGHUP",
        "送信側を設定するか、tokens.txt から該当行を削除して SIGHUP を送る",
    );
    checks.push(Check::warn(name, found, hint));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drops_are_those_of_our_ports() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            10: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 77 2 0000000000000000 41\n\
            11: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 78 2 0000000000000000 9\nshort\n";
        assert_eq!(dropped(table, &BTreeSet::from([5514])), 41);
        assert_eq!(dropped(table, &BTreeSet::from([1])), 0);
    }
}
