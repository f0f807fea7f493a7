//! The writing half of a connection: a queue of bytes and what comes after them.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncWriteExt, WriteHalf};

use super::stream::Stream;

pub(super) struct Outlet {
    half: WriteHalf<Stream>,
    queue: VecDeque<Vec<u8>>,
    /// Bytes of the first piece that are written.
    written: usize,
    /// Bytes that are queued, for the session to see.
    backlog: Arc<AtomicUsize>,
    needs_flush: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// To be shut when the queue is empty.
    Shutting,
    /// Shut, or broken: nothing more is written.
    Shut,
}

impl Outlet {
    pub(super) fn new(half: WriteHalf<Stream>, backlog: Arc<AtomicUsize>) -> Self {
        Self { half, queue: VecDeque::new(), written: 0, backlog, needs_flush: false, state: State::Open }
    }

    pub(super) fn write(&mut self, bytes: Vec<u8>) {
        if self.state == State::Open && !bytes.is_empty() {
            self.queue.push_back(bytes);
        } else {
            self.backlog.fetch_sub(bytes.len(), Ordering::Relaxed);
        }
    }

    /// Ends the half after what was written so far.
    pub(super) fn shut(&mut self) {
        if self.state == State::Open {
            self.state = State::Shutting;
        }
    }

    /// Forgets what is not written yet.
    pub(super) fn give_up(&mut self) {
        self.state = State::Shut;
        self.needs_flush = false;
        let forgotten = self.queue.drain(..).map(|piece| piece.len()).sum::<usize>() - std::mem::take(&mut self.written);
        self.backlog.fetch_sub(forgotten, Ordering::Relaxed);
    }

    pub(super) fn has_work(&self) -> bool {
        !self.queue.is_empty() || self.needs_flush || self.state == State::Shutting
    }

    /// Does the next thing that is to be done. Loses nothing when it is not waited for to the end.
    pub(super) async fn push(&mut self) -> io::Result<()> {
        if let Some(piece) = self.queue.front() {
            let count = self.half.write(&piece[self.written..]).await?;
            return self.count(count);
        }
        if self.needs_flush {
            self.half.flush().await?;
            self.needs_flush = false;
        } else if self.state == State::Shutting {
            self.half.shutdown().await?;
            self.state = State::Shut;
        }
        Ok(())
    }

    pub(super) fn into_half(self) -> WriteHalf<Stream> {
        self.half
    }

    fn count(&mut self, count: usize) -> io::Result<()> {
        if count == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.backlog.fetch_sub(count, Ordering::Relaxed);
        self.needs_flush = true;
        self.written += count;
        if self.queue.front().is_some_and(|piece| piece.len() == self.written) {
            self.queue.pop_front();
            self.written = 0;
        }
        Ok(())
    }
}
