//! A door on this machine: a Unix socket that only its owner may use, one question and one answer a connection.
//!
//! # Trust
//! Who may open the socket is who may read the data directory. Questions are bounded in length and time all the same.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Longest question.
const LONGEST: usize = 16 * 1024;
/// Time for a question.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time for an answer to be made and read.
const ANSWER: Duration = Duration::from_secs(30);
/// Connections at a time.
const MOST: usize = 8;

/// Answers the question of a user of this machine.
pub type Answering = Arc<dyn Fn(Option<u32>, &str) -> String + Send + Sync>;

/// An open door.
#[derive(Debug)]
pub struct LocalServer {
    runtime: Option<Runtime>,
    path: std::path::PathBuf,
}

impl LocalServer {
    /// Opens it at a path, whose folder nobody else may enter. What a server before left there is replaced.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path, answering: Answering) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .thread_name("local")
            .worker_threads(1)
            .max_blocking_threads(MOST)
            .enable_all()
            .build()?;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = {
            let _within = runtime.enter();
            UnixListener::bind(path)?
        };
        std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
        runtime.spawn(accept(listener, answering));
        Ok(Self { runtime: Some(runtime), path: path.to_owned() })
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: UnixListener, answering: Answering) {
    let room = Arc::new(Semaphore::new(MOST));
    while let Ok(place) = room.clone().acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            // No descriptors, for instance.
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        };
        let answering = answering.clone();
        tokio::spawn(async move {
            // Whoever asks sees how it ends.
            let _ = converse(stream, answering).await;
            drop(place);
        });
    }
}

async fn converse(stream: UnixStream, answering: Answering) -> io::Result<()> {
    let uid = stream.peer_cred().ok().map(|who| who.uid());
    let question = timeout(PATIENCE, read_line(&stream)).await.map_err(io::Error::other)??;
    let answer = tokio::task::spawn_blocking(move || answering(uid, &question)).await?;
    let answer = format!("{answer}\n");
    timeout(ANSWER, write_all(&stream, answer.as_bytes())).await.map_err(io::Error::other)?
}

async fn read_line(stream: &UnixStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut piece = [0; 1024];
    loop {
        stream.readable().await?;
        match stream.try_read(&mut piece) {
            Ok(0) => return Err(io::Error::other("the question does not end")),
            Ok(read) => bytes.extend_from_slice(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        }
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            bytes.truncate(end);
            return String::from_utf8(bytes).map_err(io::Error::other);
        }
        if bytes.len() > LONGEST {
            return Err(io::Error::other("the question is too long"));
        }
    }
}

async fn write_all(stream: &UnixStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::unix::net::UnixStream as Client;

    use super::*;

    #[test]
    fn answers_its_owner_and_survives_strange_questions() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("door");
        let answering: Answering = Arc::new(|uid, question: &str| format!("{uid:?} {question}"));
        let _door = LocalServer::open(&path, answering).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let ask = |question: &[u8]| {
            let mut client = Client::connect(&path).unwrap();
            let _ = client.write_all(question);
            let _ = client.shutdown(std::net::Shutdown::Write);
            let mut answer = String::new();
            let _ = client.read_to_string(&mut answer);
            answer
        };
        let long = vec![b'x'; 100_000];
        for strange in [&b"no end"[..], &long, b"\xff\xfe\n", b""] {
            assert_eq!(ask(strange), "");
        }
        let answer = ask(b"one\ntwo\n");
        assert!(answer.starts_with("Some(") && answer.ends_with(") one\n"), "{answer}");
    }
}
