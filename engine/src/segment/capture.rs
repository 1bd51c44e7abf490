//! Files as they are at one instant, to be copied while their owner goes on writing.
//!
//! Files are opened first and read later: what is open stays readable when retention removes it or a new file takes its
//! place. Only the last segment grows, so an instant is said by how long it is; whoever copies two journals at once asks
//! both until neither has moved in between.

use std::{
    fs::File,
    io::{self, ErrorKind, Read, Seek},
    os::unix::fs::{FileExt, MetadataExt},
    path::{Path, PathBuf},
};

use super::{
    Contents, OpenError,
    disk::{Disk, Folder},
    frame::{COMMIT, Commit, FRAME_BYTES, Format, HEADER_BYTES, Header, Purpose, frame_at, seed_of, u32_at},
    load::{base_name, list, segment_name},
    scan::scan,
    state,
};

/// How often files that come and go while they are opened are listed again.
const TRIES_MAX: usize = 100;
/// Bytes that are looked at at once for what was written last.
const LOOK_BYTES: usize = 64 << 10;

/// One file of a journal, open.
pub struct CapturedFile {
    name: String,
    file: File,
    kind: Kind,
    /// How much of it counts; all when not set.
    end: Option<u64>,
    format: Format,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Base,
    Segment,
    State,
}

/// A journal's files.
pub struct Capture {
    folder: PathBuf,
    files: Vec<CapturedFile>,
    /// The last segment, which grows.
    last: Option<(u64, u64)>,
    format: Format,
}

/// Opens the files of a journal, whoever has it.
pub(crate) fn capture<C: Contents>(folder: &Path) -> Result<Capture, OpenError> {
    let mut tries = 1;
    loop {
        match open(folder, C::FORMAT) {
            Err(OpenError::Disk { source, .. }) if source.kind() == ErrorKind::NotFound && tries < TRIES_MAX => tries += 1,
            opened => return opened,
        }
    }
}

fn open(folder: &Path, format: Format) -> Result<Capture, OpenError> {
    let disk = Folder::new(folder);
    let listing = list(&disk).map_err(|error| OpenError::disk("list", ".", error))?;
    let mut names: Vec<_> = listing.base.map(|number| (base_name(number), Kind::Base)).into_iter().collect();
    names.extend(listing.segments.iter().map(|number| (segment_name(*number), Kind::Segment)));
    let all = disk.names().map_err(|error| OpenError::disk("list", ".", error))?;
    names.extend(all.into_iter().filter(|name| state::is_state(name)).map(|name| (name, Kind::State)));
    let open = |(name, kind): (String, Kind)| {
        let file = File::open(folder.join(&name)).map_err(|error| OpenError::disk("open", &name, error))?;
        Ok(CapturedFile { name, file, kind, end: None, format })
    };
    let files = names.into_iter().map(open).collect::<Result<_, OpenError>>()?;
    let last = listing.segments.last().map(|number| (*number, HEADER_BYTES as u64));
    Ok(Capture { folder: folder.to_owned(), files, last, format })
}

impl Capture {
    /// How long the last segment is by now. Takes some microseconds.
    pub fn end(&mut self) -> Result<u64, OpenError> {
        let Some((number, end)) = &mut self.last else { return Ok(0) };
        let name = segment_name(*number);
        let last = self.files.iter_mut().find(|file| file.name == name).expect("it was opened with the others");
        *end = committed(&last.file, *end).map_err(|error| OpenError::disk("read", &name, error))?;
        last.end = Some(*end);
        Ok(*end)
    }

    /// Whether the files that are open are those that count now. Where they are not, what was said of their ends may be of
    /// different instants: capture anew.
    pub fn is_current(&self) -> Result<bool, OpenError> {
        let now = match open(&self.folder, self.format) {
            Err(OpenError::Disk { source, .. }) if source.kind() == ErrorKind::NotFound => return Ok(false),
            now => now?,
        };
        let known = |files: &[CapturedFile]| -> io::Result<Vec<(String, u64)>> {
            files.iter().map(|file| Ok((file.name.clone(), file.file.metadata()?.ino()))).collect()
        };
        let failed = |error| OpenError::disk("look at", ".", error);
        Ok(known(&self.files).map_err(failed)? == known(&now.files).map_err(failed)?)
    }

