//! Time travel: the read models as of any position or moment that is kept. A jump goes on from the nearest read models before
//! it, so that it folds a few thousand events and not the log.

use std::sync::MutexGuard;

use jiff::Timestamp;

use super::{Engine, Refusal, anchors::Anchors, models::FOLD_EVENTS};
use crate::{
    id::Position,
    moment::first_since,
    port::store::{Filter, READ_EVENTS_MAX, ReadError},
    projection::ReadModels,
    turn::Turn,
};

impl Engine {
    /// The read models as of a position; as of the head when that is before it. [`ReadError::Truncated`] when retention has
    /// dropped what they would be made of.
    pub async fn models_at(&self, position: Position) -> Result<ReadModels, Refusal> {
        let mut models = self.nearest(position).await?;
        self.fold_into(&mut models, position).await?;
        Ok(models)
    }

    /// The position of the last event at or before a moment; 0 when there was none yet. [`ReadError::Truncated`] when
    /// retention has dropped it.
    pub async fn position_at(&self, at: Timestamp) -> Result<Position, Refusal> {
        let next = at.checked_add(jiff::SignedDuration::from_nanos(1)).unwrap_or(at);
        let position = Position(self.first_since(next).await?.0.saturating_sub(1));
        let oldest = self.oldest_seen().await?;
        if position <= oldest && oldest.0 > 0 {
            return Err(ReadError::Truncated { oldest: oldest.next() }.into());
        }
        Ok(position)
    }

    /// The first event at or after a moment; the position after the head when there is none.
    pub async fn first_since(&self, at: Timestamp) -> Result<Position, Refusal> {
        Ok(first_since(&*self.inner.store, at).await?)
    }

    /// The oldest position as of which read models can be had; 0 while retention has dropped nothing.
    pub async fn oldest_seen(&self) -> Result<Position, Refusal> {
        let known = self.anchors().oldest();
        if let Some(position) = known {
            return Ok(position);
        }
        let base = self.base().await?.unwrap_or_default();
        let position = base.position;
        self.anchors().begin(base);
        Ok(position)
    }

    /// Folds what lies before the oldest anchor, so that jumps into a log that was opened from a disk are fast: read models
    /// that began with a snapshot have left no anchors before it. For a task of its own; it lets others run all the time.
    pub async fn survey(&self) -> Result<(), Refusal> {
        let oldest = self.oldest_seen().await?;
        let gap = self.anchors().first_gap(self.inner.store.head());
        let Some(upto) = gap else { return Ok(()) };
        let mut models = self.nearest(oldest).await?;
        self.fold_into(&mut models, upto).await
    }

    /// Folds events up to a position into models of one's own, and keeps anchors on the way.
    pub(super) async fn fold_into(&self, models: &mut ReadModels, upto: Position) -> Result<(), Refusal> {
        let mut turn = Turn::begin();
        while models.position < upto {
            let page = self.inner.store.read(models.position, &Filter::default(), READ_EVENTS_MAX).await?;
            let Some(last) = page.events.last() else { return Ok(()) };
            for piece in page.events.chunks(FOLD_EVENTS) {
                piece.iter().filter(|envelope| envelope.position <= upto).for_each(|envelope| models.apply(envelope));
                turn.pass().await;
            }
            if last.position >= upto {
                return Ok(());
            }
            self.anchors().offer(models, || self.inner.store.stats().bytes);
        }
        Ok(())
    }

    /// The newest read models at hand that are not after a position.
    async fn nearest(&self, position: Position) -> Result<ReadModels, Refusal> {
        let oldest = self.oldest_seen().await?;
        if position < oldest {
            return Err(ReadError::Truncated { oldest: oldest.next() }.into());
        }
        let live = {
            let live = self.folded();
            (live.position <= position && live.position >= oldest).then(|| live.clone())
        };
        let kept = || self.anchors().before(position).cloned();
        Ok(live.or_else(kept).unwrap_or_default())
    }

    pub(super) fn anchors(&self) -> MutexGuard<'_, Anchors> {
        self.inner.anchors.lock().expect("keeping anchors does not panic")
    }
}
