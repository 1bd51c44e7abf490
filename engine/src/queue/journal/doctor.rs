//! Looks at every byte of queues that are closed, says what is wrong where, and puts in order what can be. A damaged file goes
//! as it is into the folder `quarantine`, and a new one with all that can be read of it takes its place: a message whose
//! record is lost is lost, and one whose end is lost comes once more. Of a queue whose beginning is lost nobody knows the
//! name: what is left of it goes on as `recovered-` and its number.

use std::{fmt, io, path::Path};

use jiff::Timestamp;

use crate::segment::{
    Contents,
    base::{self, BaseFile},
    disk::{Disk, Folder},
    frame::Format,
    load::{Listing, Loader, base_name, list_at_rest, segment_name},
    lock::Lock,
    mend::{cut, quarantine, write_segment},
    salvage::{every_record, salvage},
    scan::Scanned,
};

pub use crate::segment::report::{FileReport, Repair, State};

use super::{
    OpenError,
    contents::{NEXT, QueueContents},
};

/// What is in the files of queues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Its files, oldest first.
    pub files: Vec<FileReport>,
    /// Queues.
    pub queues: u64,
    /// Messages that wait, or are leased.
    pub messages: u64,
    /// Dead letters.
    pub dead: u64,
    /// Bytes of records that cannot be read.
    pub lost_bytes: u64,
}

impl Report {
    /// Whether the queues can be opened without losing anything that was acknowledged.
    pub fn is_sound(&self) -> bool {
        !self.files.iter().any(|file| matches!(file.state, State::Bad { .. }))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.files.iter().try_for_each(|file| writeln!(f, "{file}"))?;
        let Self { queues, messages, dead, lost_bytes, .. } = self;
        writeln!(f, "{queues} queues, {messages} messages, {dead} dead letters")?;
        if *lost_bytes > 0 {
            writeln!(f, "lost: {lost_bytes} bytes of records that cannot be read")?;
        }
        Ok(())
    }
}

/// Looks at every byte, and changes nothing. Refused while somebody has the queues.
pub fn verify(folder: &Path) -> Result<Report, OpenError> {
    let _lock = Lock::take(folder)?;
    verify_on(&Folder::new(folder))
}

/// Cuts off a torn write, and puts files in the place of damaged ones. What was done, in order; nothing when nothing was
/// wrong. Refused while somebody has the queues.
pub fn repair(folder: &Path) -> Result<Vec<Repair>, OpenError> {
    let _lock = Lock::take(folder)?;
    repair_on(&Folder::new(folder))
}

pub(super) fn verify_on(disk: &dyn Disk) -> Result<Report, OpenError> {
    Ok(examine(disk)?.report)
}

pub(super) fn repair_on(disk: &dyn Disk) -> Result<Vec<Repair>, OpenError> {
    let Examination { report, cures, .. } = examine(disk)?;
    let mut done = Vec::new();
    for file in &report.files {
        if let State::Torn { offset, .. } = file.state {
            done.push(cut(disk, &file.file, offset)?);
        }
    }
    for Cure { file, number, is_base, is_there, records } in cures {
        if is_there {
            done.push(quarantine(disk, &file)?);
        }
        if is_base {
            let mut loader = Loader::<QueueContents>::default();
            // Each of them was taken in before.
            for (kind, body) in &records {
                drop(loader.apply(*kind, body));
            }
            base::write(disk, number, &loader.contents)?;
        } else {
            write_segment(disk, &QueueContents::FORMAT, number, NEXT, &records)?;
        }
        done.push(Repair::Rebuilt { file, records: records.len() as u64 });
    }
    Ok(done)
}

/// What takes the place of a damaged file.
struct Cure {
    file: String,
    number: u64,
    is_base: bool,
    is_there: bool,
    records: Vec<(u8, Vec<u8>)>,
}

struct Examination {
    loader: Loader<QueueContents>,
    report: Report,
    cures: Vec<Cure>,
}

