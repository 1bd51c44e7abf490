//! Lines from a pipe, each of bounded length. What was read of a line is kept when a call is dropped, so that `select!`
//! loses nothing.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Reads lines.
pub(in crate::step) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    /// The line at hand was longer than allowed: the rest of it is read and thrown away.
    cut: bool,
    bytes_max: usize,
}

/// A line without its line feed.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::step) struct Line {
    pub(in crate::step) text: Vec<u8>,
    /// There was more of it.
    pub(in crate::step) cut: bool,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    pub(in crate::step) fn new(input: R, bytes_max: usize) -> Self {
        Self { input: BufReader::with_capacity(64 << 10, input), line: Vec::new(), cut: false, bytes_max }
    }

    /// The next line; `None` at the end. Cancel-safe.
    pub(in crate::step) async fn next(&mut self) -> std::io::Result<Option<Line>> {
        loop {
            let block = self.input.fill_buf().await?;
            if block.is_empty() {
                let rest = !self.line.is_empty() || self.cut;
                return Ok(if rest { Some(self.take()) } else { None });
            }
            let end = memchr::memchr(b'\n', block);
            let part = &block[..end.unwrap_or(block.len())];
            let room = self.bytes_max - self.line.len();
            self.line.extend_from_slice(&part[..part.len().min(room)]);
            self.cut |= part.len() > room;
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                return Ok(Some(self.take()));
            }
        }
    }

    /// Whether the next line is here already.
    pub(in crate::step) fn is_ready(&self) -> bool {
        memchr::memchr(b'\n', self.input.buffer()).is_some()
    }

    fn take(&mut self) -> Line {
        let mut text = std::mem::take(&mut self.line);
        if text.last() == Some(&b'\r') {
            text.pop();
        }
        Line { text, cut: std::mem::take(&mut self.cut) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_cut_at_their_limit_and_the_next_one_is_whole() {
        let mut lines = Lines::new(&b"abc\r\nabcdefgh\n\nend"[..], 5);
        let mut seen = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            seen.push((String::from_utf8(line.text).unwrap(), line.cut));
        }
        let text = |text: &str, cut| (text.to_owned(), cut);
        assert_eq!(seen, [text("abc", false), text("abcde", true), text("", false), text("end", false)]);
    }
}
