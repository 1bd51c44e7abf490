//! Looks at every byte of a journal that is closed, says what is wrong where, and sets aside what cannot be used. Nothing is
//! ever deleted: a file that is set aside keeps its name and gets a suffix.

mod report;

use std::{io, path::Path};

pub use report::{FileReport, Repair, Report, State};

use crate::segment::{
    Contents, base,
    disk::{Disk, Folder, write_all_at},
    frame::{Header, Purpose},
    load::{Listing, Loader, SAVED, Segment, base_name, list, segment_name},
    lock::Lock,
    scan::{Damage, Scanned},
    state,
};

use super::{OpenError, contents::LogContents};

/// Of files that are damaged.
const BAD: &str = "bad";
/// Of files that are whole, but come before a damaged one.
const BEFORE: &str = "before";

/// Looks at every byte, and changes nothing.
pub fn verify(folder: &Path) -> Result<Report, OpenError> {
    let _lock = Lock::take(folder)?;
    verify_on(&Folder::new(folder))
}

/// Cuts off a torn write; sets a damaged file aside, with everything before it, for history has no gaps. Where the damage is
/// in the last file, its whole batches are saved. What was done, in order; nothing when nothing was wrong.
pub fn repair(folder: &Path) -> Result<Vec<Repair>, OpenError> {
    let _lock = Lock::take(folder)?;
    repair_on(&Folder::new(folder))
}

pub(super) fn verify_on(disk: &dyn Disk) -> Result<Report, OpenError> {
    let Looked { files, loader: Loader { contents: LogContents { kept, .. } }, .. } = look(disk, false)?;
    let files = files.into_iter().map(|looked| looked.report).collect();
    Ok(Report { files, head: kept.next() - 1, oldest: kept.oldest(), streams: kept.streams().count() as u64 })
}

pub(super) fn repair_on(disk: &dyn Disk) -> Result<Vec<Repair>, OpenError> {
    let mut done = Vec::new();
    // Each pass mends the first thing that is wrong; none brings a file back.
    loop {
        let mut looked = look(disk, true)?;
        match looked.files.pop() {
            Some(last) if last.report.state != State::Whole => done.extend(mend(disk, looked, &last)?),
            _ => return Ok(done),
        }
    }
}

/// A journal as far as it was looked at.
struct Looked {
    listing: Listing,
    files: Vec<LookedAt>,
    loader: Loader<LogContents>,
}

struct LookedAt {
    report: FileReport,
    /// 0 for a base.
    segment: u64,
    /// Where its whole batches end.
    end: u64,
}

fn look(disk: &dyn Disk, until_wrong: bool) -> Result<Looked, OpenError> {
    let listing = list(disk).map_err(|error| OpenError::disk("list", ".", error))?;
    let (mut loader, mut files) = (Loader::default(), Vec::new());
    if let Some(number) = listing.base {
        let bytes = read(disk, &base_name(number))?;
        let found = loader.base(number, &bytes).map(Segment::Sound);
        files.push(LookedAt::new(0, base_name(number), &bytes, found));
    }
    for number in listing.expected() {
        let is_wrong = files.last().is_some_and(|file| file.report.state != State::Whole);
        if is_wrong && until_wrong {
            break;
        }
        files.push(look_at(disk, &mut loader, number, &listing, is_wrong)?);
    }
    let is_wrong = files.last().is_some_and(|file| file.report.state != State::Whole);
    if !(is_wrong && until_wrong) {
        look_at_states(disk, &mut files)?;
    }
    Ok(Looked { listing, files, loader })
}

fn look_at_states(disk: &dyn Disk, files: &mut Vec<LookedAt>) -> Result<(), OpenError> {
    let mut names = disk.names().map_err(|error| OpenError::disk("list", ".", error))?;
    names.sort_unstable();
    for name in names.into_iter().filter(|name| state::is_state(name)) {
        let bytes = read(disk, &name)?;
        let length = bytes.len() as u64;
        let state = state::read(bytes).map_or_else(|what| State::Bad { offset: 0, what }, |_| State::Whole);
        files.push(LookedAt {
            report: FileReport { file: name, bytes: length, batches: 0, records: 0, state },
            segment: 0,
            end: 0,
        });
    }
    // The first that is wrong comes last, as with segments.
    files.sort_by_key(|file| state::is_state(&file.report.file) && file.report.state != State::Whole);
    Ok(())
}

/// After a file that is damaged nobody knows what comes next: the file itself is believed.
fn look_at(
    disk: &dyn Disk,
    loader: &mut Loader<LogContents>,
    number: u64,
    listing: &Listing,
    believe: bool,
) -> Result<LookedAt, OpenError> {
    let name = segment_name(number);
    if !listing.segments.contains(&number) {
        let state = State::Bad { offset: 0, what: "it is missing, and later ones are there".into() };
        let report = FileReport { file: name, bytes: 0, batches: 0, records: 0, state };
        return Ok(LookedAt { report, segment: number, end: 0 });
    }
    let bytes = read(disk, &name)?;
    if let Some(header) = Header::decode(&bytes, &LogContents::FORMAT, Purpose::Segment).ok().filter(|_| believe) {
        loader.contents.kept.skip_to(header.next);
    }
    let found = loader.segment(number, &bytes, listing.segments.last() == Some(&number));
    Ok(LookedAt::new(number, name, &bytes, found))
}

