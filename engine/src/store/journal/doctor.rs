//! Looks at every byte of a journal that is closed, says what is wrong where and what that costs, and puts in order what can
//! be. Nothing is ever deleted: a file that is damaged goes as it is into the folder `quarantine`, and a new one with all
//! that can be read of it takes its place. What is lost is left out and said to be, so everything else stays where it was.

mod examine;
mod report;
mod salvaged;

use std::path::Path;

pub use crate::segment::report::{FileReport, Repair, State};
pub use report::{Lost, LostVersions, Report};

use crate::segment::{
    Contents, base,
    disk::{Disk, Folder},
    frame::{Header, Purpose},
    load::Loader,
    lock::Lock,
    mend::{cut, quarantine},
};

use super::{
    OpenError,
    contents::{FORMAT, LogContents},
    rewrite::Rewrite,
};
use examine::{Cure, Examined, Step, examine};

/// Looks at every byte, and changes nothing. Refused while somebody has the journal.
pub fn verify(folder: &Path) -> Result<Report, OpenError> {
    let _lock = Lock::take(folder)?;
    verify_on(&Folder::new(folder))
}

/// Cuts off a torn write, and puts files in the place of damaged ones. What was done, in order; nothing when nothing was
/// wrong. Refused while somebody has the journal.
pub fn repair(folder: &Path) -> Result<Vec<Repair>, OpenError> {
    let _lock = Lock::take(folder)?;
    repair_on(&Folder::new(folder))
}

pub(super) fn verify_on(disk: &dyn Disk) -> Result<Report, OpenError> {
    Ok(examine(disk)?.report)
}

pub(super) fn repair_on(disk: &dyn Disk) -> Result<Vec<Repair>, OpenError> {
    let Examined { report, cures } = examine(disk)?;
    let mut done = Vec::new();
    for file in &report.files {
        if let State::Torn { offset, .. } = file.state {
            done.push(cut(disk, &file.file, offset)?);
        }
    }
    for cure in cures {
        apply(disk, cure, &mut done)?;
    }
    Ok(done)
}

fn apply(disk: &dyn Disk, cure: Cure, done: &mut Vec<Repair>) -> Result<(), OpenError> {
    let Cure { file, number, next, is_base, is_there, steps } = cure;
    if is_there {
        done.push(quarantine(disk, &file)?);
    }
    let Some(number) = number else { return Ok(()) };
    let records = steps.iter().filter(|step| matches!(step, Step::Take(..))).count() as u64;
    if is_base {
        write_base(disk, number, next, &steps)?;
    } else {
        write_segment(disk, number, next, steps)?;
    }
    done.push(Repair::Rebuilt { file, records });
    Ok(())
}

fn write_base(disk: &dyn Disk, number: u64, next: u64, steps: &[Step]) -> Result<(), OpenError> {
    let mut loader = Loader::<LogContents>::default();
    loader.contents.skip_to(next);
    for step in steps {
        match step {
            // They were applied before without a complaint.
            Step::Take(kind, body) => drop(loader.apply(*kind, body)),
            Step::Gone(stream, _, last) => loader.contents.stands_at(stream, *last),
            Step::Skip(_) => {}
        }
    }
    base::write(disk, number, &loader.contents)
}

fn write_segment(disk: &dyn Disk, number: u64, next: u64, steps: Vec<Step>) -> Result<(), OpenError> {
    let header = Header { purpose: Purpose::Segment, number, next, created: jiff::Timestamp::now() }.encode(&FORMAT);
    let mut file = Rewrite::new(&header, next);
    for step in steps {
        match step {
            Step::Take(kind, body) => file.take(kind, &body),
            Step::Skip(next) => file.skip_to(next),
            Step::Gone(stream, first, last) => file.leave_out(&stream, first, last),
        }
    }
    file.finish(disk, number)
}
