//! Accepting connections and carrying requests to the handler.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue, RANGE};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::bounds::{Guest, Guests};
use super::{Bounds, Handler, Request, Response};
use crate::error::ServerError;

/// A server that is ready to accept.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<ServerConfig>>,
    bounds: Bounds,
    handler: Arc<dyn Handler>,
}

/// A server at work on threads of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it ends, which it does only when it fails.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Server {
    /// Binds `address`.
    ///
    /// # Errors
    /// [`ServerError::Network`].
    pub fn bind(
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        bounds: Bounds,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, ServerError> {
        let failed = |source| ServerError::Network { action: "listen on", peer: address.to_string(), source };
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, tls, bounds, handler })
    }

    /// Where it listens; the port is a real one when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts accepting on a thread of its own.
    ///
    /// # Errors
    /// [`ServerError::Network`] when the system gives no threads.
    pub fn start(self) -> Result<Running, ServerError> {
        let address = self.address;
        let failed =
            move |source| ServerError::Network { action: "serve", peer: address.to_string(), source };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(8)
            .enable_all()
            .build()
            .map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let run = move || {
            runtime.block_on(self.accept(stopped));
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("http".to_owned()).spawn(run).map_err(failed)?;
        Ok(Running { address, stop: Some(stop), thread: Some(thread) })
    }

    async fn accept(self, mut stopped: oneshot::Receiver<()>) {
        let Ok(listener) = tokio::net::TcpListener::from_std(self.listener) else { return };
        let guests = Guests::default();
        let tls = self.tls.map(TlsAcceptor::from);
        loop {
            let accepted = tokio::select! {
                biased;
                _ = &mut stopped => return,
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, peer)) = accepted else {
                // Out of descriptors: others have to leave first.
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                continue;
            };
            let Some(guest) = guests.admit(peer.ip(), &self.bounds) else { continue };
            let (tls, bounds, handler) = (tls.clone(), self.bounds, self.handler.clone());
            tokio::spawn(timeout(bounds.connection, async move {
                match tls {
                    None => converse(stream, guest, bounds, handler).await,
                    Some(tls) => {
                        if let Ok(Ok(stream)) = timeout(bounds.head, tls.accept(stream)).await {
                            converse(stream, guest, bounds, handler).await;
                        }
                    }
                }
            }));
        }
    }
}

async fn converse<S>(stream: S, guest: Guest, bounds: Bounds, handler: Arc<dyn Handler>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| {
        let handler = handler.clone();
        async move { Ok::<_, Infallible>(encode(answer(request, bounds, handler).await)) }
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head).max_buf_size(bounds.head_bytes.max(8192));
    // A client that breaks off or breaks the rules ends its own connection and nothing else.
    let _ = http.serve_connection(TokioIo::new(stream), service).await;
    drop(guest);
}

async fn answer(request: hyper::Request<Incoming>, bounds: Bounds, handler: Arc<dyn Handler>) -> Response {
    let (head, body) = request.into_parts();
    let body = match timeout(bounds.body, Limited::new(body, bounds.body_bytes).collect()).await {
        Err(_) => return Response::text(408, "the body took too long\n"),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return Response::text(413, "the body is too large\n");
        }
        Ok(Err(_)) => return Response::text(400, "the body cannot be read\n"),
        Ok(Ok(body)) => body.to_bytes().to_vec(),
    };
    let header = |name: HeaderName| head.headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let request = Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        authorization: header(AUTHORIZATION),
        range: header(RANGE),
        body,
    };
    let response = tokio::task::spawn_blocking(move || handler.handle(request)).await;
    response.unwrap_or_else(|_| Response::text(500, "internal error\n"))
}

fn encode(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut out = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *out.status_mut() = hyper::StatusCode::from_u16(response.status).unwrap_or_default();
    out.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            out.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    out
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}
