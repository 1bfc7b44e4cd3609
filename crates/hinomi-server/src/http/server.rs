//! Carrying requests to whoever answers them.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::body::Written;
use super::{Admission, Endless, InParts, Reply, Request, Response, Room as _, Service};
use crate::error::ServerError;
use crate::listen::{Bounds, Connections, Guest, Listener, Peer};

/// A server that is ready to accept.
#[derive(Debug)]
pub struct Server<H> {
    listener: Listener,
    conversation: Arc<Conversation<H>>,
}

/// A server at work on threads of its own. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
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
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[expect(private_bounds, reason = "what serves is made in this crate; others give a Handler")]
impl<H: Service> Server<H> {
    /// Binds `address`.
    ///
    /// # Errors
    /// [`ServerError::Network`].
    pub fn bind(
        address: SocketAddr,
        tls: Option<Arc<ServerConfig>>,
        bounds: Bounds,
        handler: Arc<H>,
    ) -> Result<Self, ServerError> {
        Ok(Self::on(Listener::bind(address, tls, bounds)?, bounds, handler))
    }

    /// On what is bound.
    pub(crate) fn on(listener: Listener, bounds: Bounds, service: Arc<H>) -> Self {
        Self { listener, conversation: Arc::new(Conversation { bounds, service }) }
    }

    /// Where it listens; the port is a real one when 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Starts accepting on a thread of its own.
    ///
    /// # Errors
    /// [`ServerError::Network`] when the system gives no threads.
    pub fn start(self) -> Result<Running, ServerError> {
        let address = self.address();
        let failed =
            move |source| ServerError::Network { action: "serve", peer: address.to_string(), source };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(8)
            .enable_all()
            .build()
            .map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let run = move || {
            runtime.block_on(self.listener.accept(stopped, self.conversation));
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().name("http".to_owned()).spawn(run).map_err(failed)?;
        Ok(Running { address, stop, thread: Some(thread) })
    }
}

/// What is done with connections that speak HTTP.
#[derive(Debug)]
pub(crate) struct Conversation<S> {
    pub(crate) bounds: Bounds,
    pub(crate) service: Arc<S>,
}

impl<H: Service> Connections for Conversation<H> {
    async fn converse<S>(
        self: Arc<Self>,
        stream: S,
        peer: Peer,
        guest: Guest,
        mut stop: watch::Receiver<bool>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (bounds, service) = (self.bounds, self.service.clone());
        let in_parts = Arc::new(AtomicBool::new(false));
        let reading = Reading { bounds, stop: stop.clone(), in_parts: in_parts.clone() };
        let service = service_fn(move |request| {
            let (service, peer, reading) = (service.clone(), peer.clone(), reading.clone());
            let stop = reading.stop.clone();
            async move { Ok::<_, Infallible>(encode(answer(request, peer, reading, service).await, stop)) }
        });
        let mut http = hyper::server::conn::http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(bounds.head)
            .max_buf_size(bounds.head_bytes.max(8192));
        let mut connection = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
        // A client that breaks off or breaks the rules ends its own connection and nothing else.
        tokio::select! {
            _ = connection.as_mut() => {}
            () = async { tokio::select! { _ = stop.wait_for(|stop| *stop) => {}, () = sleep(bounds.connection) => {} } } => {
                // What is being answered is answered; a client that does not take it is left, but not one that brings a long body.
                connection.as_mut().graceful_shutdown();
                let patience = bounds.body + bounds.head;
                while timeout(patience, connection.as_mut()).await.is_err() && in_parts.load(Ordering::Acquire) {}
            }
        }
        drop(guest);
    }

    fn let_in(&self) {
        self.service.let_in();
    }

