//! From the files of a folder to a journal that takes appends.

use std::{io, sync::Arc, thread};

use tokio::sync::mpsc;

use crate::{
    segment::{
        disk::Disk,
        frame::Batch,
        open::{Opened, open, segment_bytes},
        pen::Pen,
        tail::batch_bytes_max,
    },
    store::memory::MemoryLog,
};

use super::{ASKS_MAX, Journal, OpenError, Recovered, Settings, contents::LogContents, writer::Writer};

impl Journal {
    pub(super) fn on(disk: Arc<dyn Disk>, settings: Settings) -> Result<Self, OpenError> {
        let segment_bytes = segment_bytes(settings.segment_bytes);
        let Opened { contents: LogContents { kept, .. }, mut tail, found } = open(disk, segment_bytes)?;
        tail.drop_before(kept.oldest());
        let events = kept.next() - kept.oldest();
        let recovered = Recovered { events, segments: found.segments, torn: found.torn, died: None };
        let index = Arc::new(MemoryLog::holding(settings.limits, kept));
        Self::start(index, Pen::new(tail), recovered, batch_bytes_max(segment_bytes))
            .map_err(|error| OpenError::disk("start a thread for", ".", error))
    }

    fn start(index: Arc<MemoryLog>, pen: Pen, recovered: Recovered, batch_bytes_max: usize) -> io::Result<Self> {
        let (sender, asks) = mpsc::channel(ASKS_MAX);
        let condition = pen.condition().clone();
        let syncs = pen.tail.syncs.clone();
        let writer = Writer { index: index.clone(), asks, pen, batch_bytes_max, waiting: None, spare: Batch::default() };
        let writer = thread::Builder::new().name("journal-writer".into()).spawn(move || writer.run())?;
        Ok(Self { index, asks: Some(sender), writer: Some(writer), condition, syncs, recovered, batch_bytes_max, lock: None })
    }
}
