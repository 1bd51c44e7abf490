//! Server-sent events of an engine. Nothing is read ahead of what is taken, so a console that is slow holds the stream up at
//! the engine.

use std::time::Duration;

use flexcore_ui::link::LinkError;
use hyper::{Response, body::Incoming};

use super::answer::Reader;
use crate::client::said::{Begun, Said};

/// A stream that is not quiet gives a sign of life every 15 seconds.
const SILENT_MAX: Duration = Duration::from_secs(40);
/// Bytes of a message and of what comes with it; a piece of a stream of events is far below it.
const BYTES_MAX: usize = 32 << 20;

/// A stream that is being read.
pub(super) struct Stream {
    reader: Reader,
    begun: Begun,
    silent_max: Option<Duration>,
}

impl Stream {
    /// `quiet`: it says nothing where nothing happens, and ends with its connection.
    pub(super) fn new(response: Response<Incoming>, quiet: bool) -> Self {
        let silent_max = (!quiet).then_some(SILENT_MAX);
        Self { reader: Reader::new(response, BYTES_MAX), begun: Begun::default(), silent_max }
    }

    /// Waits for something to be said, and gives all that came with it. Dropping it half way loses nothing.
    pub(super) async fn next(&mut self) -> Result<Vec<Said>, LinkError> {
        loop {
            let said = self.begun.take(self.reader.bytes());
            if !said.is_empty() {
                return Ok(said);
            }
            if !self.reader.more(self.silent_max).await? {
                return Err(LinkError::Gone("the engine has ended".into()));
            }
        }
    }
}
