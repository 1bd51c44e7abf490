//! What goes to disk together: appends and snapshots of many callers, checked one after the other, each as if those before
//! it had already happened.

use std::{collections::HashMap, io};

use tokio::sync::oneshot;

use crate::{
    id::{Position, StreamName, Version},
    port::store::{AppendError, Appended, Snapshot, StreamAppend},
    store::memory::{DRAFT_EVENTS_MIN, Kept, MemoryLog, Weight, is_met},
};

use super::record::{event_bytes, push_events, push_snapshot};
use crate::segment::frame::Batch;

/// Where the outcome goes. Nobody may be there any more.
pub(super) type Answer<T> = oneshot::Sender<Result<T, AppendError>>;

/// What a caller asks of the writer.
pub(super) enum Ask {
    Append(Append),
    Snapshot(Put),
    Truncate(Truncation),
    /// Something that changes nothing, if the last write was refused.
    TryAgain(Answer<()>),
}

/// An append.
pub(super) struct Append {
    pub(super) parts: Vec<StreamAppend>,
    pub(super) weight: Weight,
    /// What its records take on disk.
    pub(super) bytes: usize,
    /// As they go to disk but for positions and versions, if its caller has made them already.
    records: Batch,
    pub(super) answer: Answer<Appended>,
}

/// A step of one.
pub(super) struct Truncation {
    pub(super) before: u64,
    pub(super) forget: Vec<StreamName>,
    /// Files that nothing is in any more may go: not at every step, because what outlives them is written anew each time.
    pub(super) drops_files: bool,
    pub(super) answer: Answer<()>,
}

pub(super) struct Put {
    pub(super) stream: StreamName,
    pub(super) snapshot: Snapshot,
    pub(super) records: Batch,
    pub(super) answer: Answer<()>,
}

impl Append {
    pub(super) fn new(weight: Weight, parts: Vec<StreamAppend>, answer: Answer<Appended>) -> Self {
        let bytes = |part: &StreamAppend| part.events.iter().map(|event| event_bytes(&part.stream, event)).sum::<usize>();
        let bytes = parts.iter().map(bytes).sum();
        Self { parts, weight, bytes, records: Batch::default(), answer }
    }

    /// Makes the records, which need not be done by the one thread that writes.
    pub(super) fn made(mut self) -> Self {
        let mut records = Batch::default();
        records.restart(0, self.bytes);
        self.parts.iter().for_each(|part| push_events(&mut records, &part.stream, &part.events, (0, 0)));
        self.records = records;
        self
    }
}

impl Put {
    pub(super) fn new(stream: StreamName, snapshot: Snapshot, answer: Answer<()>) -> Self {
        let mut records = Batch::default();
        push_snapshot(&mut records, &stream, &snapshot);
        Self { stream, snapshot, records, answer }
    }
}

impl Ask {
    /// What it takes in a batch, in bytes. A truncation is never put beside others.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Append(append) => append.bytes,
            Self::Snapshot(put) => put.records.len(),
            Self::Truncate(_) | Self::TryAgain(_) => 0,
        }
    }

    pub(super) fn refuse(self, refusal: impl FnOnce() -> AppendError) {
        match self {
            Self::Append(append) => drop(append.answer.send(Err(refusal()))),
            Self::Snapshot(Put { answer, .. }) | Self::Truncate(Truncation { answer, .. }) | Self::TryAgain(answer) => {
                drop(answer.send(Err(refusal())));
            }
        }
    }
}

/// Callers that wait for the same sync.
pub(super) struct Group {
    pub(super) batch: Batch,
    /// The position that the next event gets.
    pub(super) next: u64,
    /// There is nothing in it but snapshots.
    pub(super) relieves: bool,
    versions: HashMap<StreamName, Version>,
    weight: Weight,
    members: Vec<Member>,
}

enum Member {
    Append(Append, Result<Appended, AppendError>),
    Snapshot(Put, Result<(), AppendError>),
}

