//! Scans of a network.

use hinomi_assure::inventory::EntityKind;

use super::*;

const SCAN: &str = include_str!("fixtures/scan.xml");

/// Two hosts are up; of four ports, three are open.
#[test]
fn hosts_and_open_ports_are_read() {
    let (inventory, imported) = read(&[("scan.xml", SCAN)]);
    assert_eq!(rows(&imported[0]), [("host", 2), ("exposure", 3)]);
    assert_eq!((imported[0].passed_over, imported[0].refused), (1, 0));
    assert_eq!(imported[0].known_from.unwrap(), "2026-01-21T12:53:20Z".parse().unwrap());
    assert_eq!(ids(&inventory, EntityKind::Host), ["192.0.2.77", "fs01.corp.example.jp"]);
    assert_eq!(
        ids(&inventory, EntityKind::Exposure),
        ["192.0.2.77:22/tcp", "fs01.corp.example.jp:445/tcp", "fs01.corp.example.jp:8080/tcp"]
    );
    let web = entity(&inventory, EntityKind::Exposure, "fs01.corp.example.jp:8080/tcp");
    let of = |name| value(web, name);
    assert_eq!(
        (of("addresses"), of("port"), of("service"), of("product")),
        ("192.0.2.20".into(), "8080".into(), "http".into(), "Jetty".into())
    );
    assert_eq!(of("last_seen"), "2026-01-21T12:53:40Z");
    assert_eq!((web.place.line, web.list.is_register), (5, false));
}
