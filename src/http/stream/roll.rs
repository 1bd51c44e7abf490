//! What readers of one kind are sent, printed once: sheets of events, of which each begins where the one before ends.

use std::collections::VecDeque;

use axum::body::Bytes;
use flexcore_engine::{
    event::Envelope,
    id::Position,
    port::store::{Filter, Page, ReadError, Store},
};

use crate::http::wire::events::write;

/// The most bytes of sheets that are kept, and for each reader; at least the newest sheet is.
const BYTES_MAX: usize = 1 << 20;
const BYTES_EACH: usize = 16 << 10;
/// The most sheets.
const SHEETS_MAX: usize = 4_096;
/// Whoever is more than so many positions ahead begins a roll anew.
const AHEAD_MAX: u64 = 1_024;
/// Bytes after which a sheet ends; what is larger waits for the reader.
const SHEET_BYTES: usize = 64 << 10;
/// The most events of a sheet.
const EVENTS_MAX: usize = 256;
/// The most segments of the log that a sheet is filled from: of what a filter lets pass there may be little.
const SEGMENTS_MAX: usize = 64;

/// A piece of a stream, and up to where it goes. It may be empty: nothing passed.
pub(super) type Piece = (Bytes, Position);

/// The newest sheets.
#[derive(Default)]
pub(super) struct Roll {
    sheets: VecDeque<Sheet>,
    bytes: usize,
}

struct Sheet {
    after: Position,
    seen: Position,
    text: Bytes,
    /// Where each event begins in the text.
    begins: Vec<(Position, usize)>,
}

impl Roll {
    /// What is there for a reader: of one sheet, or of several until there are as many bytes as a sheet has.
    pub(super) fn piece(&self, after: Position) -> Option<Piece> {
        let first = self.sheets.partition_point(|sheet| sheet.seen <= after);
        let sheet = self.sheets.get(first).filter(|sheet| sheet.after <= after)?;
        let text = sheet.text_after(after);
        let (mut bytes, mut end) = (text.len(), first + 1);
        while end < self.sheets.len() && bytes < SHEET_BYTES {
            bytes += self.sheets[end].text.len();
            end += 1;
        }
        if end == first + 1 {
            return Some((text, sheet.seen));
        }
        // Not a byte more than it takes: there is one for each reader, until its line has taken it.
        let mut out = Vec::with_capacity(bytes);
        out.extend_from_slice(&text);
        self.sheets.range(first + 1..end).for_each(|sheet| out.extend_from_slice(&sheet.text));
        Some((out.into(), self.sheets[end - 1].seen))
    }

    /// Whether a reader there is to print the next sheet: one that is behind all sheets has what it needs printed for itself.
    pub(super) fn is_next(&self, after: Position) -> bool {
        self.sheets.back().is_none_or(|last| last.seen <= after)
    }

