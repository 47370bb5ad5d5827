//! A stream that fails when its peer takes too long (to send a head, to send the next request, to read an answer) or too
//! much memory: what is read ahead stays with a connection for as long as it lives.

use std::future::Future;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

use super::progress::Progress;

/// How long a peer whose request was answered before it was read has to read that answer. A connection that is closed
/// over unread bytes is reset, and the answer lost with it.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes of one read: less than the HTTP library's buffer, which would grow if a read ever filled it.
const READ: usize = 8191;
/// A larger head makes that buffer grow; only so many connections at a time may have sent one.
const SMALL_HEAD: usize = 16 << 10;
const LARGE_HEADS: usize = 64;

/// Who may send a large head, of all connections of a listener.
pub(super) fn large_heads() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(LARGE_HEADS))
}

/// A connection's stream, held to its progress.
pub(super) struct Timed<S> {
    stream: S,
    progress: Arc<Progress>,
    timer: Pin<Box<Sleep>>,
    large_heads: Arc<Semaphore>,
    large_head: Option<OwnedSemaphorePermit>,
    /// Since when a write has got nowhere.
    stalled: Option<Instant>,
    /// Until when bytes are read only to be thrown away.
    linger: Option<Instant>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Timed<S> {
    pub fn new(stream: S, progress: Arc<Progress>, large_heads: Arc<Semaphore>) -> Self {
        let timer = Box::pin(tokio::time::sleep(LINGER));
        Timed { stream, progress, timer, large_heads, large_head: None, stalled: None, linger: None }
    }

    /// Pending until the deadline, and the task is woken by then.
    fn until(&mut self, deadline: Instant, context: &mut Context<'_>) -> Poll<()> {
        // One timer for all deadlines: it may go off for an earlier one that has passed, never too late.
        if Instant::from(self.timer.deadline()) > deadline {
            self.timer.as_mut().reset(deadline.into());
        }
        while self.timer.as_mut().poll(context).is_ready() {
            if Instant::from(self.timer.deadline()) >= deadline {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(deadline.into());
        }
        Poll::Pending
    }

    /// For so many bytes more.
    fn make_room(&mut self, bytes: usize) -> io::Result<()> {
        if self.progress.read(bytes) > SMALL_HEAD && self.large_head.is_none() {
            let permit = self.large_heads.clone().try_acquire_owned();
            self.large_head = Some(permit.map_err(|_| io::Error::other("too many large heads at a time"))?);
        }
        Ok(())
    }

    fn taken(&mut self, outcome: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if outcome.is_ready() {
            self.progress.wrote();
        }
        self.written(outcome, context)
    }

    /// A write's outcome, unless the peer has read nothing for too long.
    fn written<T>(&mut self, outcome: Poll<io::Result<T>>, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let since = *self.stalled.get_or_insert_with(Instant::now);
        ready!(self.until(since + self.progress.write_time(), context));
        Poll::Ready(Err(too_late("the answer was not read in time")))
    }

    fn drained(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = *self.linger.get_or_insert_with(|| Instant::now() + LINGER);
        let mut scratch = [MaybeUninit::uninit(); 4096];
        loop {
            let mut rest = ReadBuf::uninit(&mut scratch);
            match Pin::new(&mut self.stream).poll_read(context, &mut rest) {
                Poll::Ready(Ok(())) if !rest.filled().is_empty() && Instant::now() < until => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.until(until, context),
            }
        }
    }
}

fn too_late(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut scratch = [MaybeUninit::uninit(); READ];
        let length = READ.min(buffer.remaining());
        let mut bytes = ReadBuf::uninit(&mut scratch[..length]);
        if Pin::new(&mut self.stream).poll_read(context, &mut bytes)?.is_ready() {
            if !bytes.filled().is_empty() {
                self.make_room(bytes.filled().len())?;
                buffer.put_slice(bytes.filled());
            }
            return Poll::Ready(Ok(()));
        }
        let Some(deadline) = self.progress.deadline() else { return Poll::Pending };
        self.until(deadline, context).map(|()| Err(too_late("no request arrived in time")))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.taken(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.taken(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.written(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        ready!(self.written(shut, context))?;
        if self.progress.is_unread() {
            ready!(self.drained(context));
        }
        Poll::Ready(Ok(()))
    }
}
