//! Torn writes: what a power failure leaves behind the last batch that was written. What was written stays: it may have been
//! acknowledged.

use std::{
    fs::{self, OpenOptions},
    io::Read,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::dice::Dice;

const HEADER_BYTES: usize = 64;
const FRAME_BYTES: usize = 9;
const COMMIT: u8 = 4;

/// Damages the end of a journal's newest segment, perhaps; whether it did.
pub(crate) fn tear(folder: &Path, dice: &mut Dice) -> Result<bool, String> {
    if !dice.once_in(3) {
        return Ok(false);
    }
    let Some(path) = newest(folder)? else { return Ok(false) };
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let bytes = fs::read(&path).map_err(failed)?;
    let Some(Batches { last, end }) = batches(&bytes) else { return Ok(false) };
    let file = OpenOptions::new().write(true).open(&path).map_err(failed)?;
    let whole = &bytes[last..end];
    let torn = match dice.between(0, 3) {
        // Another batch, of which only the beginning was written.
        0 => whole[..dice.between(1, whole.len() as u64 - 1) as usize].to_vec(),
        // What an earlier write has left: whole, and not of this place.
        1 => whole.to_vec(),
        2 => {
            let count = dice.between(1, 700) as usize;
            dice.bytes(count)
        }
        // The room behind it was never made.
        _ => {
            file.set_len(end as u64).map_err(failed)?;
            return Ok(true);
        }
    };
    file.write_all_at(&torn, end as u64).map_err(failed)?;
    Ok(true)
}

/// Of those that are begun.
fn newest(folder: &Path) -> Result<Option<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let is_segment = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.strip_suffix(".journal").is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_begun = |path: &PathBuf| {
        let mut header = [0; HEADER_BYTES];
        fs::File::open(path).and_then(|mut file| file.read_exact(&mut header)).is_ok() && header != [0; HEADER_BYTES]
    };
    Ok(paths.filter(is_segment).filter(is_begun).max())
}

struct Batches {
    /// Where the last batch begins.
    last: usize,
    /// Where it ends.
    end: usize,
}

/// The batches of a segment, as far as their checksums hold; `None`: there is none.
fn batches(file: &[u8]) -> Option<Batches> {
    let number = |at: usize| Some(u32::from_le_bytes(file.get(at..at + 4)?.try_into().ok()?));
    let seed = number(HEADER_BYTES - 4)?;
    let (mut at, mut found) = (HEADER_BYTES, Batches { last: HEADER_BYTES, end: HEADER_BYTES });
    while let (Some(length), Some(crc)) = (number(at), number(at + 4)) {
        let Some(record) = file.get(at..at + 8 + length as usize).filter(|record| record.len() >= FRAME_BYTES) else { break };
        if crc32c::crc32c_append(crc32c::crc32c_append(seed, &record[..4]), &record[8..]) != crc {
            break;
        }
        at += record.len();
        if record[8] == COMMIT {
            found = Batches { last: found.end, end: at };
        }
    }
    (found.end > HEADER_BYTES).then_some(found)
}
