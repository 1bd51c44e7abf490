//! One look at all files in order: what is in them, what is wrong, what is lost, and what would take the place of a damaged
//! one. Pure reading, for looking and repairing alike: what is told is what would be done.

use std::collections::HashSet;

use crate::{
    event::Envelope,
    id::{StreamName, Version},
    segment::{
        Contents, OpenError,
        disk::Disk,
        frame::{Header, Purpose},
        load::{Listing, Loader, base_name, list_at_rest, segment_name},
        report::{FileReport, State},
        scan::scan,
        state,
    },
};

use super::{
    super::{
        contents::{FORMAT, LogContents},
        record::Record,
    },
    LostVersions, Report,
};

/// What a file is made of that takes the place of a damaged one.
pub(super) enum Step {
    Take(u8, Vec<u8>),
    Skip(u64),
    Gone(StreamName, Version, Version),
}

/// What takes the place of a damaged file.
pub(super) struct Cure {
    pub(super) file: String,
    /// `None`: nothing does.
    pub(super) number: Option<u64>,
    /// The position that comes next where it begins.
    pub(super) next: u64,
    pub(super) is_base: bool,
    pub(super) is_there: bool,
    pub(super) steps: Vec<Step>,
}

pub(super) struct Examined {
    pub(super) report: Report,
    pub(super) cures: Vec<Cure>,
}

pub(super) struct Examination<'d> {
    disk: &'d dyn Disk,
    listing: Listing,
    pub(super) loader: Loader<LogContents>,
    pub(super) report: Report,
    pub(super) cures: Vec<Cure>,
}

pub(super) fn examine(disk: &dyn Disk) -> Result<Examined, OpenError> {
    let listing = list_at_rest(disk).map_err(|error| OpenError::disk("list", ".", error))?;
    let mut examination = Examination { disk, listing, loader: Loader::default(), report: Report::default(), cures: Vec::new() };
    if let Some(number) = examination.listing.base {
        examination.base(number)?;
    }
    for number in examination.listing.expected() {
        examination.segment(number)?;
    }
    examination.states()?;
    let Examination { loader, mut report, cures, .. } = examination;
    let kept = &loader.contents.kept;
    (report.head, report.oldest, report.events) = (kept.next() - 1, kept.oldest(), kept.len());
    report.streams = kept.streams().count() as u64;
    Ok(Examined { report, cures })
}

impl Examination<'_> {
    fn read(&self, name: &str) -> Result<Vec<u8>, OpenError> {
        self.disk.read(name).map_err(|error| OpenError::disk("read", name, error))
    }

    fn base(&mut self, number: u64) -> Result<(), OpenError> {
        let name = base_name(number);
        let bytes = self.read(&name)?;
        match self.loader.base(number, &bytes) {
            Ok(scanned) => self.report.files.push(FileReport::new(&name, &bytes, State::Whole, Some(&scanned))),
            Err(damage) => {
                let next = Header::decode(&bytes, &FORMAT, Purpose::Base).ok().map(|header| header.next);
                let next = next.or(self.first_of(number)).unwrap_or(1);
                self.loader.contents.skip_to(next);
                self.report.files.push(FileReport::bad(&name, &bytes, damage));
                let steps = self.salvage_base(&bytes);
                self.cures.push(Cure { file: name, number: Some(number), next, is_base: true, is_there: true, steps });
            }
        }
        Ok(())
    }

    fn segment(&mut self, number: u64) -> Result<(), OpenError> {
        let (name, next) = (segment_name(number), self.loader.contents.next());
        let is_last = self.listing.segments.last() == Some(&number);
        if !self.listing.segments.contains(&number) {
            self.report.files.push(FileReport::missing(&name));
            self.replace(number, next, None);
            return Ok(());
        }
        let bytes = self.read(&name)?;
        if !self.cures.is_empty() {
            self.find_jumps(&bytes, next);
        }
        let report = FileReport::of(&name, &bytes, self.loader.segment(number, &bytes, is_last));
        let is_bad = report.is_bad();
        self.report.files.push(report);
        if is_bad {
            self.replace(number, next, Some(&bytes));
        }
        Ok(())
    }

    fn replace(&mut self, number: u64, next: u64, bytes: Option<&[u8]>) {
        let limit = self.first_of(number + 1);
        let steps = self.salvage_segment(bytes.unwrap_or_default(), next, limit);
        let file = segment_name(number);
        self.cures.push(Cure { file, number: Some(number), next, is_base: false, is_there: bytes.is_some(), steps });
    }

    /// The first position of the next segment from a number on that says it.
    fn first_of(&self, number: u64) -> Option<u64> {
        let mut later = self.listing.segments.iter().filter(|segment| **segment >= number);
        later.find_map(|segment| {
            let bytes = self.disk.read(&segment_name(*segment)).ok()?;
            Some(Header::decode(&bytes, &FORMAT, Purpose::Segment).ok()?.next)
        })
    }

    /// After damage: the first events of streams in a sound file tell how many are lost before them.
    fn find_jumps(&mut self, bytes: &[u8], next: u64) {
        let (mut met, mut jumps) = (HashSet::new(), Vec::new());
        let Self { loader, .. } = self;
        // What is wrong with the file is found when it is read.
        let _ = scan(bytes, &FORMAT, next, true, |kind, body| {
            let (stream, first) = match loader.decode(kind, body)? {
                Record::Event(Envelope { stream, version, .. }) => (stream, version),
                Record::Gone { stream, first, .. } => (stream, first),
                _ => return Ok(()),
            };
            if met.insert(stream.clone()) {
                jumps.push((stream, first));
            }
            Ok(())
        });
        for (stream, first) in jumps {
            self.jump(&stream, first, true);
        }
    }

    /// Notes that versions of a stream before one are lost, if any are.
    pub(super) fn jump(&mut self, stream: &StreamName, first: Version, is_later_file: bool) -> Option<Step> {
        let known = self.loader.contents.kept.version(stream);
        if first.0 <= known.0 + 1 {
            return None;
        }
        let (from, to) = (known.next(), Version(first.0 - 1));
        self.loader.contents.stands_at(stream, to);
        self.report.lost.versions.push(LostVersions { stream: stream.clone(), first: from, last: to });
        let step = Step::Gone(stream.clone(), from, to);
        if is_later_file && let Some(cure) = self.cures.last_mut() {
            cure.steps.push(step);
            return None;
        }
        Some(step)
    }

    /// Whatever is wrong with one, it can be made anew from the log, or is missed when it is asked for.
    fn states(&mut self) -> Result<(), OpenError> {
        let mut names = self.disk.names().map_err(|error| OpenError::disk("list", ".", error))?;
        names.sort_unstable();
        for name in names.into_iter().filter(|name| state::is_state(name)) {
            let bytes = self.read(&name)?;
            let verdict = state::read(bytes.clone()).map_or_else(|what| State::Bad { offset: 0, what }, |_| State::Whole);
            if matches!(verdict, State::Bad { .. }) {
                let (file, steps) = (name.clone(), Vec::new());
                self.cures.push(Cure { file, number: None, next: 0, is_base: false, is_there: true, steps });
            }
            self.report.files.push(FileReport::new(&name, &bytes, verdict, None));
        }
        Ok(())
    }
}
