//! The page and what it may do.

use crate::world::{request, world};

#[test]
fn the_page_is_there_and_may_load_nothing_from_elsewhere() {
    let world = world();
    let page = world.send(&request("GET", "/"));
    assert_eq!((page.status, page.response.content_type), (200, "text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "require-trusted-types-for 'script'",
    ] {
        assert!(policy.contains(part), "{part}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("http"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let packed = world.send(&request("GET", "/").with("accept-encoding", "br, gzip;q=1.0"));
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert!(packed.response.body.starts_with(&[0x1f, 0x8b]));
}

#[test]
fn there_are_no_other_files() {
    let world = world();
    for path in ["/../Cargo.toml", "/%2e%2e/Cargo.toml", "/index.html/", "//", "/etc/passwd", "/assets/"] {
        assert_eq!(world.send(&request("GET", path)).status, 404, "{path}");
    }
    assert_eq!(world.send(&request("POST", "/")).status, 405);
    let elsewhere = world.send(&request("GET", "/").with("host", "192.0.2.1:9080"));
    assert_eq!((elsewhere.status, elsewhere.header("location")), (307, Some("https://hinomi.example.jp/")));
}
