//! A stream of server-sent events, cut into what it says.

/// The longest line of a stream: an event is far below it.
const LINE_BYTES_MAX: usize = 8 << 20;

/// What a stream of server-sent events says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    Event(Vec<u8>),
    Gap(String),
    /// Everything up to here was looked at.
    Id(u64),
}

/// Cuts a stream into what it says. The server writes a message's data as one line.
#[derive(Default)]
pub(super) struct Lines {
    begun: Vec<u8>,
    is_gap: bool,
    id: Option<u64>,
}

impl Lines {
    pub(super) fn take(&mut self, chunk: &[u8]) -> Result<Vec<Line>, String> {
        self.begun.extend_from_slice(chunk);
        let mut said = Vec::new();
        let mut from = 0;
        while let Some(length) = memchr::memchr(b'\n', &self.begun[from..]) {
            let line = &self.begun[from..from + length];
            from += length + 1;
            if let Some(id) = line.strip_prefix(b"id: ") {
                self.id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
            } else if line == b"event: gap" {
                self.is_gap = true;
            } else if let Some(data) = line.strip_prefix(b"data: ") {
                said.push(if self.is_gap {
                    Line::Gap(String::from_utf8_lossy(data).into_owned())
                } else {
                    Line::Event(data.to_vec())
                });
            } else if line.is_empty() {
                self.is_gap = false;
                said.extend(self.id.take().map(Line::Id));
            }
        }
        self.begun.drain(..from);
        if self.begun.len() > LINE_BYTES_MAX { Err(format!("a line of more than {LINE_BYTES_MAX} bytes")) } else { Ok(said) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_understood_however_it_is_cut() {
        let text = b"id: 7\ndata: {\"a\":1}\n\nid: 9\n: alive\n\nid: 12\nevent: gap\ndata: {}\n\nid: 13\ndata: {}\n\n";
        let event = |text: &str| Line::Event(text.as_bytes().to_vec());
        let whole =
            [event("{\"a\":1}"), Line::Id(7), Line::Id(9), Line::Gap("{}".into()), Line::Id(12), event("{}"), Line::Id(13)];
        for size in 1..text.len() {
            let mut lines = Lines::default();
            let said: Vec<Line> = text.chunks(size).flat_map(|chunk| lines.take(chunk).unwrap()).collect();
            assert_eq!(said, whole, "in pieces of {size}");
        }
    }
}
