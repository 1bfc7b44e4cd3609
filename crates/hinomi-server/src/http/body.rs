//! Bodies of answers: whole ones, and those that go on until somebody ends them.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http_body_util::Full;
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::watch;

/// The next part of an answer that goes on, and what comes behind it.
pub(crate) type Next = Pin<Box<dyn Future<Output = Option<(Bytes, Box<dyn Endless>)>> + Send>>;

/// An answer that goes on. It is asked for a part when there is room for one: whoever reads slowly has it wait, and holds
/// nothing but the connection.
pub(crate) trait Endless: Send + 'static {
    /// The next part, or the end.
    fn next(self: Box<Self>) -> Next;
}

/// What is written to a connection.
pub(super) enum Written {
    Whole(Full<Bytes>),
    /// Until it ends, or the server does.
    Going(Option<Next>, watch::Receiver<bool>),
}

/// A part, unless the server stops first.
fn until(mut stop: watch::Receiver<bool>, next: Next) -> Next {
    Box::pin(async move {
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => None,
            part = next => part,
        }
    })
}

impl Written {
    pub(super) fn going(endless: Box<dyn Endless>, stop: watch::Receiver<bool>) -> Self {
        Self::Going(Some(until(stop.clone(), endless.next())), stop)
    }
}

impl Body for Written {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(context),
            Self::Going(slot, stop) => {
                let Some(next) = slot.as_mut() else { return Poll::Ready(None) };
                let part = ready!(next.as_mut().poll(context));
                *slot = None;
                Poll::Ready(part.map(|(bytes, behind)| {
                    *slot = Some(until(stop.clone(), behind.next()));
                    Ok(Frame::data(bytes))
                }))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Going(next, _) => next.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Going(..) => SizeHint::default(),
        }
    }
}