    fn turned_away(&self, address: SocketAddr, why: &str) {
        self.service.turned_away(address.ip(), why);
    }
}

/// How bodies are read on a connection.
#[derive(Clone)]
struct Reading {
    bounds: Bounds,
    stop: watch::Receiver<bool>,
    /// A body is being taken in parts.
    in_parts: Arc<AtomicBool>,
}

async fn answer<S: Service>(
    request: hyper::Request<Incoming>,
    peer: Peer,
    reading: Reading,
    service: Arc<S>,
) -> Answer {
    let bounds = reading.bounds;
    let (head, body) = request.into_parts();
    let mut request = Request {
        method: head.method.as_str().to_owned(),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body: Bytes::new(),
        address: peer.address.ip(),
        certificate: peer.certificate,
        headers: head.headers,
    };
    let mut room = match service.admit(&request) {
        Ok(Admission::Whole(room)) => room,
        Ok(Admission::InParts(parts)) => {
            reading.in_parts.store(true, Ordering::Release);
            let response = read_in_parts(body, &reading, parts).await;
            reading.in_parts.store(false, Ordering::Release);
            return response.into();
        }
        Err(refused) => return refused.into(),
    };
    let read = read(body, bounds.body_bytes, |bytes| room.take(bytes));
    match timeout(bounds.body, read).await {
        Err(_) => return Response::text(408, "the body took too long\n").into(),
        Ok(Err(Unread::TooLarge)) => return service.too_large().into(),
        Ok(Err(Unread::NoRoom)) => return service.no_room(&room).into(),
        Ok(Err(Unread::Broken)) => return Response::text(400, "the body cannot be read\n").into(),
        Ok(Ok(body)) => request.body = body,
    }
    let reply = tokio::task::spawn_blocking(move || service.answer(request, room)).await;
    match reply {
        Ok(Reply::Now(response)) => response.into(),
        Ok(Reply::Going(head, behind)) => Answer { head, behind: Some(behind) },
        Ok(Reply::Later(response)) => response.await.into(),
        Err(_) => Response::text(500, "internal error\n").into(),
    }
}

/// An answer, and what goes on behind it.
struct Answer {
    head: Response,
    behind: Option<Box<dyn Endless>>,
}

impl From<Response> for Answer {
    fn from(head: Response) -> Self {
        Self { head, behind: None }
    }
}

/// Hands on a body as it comes.
async fn read_in_parts(mut body: Incoming, reading: &Reading, mut parts: Box<dyn InParts>) -> Response {
    let mut stop = reading.stop.clone();
    loop {
        let frame = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => return parts.broken_off(503, "the server stops"),
            frame = timeout(reading.bounds.body, body.frame()) => frame,
        };
        let data = match frame {
            Err(_) => return parts.broken_off(408, "nothing more of the body came"),
            Ok(None) => return parts.end().await,
            Ok(Some(Err(_))) => return parts.broken_off(400, "the body cannot be read"),
            Ok(Some(Ok(frame))) => frame.into_data().unwrap_or_default(),
        };
        if let Err(response) = parts.take(data).await {
            return response;
        }
    }
}

/// Why a body was not read.
enum Unread {
    TooLarge,
    NoRoom,
    Broken,
}

/// Reads a body within bounds. Room is taken for the length that it states, else as it comes.
async fn read(mut body: Incoming, most: usize, mut take: impl FnMut(usize) -> bool) -> Result<Bytes, Unread> {
    let stated = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if stated > most {
        return Err(Unread::TooLarge);
    }
    if !take(stated) {
        return Err(Unread::NoRoom);
    }
    let mut taken = stated;
    let mut whole = Vec::with_capacity(stated);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else { continue };
        let length = whole.len() + data.len();
        if length > most {
            return Err(Unread::TooLarge);
        }
        if length > taken {
            if !take(length - taken) {
                return Err(Unread::NoRoom);
            }
            taken = length;
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.into())
}

fn encode(answer: Answer, stop: watch::Receiver<bool>) -> hyper::Response<Written> {
    let Answer { head: response, behind } = answer;
    let body = match behind {
        Some(behind) => Written::going(behind, stop),
        None => Written::Whole(Full::new(Bytes::from(response.body))),
    };
    let mut out = hyper::Response::new(body);
    *out.status_mut() = hyper::StatusCode::from_u16(response.status).unwrap_or_default();
    out.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(response.content_type));
    for (name, value) in response.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            out.headers_mut().append(HeaderName::from_static(name), value);
        }
    }
    out
}