    /// The files, as long as they were at the last look.
    pub fn into_files(self) -> Vec<CapturedFile> {
        self.files
    }
}

impl CapturedFile {
    /// Its name in the folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is in it. Every checksum is looked at: a damaged file is an error, not a backup.
    pub fn read(&mut self) -> Result<Vec<u8>, OpenError> {
        let mut damaged_at = None;
        loop {
            let mut bytes = Vec::new();
            let read = self.file.rewind().and_then(|()| self.file.read_to_end(&mut bytes));
            read.map_err(|error| OpenError::disk("read", &self.name, error))?;
            match self.check(&bytes) {
                // What is written while it is read can look like damage, but not twice at the same place.
                Err(OpenError::Damaged { offset, .. })
                    if self.end.is_some() && damaged_at.replace(offset).is_none_or(|before| before < offset) => {}
                checked => {
                    checked?;
                    bytes.truncate(self.end.map_or(bytes.len(), |end| end as usize));
                    return Ok(bytes);
                }
            }
        }
    }

    /// The last segment may end with a write that is under way, behind what counts.
    fn check(&self, bytes: &[u8]) -> Result<(), OpenError> {
        let damaged = |what| OpenError::Damaged { file: self.name.clone(), offset: 0, what };
        let purpose = match self.kind {
            Kind::State => return state::read(bytes.to_vec()).map(drop).map_err(damaged),
            Kind::Base => Purpose::Base,
            Kind::Segment => Purpose::Segment,
        };
        let header = Header::decode(bytes, &self.format, purpose).map_err(damaged)?;
        let scanned = scan(bytes, &self.format, header.next, self.end.is_some(), |_, _| Ok(()));
        let scanned = scanned.map_err(|damage| OpenError::damaged(&self.name, damage))?;
        match self.end {
            Some(end) if scanned.end < end => {
                Err(damaged(format!("its batches end at byte {}, and a moment ago they ended at {end}", scanned.end)))
            }
            _ => Ok(()),
        }
    }
}

/// Where the last batch ends that is whole, from the end of one on.
fn committed(file: &File, from: u64) -> io::Result<u64> {
    let mut header = [0; HEADER_BYTES];
    file.read_exact_at(&mut header, 0)?;
    let (seed, length) = (seed_of(&header), file.metadata()?.len());
    let (mut end, mut size) = (from, LOOK_BYTES);
    loop {
        let mut bytes = vec![0; size.min(length.saturating_sub(end) as usize)];
        let read = file.read_at(&mut bytes, end)?;
        bytes.truncate(read);
        let (whole, wants) = batches(&bytes, end, seed);
        end += whole as u64;
        let Some(wants) = wants else { return Ok(end) };
        size = wants.max(LOOK_BYTES).min(length.saturating_sub(end) as usize);
        if whole == 0 && size <= read {
            return Ok(end);
        }
    }
}

/// How much of what was read are whole batches; how many bytes from there on would tell more.
fn batches(bytes: &[u8], start: u64, seed: u32) -> (usize, Option<usize>) {
    let (mut at, mut whole) = (0, 0);
    while at + FRAME_BYTES <= bytes.len() {
        let length = u32_at(bytes, at) as usize;
        if length == 0 {
            return (whole, None);
        }
        if at + 8 + length > bytes.len() {
            return (whole, Some(at + 8 + length - whole + LOOK_BYTES));
        }
        let Ok(frame) = frame_at(bytes, at, seed) else { return (whole, None) };
        at = frame.end;
        if frame.kind == COMMIT {
            if Commit::of(frame).is_none_or(|commit| commit.offset != start + whole as u64) {
                return (whole, None);
            }
            whole = at;
        }
    }
    (whole, (!bytes.is_empty()).then_some(bytes.len() - whole + LOOK_BYTES))
}
