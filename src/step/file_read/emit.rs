//! Records on their way out of the reading thread, gathered into batches with the cursor after them.

use std::sync::Arc;

use bytes::Bytes;
use flexcore_engine::port::step::{
    BATCH_BYTES_MAX, BATCH_RECORDS_MAX, Origin, Pull, Record, RecordError, SourceBatch, StepError,
};
use tokio::sync::mpsc;

use super::input::{Mark, Opened};
use crate::step::json;

/// Where batches go.
pub(super) struct Outlet(pub(super) mpsc::Sender<Result<Pull, StepError>>);

/// Why reading ends before the end.
pub(super) enum Stopped {
    /// The run is over.
    NobodyListens,
    /// The file cannot be read.
    Failed(StepError),
}

impl From<StepError> for Stopped {
    fn from(error: StepError) -> Self {
        Self::Failed(error)
    }
}

/// Gathers the records of one file.
pub(super) struct Emit<'a> {
    outlet: &'a Outlet,
    place: Arc<str>,
    mark: Mark,
    records: Vec<Record>,
    rejected: Vec<(Record, RecordError)>,
    bytes: usize,
}

impl<'a> Emit<'a> {
    pub(super) fn new(outlet: &'a Outlet, opened: &Opened) -> Self {
        let (place, mark) = (opened.name.clone(), opened.mark.clone());
        Self { outlet, place, mark, records: Vec::new(), rejected: Vec::new(), bytes: 0 }
    }

    fn origin(&self, number: u64) -> Origin {
        Origin { place: Some(self.place.clone()), number }
    }

    /// Adds what should be a record: JSON that is not looks is rejected.
    pub(super) fn text(&mut self, json: Bytes, number: u64) {
        match json::check(&json) {
            Ok(()) => self.record(json, number),
            Err(why) => self.reject(&json, number, &why),
        }
    }

    /// Adds a record.
    pub(super) fn record(&mut self, json: Bytes, number: u64) {
        self.bytes += json.len();
        self.records.push(Record { json, origin: self.origin(number) });
    }

    /// Adds input that is not a record.
    pub(super) fn reject(&mut self, text: &[u8], number: u64, why: &str) {
        let origin = self.origin(number);
        let message = format!("{origin}: {why}");
        let rejected = json::rejected(text, origin, message);
        self.bytes += rejected.0.json.len();
        self.rejected.push(rejected);
    }

    /// The file now stands at `offset`, after `number` lines or values: sends what was gathered if it is a batch.
    pub(super) fn passed(&mut self, offset: u64, number: u64) -> Result<(), Stopped> {
        let count = self.records.len() + self.rejected.len();
        if count >= BATCH_RECORDS_MAX || self.bytes >= BATCH_BYTES_MAX { self.flush(offset, number) } else { Ok(()) }
    }

    /// Sends what was gathered.
    pub(super) fn flush(&mut self, offset: u64, number: u64) -> Result<(), Stopped> {
        if self.records.is_empty() && self.rejected.is_empty() {
            return Ok(());
        }
        self.bytes = 0;
        let batch = SourceBatch {
            records: std::mem::take(&mut self.records),
            rejected: std::mem::take(&mut self.rejected),
            stream: self.place.clone(),
            cursor: self.mark.cursor(offset, number),
        };
        self.outlet.0.blocking_send(Ok(Pull::Batch(batch))).map_err(|_| Stopped::NobodyListens)
    }
}
