//! csv: a header row, then one record a row.

use std::{cell::Cell, io::Read, rc::Rc};

use csv::{ByteRecord, Position, ReaderBuilder};
use flexcore_engine::port::step::{RECORD_BYTES_MAX, StepError};

use super::{
    With,
    columns::Columns,
    emit::{Emit, Stopped},
    input::Opened,
};

/// How far the csv reader reads ahead.
const AHEAD_BYTES: usize = 64 << 10;

pub(super) fn read(opened: Opened, mut emit: Emit<'_>, with: &With) -> Result<(), Stopped> {
    let (offset, number, path) = (opened.offset, opened.number, opened.path.clone());
    let room = Rc::new(Cell::new(0));
    let content = Bounded { inner: opened.into_content(), room: room.clone() };
    let mut reader = ReaderBuilder::new()
        .delimiter(with.delimiter())
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(AHEAD_BYTES)
        .from_reader(content);
    let failed = |error: csv::Error| Stopped::Failed(unreadable(&path, error));
    let refill = || room.set(RECORD_BYTES_MAX + AHEAD_BYTES);
    refill();
    let mut row = ByteRecord::new();
    let names = if with.columns.is_empty() {
        if !reader.read_byte_record(&mut row).map_err(failed)? {
            return Ok(());
        }
        header(&row)
    } else {
        with.columns.clone()
    };
    let unfit = |why| Stopped::Failed(StepError::permanent(format!("{}: {why}", path.display())));
    let columns = Columns::new(names, &with.types).map_err(unfit)?;
    let (mut at, mut line) = (reader.position().byte(), number);
    loop {
        refill();
        if !reader.read_byte_record(&mut row).map_err(failed)? {
            break;
        }
        at = reader.position().byte();
        if at <= offset {
            continue;
        }
        line = row.position().map_or(line, Position::line);
        match columns.object(&row) {
            Ok(json) => emit.record(json.into(), line),
            Err(why) => emit.reject(&raw(&row, with.delimiter()), line, &why),
        }
        emit.passed(at, line)?;
    }
    emit.flush(at, line)
}

fn header(row: &ByteRecord) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    let mut names: Vec<_> = row.iter().map(text).collect();
    if let Some(first) = names.first_mut() {
        *first = first.trim_start_matches('\u{feff}').to_owned();
    }
    names
}

/// A row about as it was written, to be shown.
fn raw(row: &ByteRecord, delimiter: u8) -> Vec<u8> {
    row.iter().collect::<Vec<_>>().join(&delimiter)
}

fn unreadable(path: &std::path::Path, error: csv::Error) -> StepError {
    let place = error.position().map_or(String::new(), |position| format!(" near line {}", position.line()));
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == std::io::ErrorKind::FileTooLarge => {
            StepError::permanent(format!("{}: a row{place} is longer than 16 MiB; perhaps a quote is not closed", path.display()))
        }
        csv::ErrorKind::Io(error) => Opened::failed(path, &error),
        _ => StepError::permanent(format!("{} is not csv{place}", path.display())),
    }
}

/// The csv reader has no limit of its own: a quote that is never closed would take the rest of the file into one row.
struct Bounded<R> {
    inner: R,
    /// Bytes that may be read until the row at hand has ended.
    room: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(out)?;
        let left = self.room.get().checked_sub(count).ok_or(std::io::ErrorKind::FileTooLarge)?;
        self.room.set(left);
        Ok(count)
    }
}
