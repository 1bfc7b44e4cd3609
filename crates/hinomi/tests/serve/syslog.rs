//! Syslog: framing over connections, datagrams, certificates.

use std::io::Write as _;
use std::net::{TcpStream, UdpSocket};
use std::process::{Command, Stdio};

use crate::support::{Served, certificates};

#[test]
fn lines_and_counted_messages_and_datagrams_share_a_listener() {
    let mut served = Served::start(
        "[[listen]]\nname = \"n\"\nat = \"127.0.0.1:0\"\nreceive = [\"syslog-udp\", \"syslog-tcp\"]\n",
    );
    let at = served.at("n", "syslog-tcp");
    for bytes in
        [&b"<34>Nov 22 10:00:00 fw a\n<34>Nov 22 10:00:01 fw b\n<34>unfinished"[..], b"9 <1>1 a\nb 6 <1>1 c"]
    {
        TcpStream::connect(at).unwrap().write_all(bytes).unwrap();
    }
    served.await_figure("hinomi_events_total", "syslog-tcp", 5);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    for n in 0..100 {
        socket.send_to(format!("<1>datagram {n}\n").as_bytes(), served.at("n", "syslog-udp")).unwrap();
    }
    served.await_figure("hinomi_events_total", "syslog-udp", 100);
    assert_eq!(served.figure("hinomi_source_acknowledged", ""), 0, "nobody is told that anything is durable");
    let records = served.records();
    let mut lines: Vec<_> = records["n/tcp@127.0.0.1"].iter().map(|r| String::from_utf8_lossy(r)).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        ["<1>1 a\nb ", "<1>1 c", "<34>Nov 22 10:00:00 fw a", "<34>Nov 22 10:00:01 fw b", "<34>unfinished"]
    );
    assert_eq!(records["n/udp@127.0.0.1"].len(), 100);
    assert_eq!(records["n/udp@127.0.0.1"][7], b"<1>datagram 7\n");
}

#[test]
fn over_tls_a_sender_is_who_its_certificate_says() {
    let folder = tempfile::TempDir::new().unwrap();
    let Some(()) = certificates(folder.path()) else { return };
    let tls = |name: &str| folder.path().join(name).display().to_string();
    let mut served = Served::start(&format!(
        "[[listen]]\nname = \"s\"\nat = \"127.0.0.1:0\"\nreceive = [\"syslog-tls\"]\nby_address = false\n\
         tls = {{ certificate = {:?}, key = {:?}, clients = {:?} }}\n",
        tls("server.pem"),
        tls("server.key"),
        tls("ca.pem")
    ));
    let at = served.at("s", "syslog-tls").to_string();
    let send = |certificate: &[&str]| {
        let mut args =
            vec!["s_client", "-quiet", "-connect", &at, "-CAfile", "ca.pem", "-verify_return_error"];
        args.extend(certificate);
        let mut client = Command::new("openssl")
            .args(args)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let _ = client.stdin.take().unwrap().write_all(b"5 <1>ab5 <1>cd");
        std::thread::sleep(std::time::Duration::from_millis(500));
        let _ = client.kill();
        client.wait().unwrap();
    };
    send(&["-cert", "client.pem", "-key", "client.key"]);
    served.await_figure("hinomi_events_total", "s", 2);
    send(&[]);
    served.await_figure("hinomi_connections_turned_away_total", "s", 1);
    let records = served.records();
    assert_eq!(records.keys().collect::<Vec<_>>(), ["s/tls/web01.example.jp"]);
}
