//! The events that an answer to "why is it so?" is made of, read by their streams: that takes as long as there are events to
//! read, however long the log is.

use jiff::Timestamp;

use super::{Engine, Refusal};
use crate::{
    event::Envelope,
    id::{Position, Version},
    port::store::{Filter, ReadError},
    projection::{
        ReadModels,
        why::{Reading, Subject, Why, readings, why},
    },
    vitals::Vitals,
};

/// Events of a stream that are read at once.
const PAGE: u64 = 256;
/// The most events of a stream that are looked through for those that are wanted.
const LOOK_MAX: u64 = 16_384;

impl Engine {
    /// Why it is so now. `None`: there is no such thing, and no event of it is kept.
    pub async fn why(&self, subject: &Subject, vitals: Option<&Vitals>) -> Result<Option<Why>, Refusal> {
        let models = self.models().await;
        let now = self.inner.clock.now();
        self.why_of(subject, &models, now, vitals).await
    }

    /// Why it was so right after an event, or at a moment after it. [`ReadError::Truncated`] when retention has dropped what
    /// it would take.
    pub async fn why_at(&self, subject: &Subject, at: Position, moment: Option<Timestamp>) -> Result<Option<Why>, Refusal> {
        let models = self.models_at(at).await?;
        let now = match moment {
            Some(moment) => moment,
            None => self.moment_of(models.position).await?,
        };
        self.why_of(subject, &models, now, None).await
    }

    /// The newest events before a position that a reading wants, oldest first.
    pub async fn events_of(&self, reading: &Reading, before: Position) -> Result<Vec<Envelope>, Refusal> {
        let store = &self.inner.store;
        if reading.is_first() {
            let first = store.read_stream(&reading.stream, Version(0), 1).await;
            return Ok(kept(first)?.into_iter().filter(|first| reading.takes(first) && first.position < before).collect());
        }
        let newest = self.version_before(reading, before).await?;
        let (mut upto, mut page, mut found) = (newest, PAGE, Vec::new());
        while upto > 0 && newest - upto < LOOK_MAX && found.len() < reading.max {
            let from = upto.saturating_sub(page);
            match store.read_stream(&reading.stream, Version(from), (upto - from) as usize).await {
                Ok(events) => {
                    let passing = events.into_iter().filter(|event| event.version.0 <= upto && reading.takes(event));
                    found.splice(0..0, passing);
                    upto = from;
                }
                // The older ones are no longer kept: the newer ones may be.
                Err(ReadError::Truncated { .. }) if page > 1 => page /= 2,
                Err(ReadError::Truncated { .. }) => break,
                Err(error) => return Err(error.into()),
            }
        }
        found.drain(..found.len().saturating_sub(reading.max));
        Ok(found)
    }

    async fn why_of(
        &self,
        subject: &Subject,
        models: &ReadModels,
        now: Timestamp,
        vitals: Option<&Vitals>,
    ) -> Result<Option<Why>, Refusal> {
        let mut events = Vec::new();
        for reading in readings(subject, models) {
            events.extend(self.events_of(&reading, models.position.next()).await?);
        }
        Ok(why(subject, models, &events, now, vitals))
    }

    /// The version of the last event of a stream before a position.
    async fn version_before(&self, reading: &Reading, before: Position) -> Result<u64, Refusal> {
        let store = &self.inner.store;
        let newest = store.version(&reading.stream).await?.0;
        if before > store.head() {
            return Ok(newest);
        }
        let (mut low, mut high) = (0, newest);
        while low < high {
            let middle = u64::midpoint(low, high);
            let next = kept(store.read_stream(&reading.stream, Version(middle), 1).await)?;
            match next.first() {
                Some(event) if event.position >= before => high = middle,
                Some(event) => low = event.version.0.max(middle + 1),
                // What is no longer kept was before.
                None => low = middle + 1,
            }
        }
        Ok(low.min(newest))
    }

    /// When the event at a position happened, or the last one before it.
    async fn moment_of(&self, position: Position) -> Result<Timestamp, Refusal> {
        let page = self.inner.store.read_back(position.next(), &Filter::default(), 1).await;
        match page {
            Ok(page) => Ok(page.events.last().map_or_else(|| self.inner.clock.now(), |event| event.event.at)),
            // Of the oldest position there is, no event is kept.
            Err(ReadError::Truncated { .. }) => Ok(self.inner.clock.now()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Events that are no longer kept are none.
fn kept(read: Result<Vec<Envelope>, ReadError>) -> Result<Vec<Envelope>, Refusal> {
    match read {
        Err(ReadError::Truncated { .. }) => Ok(Vec::new()),
        read => Ok(read?),
    }
}
