//! ndjson: one JSON value a line. Lines are slices of the blocks that were read, so no line is copied.

use std::io::Read;

use bytes::{Bytes, BytesMut};
use flexcore_engine::port::step::RECORD_BYTES_MAX;

use super::{
    emit::{Emit, Stopped},
    input::{Content, Opened},
};

const BLOCK_BYTES: usize = 256 << 10;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

pub(super) fn read(opened: Opened, emit: Emit<'_>) -> Result<(), Stopped> {
    let (offset, number, path) = (opened.offset, opened.number, opened.path.clone());
    let failed = |error| Stopped::Failed(Opened::failed(&path, &error));
    let mut content = opened.into_content();
    content.skip(offset).map_err(failed)?;
    let mut lines = Lines { emit, offset, number, held: BytesMut::new(), too_long: None };
    while lines.fill(&mut content).map_err(failed)? {
        lines.whole_lines()?;
    }
    lines.last()
}

struct Lines<'a> {
    emit: Emit<'a>,
    /// Of the next line's first byte.
    offset: u64,
    /// Lines done.
    number: u64,
    /// Read, and not yet a whole line.
    held: BytesMut,
    /// The beginning of a line that is too long, whose end has not come yet.
    too_long: Option<Bytes>,
}

impl Lines<'_> {
    /// Reads a block. `false`: the end of the file.
    fn fill(&mut self, content: &mut Content) -> std::io::Result<bool> {
        let filled = self.held.len();
        self.held.resize(filled + BLOCK_BYTES, 0);
        let count = loop {
            match content.read(&mut self.held[filled..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.held.truncate(filled + count.as_ref().copied().unwrap_or(0));
        count.map(|count| count > 0)
    }

    fn whole_lines(&mut self) -> Result<(), Stopped> {
        if let Some(end) = memchr::memrchr(b'\n', &self.held) {
            let block = self.held.split_to(end + 1).freeze();
            let mut start = 0;
            for end in memchr::memchr_iter(b'\n', &block) {
                self.line(block.slice(start..end), 1)?;
                start = end + 1;
            }
        }
        if self.held.len() > RECORD_BYTES_MAX {
            let part = self.held.split().freeze();
            self.offset += part.len() as u64;
            self.too_long.get_or_insert_with(|| part.slice(..64));
        }
        Ok(())
    }

    fn line(&mut self, line: Bytes, line_feed: u64) -> Result<(), Stopped> {
        let first = self.offset == 0;
        self.offset += line.len() as u64 + line_feed;
        self.number += 1;
        let line = if first && line.starts_with(BYTE_ORDER_MARK) { line.slice(BYTE_ORDER_MARK.len()..) } else { line };
        match self.too_long.take() {
            Some(begin) => self.emit.reject(&begin, self.number, "the line is longer than 16 MiB"),
            None if line.len() > RECORD_BYTES_MAX => {
                self.emit.reject(&line[..64], self.number, "the line is longer than 16 MiB");
            }
            None => self.value(&line, line_feed == 0),
        }
        self.emit.passed(self.offset, self.number)
    }

    fn value(&mut self, line: &Bytes, torn: bool) {
        let text = line.slice_ref(line.trim_ascii());
        match crate::step::json::check(&text) {
            _ if text.is_empty() => {}
            Ok(()) => self.emit.record(text, self.number),
            Err(why) if torn => {
                self.emit.reject(&text, self.number, &format!("the last line is torn (it has no line feed): {why}"));
            }
            Err(why) => self.emit.reject(&text, self.number, &why),
        }
    }

    fn last(mut self) -> Result<(), Stopped> {
        let rest = self.held.split().freeze();
        if !rest.is_empty() || self.too_long.is_some() {
            self.line(rest, 0)?;
        }
        self.emit.flush(self.offset, self.number)
    }
}
