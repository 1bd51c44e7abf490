//! Files of a journal made of fuzz input: a good file with damage in it, or records whose checksums hold and whose content is
//! anything.

use std::{fs, path::Path};

const HEADER_BYTES: usize = 64;
const COMMIT: u8 = 4;

/// Everything that is written fits into one file.
pub(crate) const SEGMENT_BYTES: u64 = 16 << 10;
/// The only file of a journal that was just made.
pub(crate) const SEGMENT: &str = "0000000001.journal";

/// A file for an input: its first byte says how the rest is meant.
pub(crate) fn file(good: &[u8], input: &[u8]) -> Vec<u8> {
    match input.split_first() {
        None => Vec::new(),
        Some((0, rest)) => rest.to_vec(),
        Some((1, rest)) => records(good, rest),
        Some((_, rest)) => damaged(good, rest),
    }
}

/// Each five bytes are one damage: what, where, with what.
fn damaged(good: &[u8], input: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for damage in input.chunks_exact(5).take(64) {
        let at = usize::from(u16::from_le_bytes([damage[1], damage[2]]));
        let with = usize::from(u16::from_le_bytes([damage[3], damage[4]]));
        match damage[0] % 5 {
            0 => bytes.truncate(at),
            1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (with % 8)),
            2 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = with as u8),
            3 => bytes.iter_mut().skip(at).take(with).for_each(|byte| *byte = 0),
            // What is elsewhere, too: an old batch, or the half of one.
            _ => {
                let from = bytes.get(with..).unwrap_or_default().iter().copied().take(200).collect::<Vec<_>>();
                let end = (at + from.len()).min(bytes.len());
                if at < end {
                    bytes[at..end].copy_from_slice(&from[..end - at]);
                }
            }
        }
    }
    bytes
}

/// Kind, length, body; again and again. A kind of 255 closes a batch as it should be closed.
fn records(good: &[u8], mut input: &[u8]) -> Vec<u8> {
    let mut bytes = good[..HEADER_BYTES].to_vec();
    let seed = u32::from_le_bytes([bytes[60], bytes[61], bytes[62], bytes[63]]);
    let (mut begun, mut count, mut next) = (HEADER_BYTES as u64, 0_u32, 1_u64);
    while let [kind, length, rest @ ..] = input {
        let (body, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        input = rest;
        if *kind == u8::MAX {
            next += u64::from(count);
            let mut commit = begun.to_le_bytes().to_vec();
            commit.extend_from_slice(&count.to_le_bytes());
            commit.extend_from_slice(&next.to_le_bytes());
            record(&mut bytes, seed, COMMIT, &commit);
            (begun, count) = (bytes.len() as u64, 0);
        } else {
            record(&mut bytes, seed, *kind, body);
            count += 1;
        }
    }
    bytes.extend_from_slice(&[0; 256]);
    bytes
}

fn record(out: &mut Vec<u8>, seed: u32, kind: u8, body: &[u8]) {
    let length = (body.len() as u32 + 1).to_le_bytes();
    let crc = crc32c::crc32c_append(seed, &length);
    let crc = crc32c::crc32c_append(crc32c::crc32c_append(crc, &[kind]), body);
    out.extend_from_slice(&length);
    out.extend_from_slice(&crc.to_le_bytes());
    out.push(kind);
    out.extend_from_slice(body);
}

/// A folder in memory where there is one: a fuzzer opens thousands of journals a minute.
pub(crate) fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    made.expect("a folder for temporary files can be made")
}

pub(crate) fn write(folder: &Path, bytes: &[u8]) {
    fs::write(folder.join(SEGMENT), bytes).expect("a folder of our own can be written to");
}