impl LookedAt {
    fn new(segment: u64, file: String, bytes: &[u8], found: Result<Segment, Damage>) -> Self {
        let length = bytes.len() as u64;
        let (state, sound) = match found {
            Ok(Segment::Sound(scanned)) => (State::of(&scanned), Some(scanned)),
            Ok(Segment::Unbegun) if bytes.is_empty() => (State::Whole, None),
            Ok(Segment::Unbegun) => (State::Torn { offset: 0, bytes: length }, None),
            Err(Damage { offset, what, sound }) => (State::Bad { offset, what }, Some(sound)),
        };
        let (batches, records, end) = sound.map_or((0, 0, 0), |sound| (sound.batches, sound.records, sound.end));
        Self { report: FileReport { file, bytes: length, batches, records, state }, segment, end }
    }
}

impl State {
    fn of(scanned: &Scanned) -> Self {
        let torn = scanned.torn.as_ref().map(|torn| Self::Torn { offset: torn.start, bytes: torn.end - torn.start });
        torn.unwrap_or(Self::Whole)
    }
}

fn read(disk: &dyn Disk, name: &str) -> Result<Vec<u8>, OpenError> {
    disk.read(name).map_err(|error| OpenError::disk("read", name, error))
}

fn mend(disk: &dyn Disk, looked: Looked, wrong: &LookedAt) -> Result<Vec<Repair>, OpenError> {
    let file = wrong.report.file.clone();
    let is_last = wrong.segment > 0 && looked.listing.segments.last() == Some(&wrong.segment);
    let mended = match wrong.report.state {
        State::Whole => return Ok(Vec::new()),
        State::Torn { offset, .. } => cut(disk, &file, offset),
        State::Bad { .. } if state::is_state(&file) => set_aside(disk, &file, BAD).map(|done| vec![done]),
        State::Bad { .. } if is_last => save(disk, wrong),
        State::Bad { .. } => return go_on_after(disk, looked, wrong),
    };
    mended.map_err(|error| OpenError::disk("repair", &file, error))
}

fn cut(disk: &dyn Disk, file: &str, at: u64) -> io::Result<Vec<Repair>> {
    let mut open = disk.open(file)?;
    open.set_len(at)?;
    open.sync_all()?;
    Ok(vec![Repair::Truncated { file: file.into(), at }])
}

/// The last file: what is whole of it goes into a file of its name.
fn save(disk: &dyn Disk, wrong: &LookedAt) -> io::Result<Vec<Repair>> {
    let FileReport { file, batches, .. } = &wrong.report;
    let bytes = disk.read(file)?;
    let mut done = vec![set_aside(disk, file, BAD)?];
    if *batches > 0 {
        let mut saved = disk.create(SAVED)?;
        write_all_at(&mut *saved, 0, &bytes[..wrong.end as usize])?;
        saved.sync_all()?;
        disk.rename(SAVED, file)?;
        done.push(Repair::Saved { file: file.clone(), batches: *batches });
    }
    disk.sync()?;
    Ok(done)
}

/// History begins anew with the first file after the damage that can be begun with. Where streams stood is not lost.
fn go_on_after(disk: &dyn Disk, looked: Looked, wrong: &LookedAt) -> Result<Vec<Repair>, OpenError> {
    let Looked { listing, files, loader: Loader { contents: LogContents { mut kept, .. } } } = looked;
    let failed = |error| OpenError::disk("set aside", &wrong.report.file, error);
    let mut done = Vec::new();
    for before in files.iter().chain([wrong]).filter(|file| file.report.bytes > 0) {
        let suffix = if before.report.state == State::Whole { BEFORE } else { BAD };
        done.push(set_aside(disk, &before.report.file, suffix).map_err(failed)?);
    }
    for number in listing.segments.into_iter().filter(|number| *number > wrong.segment) {
        let name = segment_name(number);
        if let Ok(header) = Header::decode(&read(disk, &name)?, &LogContents::FORMAT, Purpose::Segment) {
            kept.skip_to(header.next);
            base::write(disk, number, &LogContents::of(kept))?;
            return Ok(done);
        }
        done.push(set_aside(disk, &name, BAD).map_err(failed)?);
    }
    disk.sync().map_err(failed)?;
    Ok(done)
}

fn set_aside(disk: &dyn Disk, file: &str, suffix: &str) -> io::Result<Repair> {
    let names = disk.names()?;
    let free = |name: &String| !names.contains(name);
    let first = format!("{file}.{suffix}");
    let to =
        std::iter::once(first.clone()).chain((2..=names.len() + 2).map(|at| format!("{first}{at}"))).find(free).unwrap_or(first);
    disk.rename(file, &to)?;
    Ok(Repair::SetAside { file: file.into(), to })
}