    /// Prints the next sheet, for readers that are so many.
    pub(super) async fn print(
        &mut self,
        store: &dyn Store,
        filter: &Filter,
        after: Position,
        readers: usize,
    ) -> Result<(), ReadError> {
        let near = |seen: &Position| after.0.saturating_sub(seen.0) <= AHEAD_MAX;
        let last = self.sheets.back().map(|last| last.seen).filter(near);
        if last.is_none() {
            self.clear();
        }
        let from = last.unwrap_or(after);
        match Sheet::read(store, filter, from).await {
            Ok(sheet) => self.push(sheet, readers),
            // That is no loss of the reader's: the next sheet begins where it is.
            Err(ReadError::Truncated { .. }) if from != after => self.clear(),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn clear(&mut self) {
        (self.sheets, self.bytes) = (VecDeque::new(), 0);
    }

    fn push(&mut self, sheet: Sheet, readers: usize) {
        if sheet.seen <= sheet.after {
            return;
        }
        self.bytes += sheet.text.len();
        self.sheets.push_back(sheet);
        let max = BYTES_MAX.min(BYTES_EACH * readers);
        while (self.bytes > max || self.sheets.len() > SHEETS_MAX) && self.sheets.len() > 1 {
            self.bytes -= self.sheets.pop_front().map_or(0, |sheet| sheet.text.len());
        }
    }
}

impl Sheet {
    /// Of what comes after a position. The log gives out what one of its segments holds, which may be an event or two where
    /// many read along; whoever gets a sheet rests after it, so it is filled from as many as it takes.
    async fn read(store: &dyn Store, filter: &Filter, after: Position) -> Result<Self, ReadError> {
        let (head, mut text, mut begins, mut seen) = (store.head(), Vec::new(), Vec::new(), after);
        for _ in 0..SEGMENTS_MAX {
            let page = match store.read_some(seen, filter, EVENTS_MAX - begins.len()).await {
                Ok(page) => page,
                // What retention drops meanwhile is for the next one to tell.
                Err(_) if seen > after => break,
                Err(error) => return Err(error),
            };
            seen = add(&mut text, &mut begins, &page);
            if seen >= head || text.len() >= SHEET_BYTES || begins.len() >= EVENTS_MAX {
                break;
            }
        }
        Ok(Self { after, seen, text: text.into(), begins })
    }

    fn text_after(&self, after: Position) -> Bytes {
        let next = self.begins.partition_point(|(position, _)| *position <= after);
        self.begins.get(next).map_or_else(Bytes::new, |(_, begin)| self.text.slice(begin..))
    }
}

/// A piece for one reader alone.
pub(super) async fn own(store: &dyn Store, filter: &Filter, after: Position) -> Result<Piece, ReadError> {
    let sheet = Sheet::read(store, filter, after).await?;
    Ok((sheet.text, sheet.seen))
}

/// Prints as much of a page as is enough for a sheet, and says where that ends.
fn add(text: &mut Vec<u8>, begins: &mut Vec<(Position, usize)>, page: &Page) -> Position {
    for envelope in &*page.events {
        if let Some((last, _)) = begins.last().filter(|_| text.len() >= SHEET_BYTES) {
            return *last;
        }
        begins.push((envelope.position, text.len()));
        print(text, envelope);
    }
    page.seen
}

/// Writes an event as streams have it.
fn print(out: &mut Vec<u8>, envelope: &Envelope) {
    out.extend_from_slice(format!("id: {}\ndata: ", envelope.position).as_bytes());
    write(out, envelope);
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use flexcore_engine::{
        event::{EventType, NewEvent},
        id::{Actor, CorrelationId, EventId, StreamName},
        port::store::{Expected, StreamAppend},
        store::memory::{Limits, MemoryLog},
    };
    use jiff::Timestamp;

    use super::*;

    fn append(log: &MemoryLog, count: u64) {
        for number in 0..count {
            let event = NewEvent {
                id: EventId::fresh(),
                kind: EventType(if number.is_multiple_of(3) { "third" } else { "other" }.into()),
                data: format!("\"{}\"", "a".repeat(number as usize % 900)).into(),
                at: Timestamp::UNIX_EPOCH,
                actor: Actor::Engine,
                correlation: CorrelationId::fresh(),
                cause: None,
            };
            let stream = StreamName("x".into());
            log.append_now(vec![StreamAppend { stream, expected: Expected::Any, events: vec![event] }]).unwrap();
        }
    }

    async fn plain(log: &MemoryLog, filter: &Filter, after: Position) -> Vec<u8> {
        let mut out = Vec::new();
        let page = log.read(after, filter, 4_096).await.unwrap();
        page.events.iter().for_each(|envelope| print(&mut out, envelope));
        out
    }

    /// Reads on from a position as a reader does.
    async fn read(roll: &mut Roll, log: &MemoryLog, filter: &Filter, mut after: Position) -> Vec<u8> {
        let mut out = Vec::new();
        while after < log.head() {
            let (text, seen) = match roll.piece(after) {
                Some(piece) => piece,
                None if roll.is_next(after) => {
                    roll.print(log, filter, after, 3).await.unwrap();
                    continue;
                }
                None => own(log, filter, after).await.unwrap(),
            };
            assert!(seen > after);
            out.extend_from_slice(&text);
            after = seen;
        }
        out
    }

    #[tokio::test]
    async fn wherever_readers_are_they_get_what_the_log_has() {
        let log = MemoryLog::new(Limits { events_max: 100_000, bytes_max: 1 << 30 });
        for filter in [Filter::default(), Filter { types: vec!["third".into()], ..Filter::default() }] {
            let mut roll = Roll::default();
            for _ in 0..4 {
                append(&log, 700);
                let head = log.head().0;
                for behind in [3, 0, 1, 650, 2, 700, 1_200, 20] {
                    let after = Position(head.saturating_sub(behind));
                    assert!(read(&mut roll, &log, &filter, after).await == plain(&log, &filter, after).await, "{behind} behind");
                }
            }
        }
    }

    /// Whoever reads along seals the segment that grows, so there are as many segments as events here.
    #[tokio::test]
    async fn a_sheet_is_filled_however_small_the_segments_of_the_log_are() {
        let (log, filter) = (MemoryLog::new(Limits { events_max: 100_000, bytes_max: 1 << 30 }), Filter::default());
        for at in 0..40 {
            append(&log, 1);
            log.read_some(Position(at), &filter, 1).await.unwrap();
        }
        let mut roll = Roll::default();
        roll.print(&log, &filter, Position(0), 1).await.unwrap();
        assert_eq!(roll.piece(Position(0)).map(|(_, seen)| seen), Some(Position(40)));
    }

    #[tokio::test]
    async fn no_more_is_kept_than_readers_need() {
        let (log, filter) = (MemoryLog::new(Limits { events_max: 100_000, bytes_max: 1 << 30 }), Filter::default());
        let mut roll = Roll::default();
        append(&log, 3_000);
        read(&mut roll, &log, &filter, Position(0)).await;
        assert!(roll.bytes <= 3 * BYTES_EACH + SHEET_BYTES + 1_024 && !roll.sheets.is_empty());
        assert_eq!(roll.bytes, roll.sheets.iter().map(|sheet| sheet.text.len()).sum::<usize>());
    }

    #[tokio::test]
    async fn what_retention_dropped_is_told_to_whom_it_concerns() {
        let (log, filter) = (MemoryLog::new(Limits { events_max: 100_000, bytes_max: 1 << 30 }), Filter::default());
        let mut roll = Roll::default();
        append(&log, 10);
        read(&mut roll, &log, &filter, Position(0)).await;
        append(&log, 100);
        log.truncate(Position(50), &[]).await.unwrap();
        let mut behind = Roll::default();
        assert!(matches!(behind.print(&log, &filter, Position(10), 1).await, Err(ReadError::Truncated { .. })));
        let after = Position(100);
        assert!(read(&mut roll, &log, &filter, after).await == plain(&log, &filter, after).await);
    }
}