impl Group {
    /// Takes over the memory of a batch.
    pub(super) fn new(mut batch: Batch, next: u64) -> Self {
        batch.clear();
        let weight = Weight { events: 0, bytes: 0 };
        Self { batch, next, relieves: true, versions: HashMap::new(), weight, members: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn add_append(&mut self, index: &MemoryLog, mut append: Append) {
        let outcome = self.admit(index, &append).map(|()| self.place(index, &mut append));
        self.relieves = false;
        self.members.push(Member::Append(append, outcome));
    }

    pub(super) fn add_snapshot(&mut self, index: &MemoryLog, put: Put) {
        let version = self.version(index, &put.stream);
        let outcome = index.kept().admit_snapshot(&put.stream, &put.snapshot, version, index.limits());
        if outcome.is_ok() {
            self.batch.extend(&put.records);
        }
        self.members.push(Member::Snapshot(put, outcome));
    }

    fn version(&self, index: &MemoryLog, stream: &StreamName) -> Version {
        self.versions.get(stream).copied().unwrap_or_else(|| index.kept().version(stream))
    }

    fn admit(&mut self, index: &MemoryLog, append: &Append) -> Result<(), AppendError> {
        for part in &append.parts {
            let actual = self.version(index, &part.stream);
            if !is_met(part.expected, actual) {
                return Err(AppendError::Conflict { stream: part.stream.clone(), actual });
            }
        }
        let (events, bytes) = (self.weight.events + append.weight.events, self.weight.bytes + append.weight.bytes);
        index.kept().admit(Weight { events, bytes }, index.limits())?;
        self.weight = Weight { events, bytes };
        Ok(())
    }

    /// Gives the events their positions and versions.
    fn place(&mut self, index: &MemoryLog, append: &mut Append) -> Appended {
        let first = Position(self.next);
        let mut record = (!append.records.is_empty()).then(|| self.batch.take(&mut append.records));
        for part in &append.parts {
            let (version, count) = (self.version(index, &part.stream), part.events.len() as u64);
            let numbers = (self.next, version.0 + 1);
            match &mut record {
                Some(record) => *record = self.batch.patch(*record, count, numbers),
                None => push_events(&mut self.batch, &part.stream, &part.events, numbers),
            }
            self.next += count;
            self.versions.insert(part.stream.clone(), Version(version.0 + count));
        }
        Appended { first, last: Position(self.next - 1) }
    }

    /// The only thing that is in it, if that is many events of one stream.
    pub(super) fn many(&mut self) -> Option<&mut StreamAppend> {
        let [Member::Append(Append { parts, .. }, Ok(_))] = &mut self.members[..] else { return None };
        let [part] = &mut parts[..] else { return None };
        (part.events.len() >= DRAFT_EVENTS_MIN).then_some(part)
    }

    /// Shows readers what is on disk now.
    pub(super) fn publish(&mut self, kept: &mut Kept) {
        for member in &mut self.members {
            match member {
                Member::Append(append, Ok(_)) => {
                    kept.commit(&mut append.parts)
                        .expect("it was checked against what is kept, and only the writer changes that");
                }
                Member::Snapshot(put, Ok(())) => kept.put(&put.stream, put.snapshot.clone()),
                Member::Append(_, Err(_)) | Member::Snapshot(_, Err(_)) => {}
            }
        }
    }

    /// Tells everybody how it went.
    pub(super) fn answer(self) {
        for member in self.members {
            match member {
                Member::Append(append, outcome) => drop(append.answer.send(outcome)),
                Member::Snapshot(put, outcome) => drop(put.answer.send(outcome)),
            }
        }
    }

    /// Tells everybody that it was not written; also those who were refused because of what others had written.
    pub(super) fn refuse(self, reason: &str, error: &io::Error) {
        for member in self.members {
            match member {
                Member::Append(append, _) => drop(append.answer.send(Err(unavailable(reason, Some(error))))),
                Member::Snapshot(put, _) => drop(put.answer.send(Err(unavailable(reason, Some(error))))),
            }
        }
    }
}

pub(super) fn unavailable(reason: &str, error: Option<&io::Error>) -> AppendError {
    let copy = |error: &io::Error| error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error);
    AppendError::Unavailable { reason: reason.to_owned(), source: error.map(copy) }
}