fn examine(disk: &dyn Disk) -> Result<Examination, OpenError> {
    let listing = list_at_rest(disk).map_err(|error| OpenError::disk("list", ".", error))?;
    let mut examination = Examination { loader: Loader::default(), report: Report::default(), cures: Vec::new() };
    if let Some(number) = listing.base {
        examination.base(disk, number)?;
    }
    for number in listing.expected() {
        examination.segment(disk, &listing, number)?;
    }
    let Examination { loader, mut report, cures } = examination;
    for (_, replay) in loader.contents.queues.into_values() {
        let stats = replay.finish(Timestamp::now()).stats();
        report.queues += 1;
        report.messages += stats.ready + stats.delayed + stats.leased;
        report.dead += stats.dead;
    }
    Ok(Examination { loader: Loader::default(), report, cures })
}

impl Examination {
    fn base(&mut self, disk: &dyn Disk, number: u64) -> Result<(), OpenError> {
        let name = base_name(number);
        let bytes = read(disk, &name)?;
        match self.loader.base(number, &bytes) {
            Ok(scanned) => self.report.files.push(FileReport::new(&name, &bytes, State::Whole, Some(&scanned))),
            Err(damage) => {
                self.report.files.push(FileReport::bad(&name, &bytes, damage));
                // What was taken in up to the damage would be taken in twice.
                self.loader = Loader::default();
                let (records, _) = self.take_in(every_record(&bytes));
                self.cures.push(Cure { file: name, number, is_base: true, is_there: true, records });
            }
        }
        Ok(())
    }

    fn segment(&mut self, disk: &dyn Disk, listing: &Listing, number: u64) -> Result<(), OpenError> {
        let (name, is_last) = (segment_name(number), listing.segments.last() == Some(&number));
        if !listing.segments.contains(&number) {
            self.report.files.push(FileReport::missing(&name));
            self.cures.push(Cure { file: name, number, is_base: false, is_there: false, records: Vec::new() });
            return Ok(());
        }
        let bytes = read(disk, &name)?;
        let mut report = FileReport::of(&name, &bytes, Loader::<Unread>::default().segment(number, &bytes, is_last));
        let salvaged = salvage(&bytes);
        let (records, astray) = self.take_in(salvaged.records);
        if astray > 0 && !report.is_bad() {
            let what = format!("{astray} records do not follow from those before them");
            report = FileReport::new(&name, &bytes, State::Bad { offset: 0, what }, None);
        }
        if report.is_bad() {
            self.report.lost_bytes += salvaged.lost;
            self.cures.push(Cure { file: name, number, is_base: false, is_there: true, records });
        }
        self.report.files.push(report);
        Ok(())
    }

    /// What can be taken in after what came before, and how many records did not follow from it.
    fn take_in(&mut self, records: Vec<(u8, &[u8])>) -> (Vec<(u8, Vec<u8>)>, usize) {
        let (mut taken, mut astray) = (Vec::new(), 0);
        for (kind, body) in records {
            let beginning = self.loader.contents.lost_beginning(kind, body);
            astray += usize::from(beginning.is_some());
            for (kind, body) in beginning.into_iter().chain([(kind, body.to_vec())]) {
                match self.loader.apply(kind, &body) {
                    Ok(()) => taken.push((kind, body)),
                    Err(_) => astray += 1,
                }
            }
        }
        (taken, astray)
    }
}

/// What a file is like, whatever its records say.
#[derive(Default)]
struct Unread;

impl Contents for Unread {
    const FORMAT: Format = QueueContents::FORMAT;

    type Record = ();
    type Decoder = ();

    fn decode((): &mut (), _: u8, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn next(&self) -> u64 {
        NEXT
    }

    fn skip_to(&mut self, _: u64) {}

    fn take(&mut self, (): ()) -> Result<(), String> {
        Ok(())
    }

    fn leave_behind(&mut self) {}

    fn write_base(&self, _: &mut BaseFile<'_>) -> io::Result<()> {
        Ok(())
    }

    fn is_whole(&self, _: &Scanned) -> bool {
        true
    }
}

fn read(disk: &dyn Disk, name: &str) -> Result<Vec<u8>, OpenError> {
    disk.read(name).map_err(|error| OpenError::disk("read", name, error))
}
