//! Whether an append keeps the limits of the port. Looked at before the lock is taken.

use crate::{
    event::envelope::{DATA_BYTES_MAX, NewEvent, TYPE_BYTES_MAX},
    id::{STREAM_BYTES_MAX, StreamName},
    port::store::{APPEND_EVENTS_MAX, AppendError, StreamAppend},
};

use super::segments::bytes_of;

/// What an append would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Weight {
    pub(in crate::store) events: u64,
    pub(in crate::store) bytes: u64,
}

/// Weighs an append that keeps the limits.
pub(in crate::store) fn weigh(batch: &[StreamAppend]) -> Result<Weight, AppendError> {
    let mut weight = Weight { events: 0, bytes: 0 };
    for append in batch {
        let StreamAppend { stream, events, .. } = append;
        check_stream(stream, events)?;
        for event in events {
            weight.bytes += weigh_event(stream, event)?;
        }
        weight.events += events.len() as u64;
    }
    if !(1..=APPEND_EVENTS_MAX as u64).contains(&weight.events) {
        return Err(unfit(format!("{} events, where 1 to {APPEND_EVENTS_MAX} are taken", weight.events)));
    }
    check_once(batch)?;
    Ok(weight)
}

fn check_stream(stream: &StreamName, events: &[NewEvent]) -> Result<(), AppendError> {
    let length = stream.as_str().len();
    if !(1..=STREAM_BYTES_MAX).contains(&length) {
        return Err(unfit(format!("a stream's name of {length} bytes, where 1 to {STREAM_BYTES_MAX} are taken")));
    }
    if events.is_empty() {
        return Err(unfit(format!("no event for stream `{stream}`")));
    }
    Ok(())
}

fn weigh_event(stream: &StreamName, event: &NewEvent) -> Result<u64, AppendError> {
    let (data, kind) = (event.data.len(), event.kind.as_str().len());
    if data > DATA_BYTES_MAX {
        let kind = &event.kind;
        return Err(unfit(format!("{data} bytes of data of a `{kind}` for stream `{stream}`, where {DATA_BYTES_MAX} are taken")));
    }
    if !(1..=TYPE_BYTES_MAX).contains(&kind) {
        return Err(unfit(format!("a type of {kind} bytes for stream `{stream}`, where 1 to {TYPE_BYTES_MAX} are taken")));
    }
    Ok(bytes_of(data, kind))
}

fn check_once(batch: &[StreamAppend]) -> Result<(), AppendError> {
    if batch.len() < 2 {
        return Ok(());
    }
    let mut names: Vec<_> = batch.iter().map(|append| &append.stream).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(unfit(format!("stream `{}` twice", pair[0]))),
        None => Ok(()),
    }
}

pub(in crate::store) fn unfit(reason: String) -> AppendError {
    AppendError::Unfit { reason }
}
