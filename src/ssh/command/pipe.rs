//! What a command writes and reads, between its thread and the client.

use std::io::{self, Read, Write};

use bytes::{Buf, Bytes};
use tokio::{sync::mpsc, task::block_in_place};

/// The largest piece, in bytes.
pub(super) const PIECE_BYTES_MAX: usize = 16 << 10;

/// A piece of what a command says.
pub(super) enum Said {
    /// On its standard output.
    Out(Bytes),
    /// On its standard error.
    Told(Bytes),
}

/// A way out. Writing waits until the client takes it.
pub(super) struct Written {
    pieces: mpsc::Sender<Said>,
    say: fn(Bytes) -> Said,
}

impl Written {
    pub(super) fn out(pieces: mpsc::Sender<Said>) -> Self {
        Self { pieces, say: Said::Out }
    }

    pub(super) fn told(pieces: mpsc::Sender<Said>) -> Self {
        Self { pieces, say: Said::Told }
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let piece = &bytes[..bytes.len().min(PIECE_BYTES_MAX)];
        let said = (self.say)(Bytes::copy_from_slice(piece));
        // A command also writes while the runtime waits for its question: this thread is its own, and may wait.
        let sent = block_in_place(|| self.pieces.blocking_send(said));
        sent.map(|()| piece.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The way in. Reading waits until the client gives something, or says that there is no more.
pub(super) struct Taken {
    given: mpsc::UnboundedReceiver<Result<Bytes, String>>,
    rest: Bytes,
}

impl Taken {
    pub(super) fn new(given: mpsc::UnboundedReceiver<Result<Bytes, String>>) -> Self {
        Self { given, rest: Bytes::new() }
    }
}

impl Read for Taken {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            match block_in_place(|| self.given.blocking_recv()) {
                Some(Ok(bytes)) => self.rest = bytes,
                Some(Err(why)) => return Err(io::Error::other(why)),
                None => return Ok(0),
            }
        }
        let count = self.rest.len().min(buffer.len());
        self.rest.copy_to_slice(&mut buffer[..count]);
        Ok(count)
    }
}
