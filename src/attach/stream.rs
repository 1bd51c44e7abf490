//! Server-sent events of an engine: what it says is cut out of the bytes however they come. Nothing is read ahead of what
//! is taken, so a console that is slow holds the stream up at the engine.

use std::time::Duration;

use flexcore_ui::link::LinkError;
use hyper::{Response, body::Incoming};

use super::answer::Reader;

/// A stream gives a sign of life every 15 seconds.
const SILENT_MAX: Duration = Duration::from_secs(40);
/// Bytes of a message and of what comes with it; a piece of a stream of events is far below it.
const BYTES_MAX: usize = 32 << 20;

/// What a stream says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A message.
    Data(Vec<u8>),
    /// What comes next is not what comes next in the log.
    Gap,
    /// Everything up to here was said.
    Id(u64),
}

/// A stream that is being read.
pub(super) struct Stream {
    reader: Reader,
    begun: Begun,
}

impl Stream {
    pub(super) fn new(response: Response<Incoming>) -> Self {
        Self { reader: Reader::new(response, BYTES_MAX), begun: Begun::default() }
    }

    /// Waits for something to be said, and gives all that came with it. Dropping it half way loses nothing.
    pub(super) async fn next(&mut self) -> Result<Vec<Said>, LinkError> {
        loop {
            let said = self.begun.take(self.reader.bytes());
            if !said.is_empty() {
                return Ok(said);
            }
            if !self.reader.more(SILENT_MAX).await? {
                return Err(LinkError::Gone("the engine has ended".into()));
            }
        }
    }
}

/// What of a message has come.
#[derive(Default)]
struct Begun {
    is_gap: bool,
    id: Option<u64>,
}

impl Begun {
    /// Takes whole lines off. The server writes a message's data as one line.
    fn take(&mut self, bytes: &mut Vec<u8>) -> Vec<Said> {
        let (mut said, mut from) = (Vec::new(), 0);
        while let Some(length) = memchr::memchr(b'\n', &bytes[from..]) {
            let line = &bytes[from..from + length];
            from += length + 1;
            if let Some(id) = line.strip_prefix(b"id: ") {
                self.id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
            } else if line == b"event: gap" {
                self.is_gap = true;
            } else if let Some(data) = line.strip_prefix(b"data: ") {
                said.push(if self.is_gap { Said::Gap } else { Said::Data(data.to_vec()) });
            } else if line.is_empty() {
                self.is_gap = false;
                said.extend(self.id.take().map(Said::Id));
            }
        }
        bytes.drain(..from);
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_understood_however_it_is_cut() {
        let text =
            b": events\n\nid: 7\ndata: {\"a\":1}\n\nid: 9\n: alive\n\nid: 12\nevent: gap\ndata: {}\n\nid: 13\ndata: {}\n\n";
        let data = |text: &str| Said::Data(text.as_bytes().to_vec());
        let whole = [data("{\"a\":1}"), Said::Id(7), Said::Id(9), Said::Gap, Said::Id(12), data("{}"), Said::Id(13)];
        for size in 1..text.len() {
            let (mut begun, mut bytes, mut said) = (Begun::default(), Vec::new(), Vec::new());
            for piece in text.chunks(size) {
                bytes.extend_from_slice(piece);
                said.extend(begun.take(&mut bytes));
            }
            assert_eq!(said, whole, "in pieces of {size}");
            assert!(bytes.is_empty());
        }
    }
}
