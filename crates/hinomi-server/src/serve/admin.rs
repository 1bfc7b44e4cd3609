//! Health and figures, for this machine's administrators, on a listener of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::board::Board;
use crate::http::{Handler, Request, Response};
use crate::receive::{Port, Receiving, State, exposition, watch};

/// Answers `/healthz`, `/readyz` and `/metrics`.
pub(super) struct Admin {
    pub(super) receiving: Arc<Receiving>,
    pub(super) ports: Vec<Arc<Port>>,
    pub(super) watches: Vec<Arc<watch::Figures>>,
    pub(super) board: Board,
    /// Whether all listeners are at work.
    pub(super) started: Arc<AtomicBool>,
}

impl Handler for Admin {
    fn handle(&self, request: Request) -> Response {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET" | "HEAD", "/healthz") => Response::text(200, "alive\n"),
            ("GET" | "HEAD", "/readyz") => self.ready(),
            ("GET" | "HEAD", "/metrics") => {
                let figures = exposition(&self.receiving, &self.ports)
                    + &watch::exposition(&self.watches)
                    + &self.board.all();
                let mut response = Response::text(200, figures);
                response.content_type = "text/plain; version=0.0.4; charset=utf-8";
                response
            }
            _ => Response::text(404, "/healthz, /readyz or /metrics\n"),
        }
    }
}

impl Admin {
    fn ready(&self) -> Response {
        match self.receiving.intake.state() {
            State::Ready if self.started.load(Ordering::Acquire) => Response::text(200, "ready\n"),
            State::Ready => Response::text(503, "starting\n"),
            State::Stuck(since) => Response::text(
                503,
                format!("the ledger has taken nothing for {} s; is the disk full?\n", since.as_secs()),
            ),
            // Why is in the journal; who asks here need not see paths.
            State::Failed(_) => Response::text(503, "the ledger has failed; start again\n"),
            State::Stopping => Response::text(503, "stopping\n"),
        }
    }
}
