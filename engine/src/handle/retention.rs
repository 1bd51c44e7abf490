//! Keeping the log small. Before events go, what they add up to is kept: the state of every aggregate that lives, and the
//! read models as of the cut. Runs that ended before the cut are forgotten.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Engine, Refusal, append::Stamp};
use crate::{
    event::{Envelope, Event, system::LogTruncated},
    id::{Actor, Position, RunId, StreamName},
    port::store::{Expired, Filter},
    projection::ReadModels,
    unit::Duration,
};

/// Of an age, what events may be older before they go.
const SLACK_SHARE: u32 = 24;

/// Events of the engine that tell and change nothing: no aggregate and no read model is other without them, but for the
/// counts of events per minute.
const TELLING: [&str; 10] = [
    "run.late_report_ignored",
    "queue.message_sent",
    "queue.purged",
    "queue.redriven",
    "queue.dead_letter_edited",
    "queue.dead_letters_discarded",
    "engine.started",
    "engine.stopped",
    "engine.log_truncated",
    "command.rejected",
];

/// Whether single events of a type may go: those of others, of `event.append` say, and those that only tell.
pub fn may_go(kind: &str) -> bool {
    !Event::TYPES.contains(&kind) || TELLING.contains(&kind)
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    now.checked_sub(age.0).unwrap_or(Timestamp::MIN)
}

/// What retention did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retained {
    /// Events before this may be gone; the store drops as far as its granularity allows.
    pub cut: Position,
    /// Ended runs that are forgotten.
    pub forgotten: usize,
}

impl Engine {
    /// Drops all but the newest events.
    pub async fn retain(&self, events_max: u64) -> Result<Retained, Refusal> {
        let head = self.inner.store.head();
        self.cut(Position((head.0 + 1).saturating_sub(events_max))).await
    }

    /// Drops events that are older than a moment.
    pub async fn retain_since(&self, at: Timestamp) -> Result<Retained, Refusal> {
        let cut = self.first_since(at).await?;
        self.cut(cut).await
    }

    /// Drops the events that are older than an age once the oldest is older by a twenty-fourth of it: now and then, and not
    /// at every look.
    pub async fn retain_for(&self, age: Duration) -> Result<Retained, Refusal> {
        let now = self.inner.clock.now();
        let overdue = before(now, Duration(age.0 + age.0 / SLACK_SHARE));
        let oldest = Position(self.inner.store.stats().oldest.0.saturating_sub(1));
        let page = self.inner.store.read(oldest, &Filter::default(), 1).await?;
        match page.events.first() {
            Some(first) if first.event.at < overdue => self.retain_since(before(now, age)).await,
            _ => Ok(Retained::default()),
        }
    }

    /// Lets go of single events of some types that are older than an age each; how many. Only for types of which
    /// [`may_go`] says that nothing depends on them.
    pub async fn let_go(&self, types: &[(String, Duration)]) -> Result<u64, Refusal> {
        let (now, mut expired) = (self.inner.clock.now(), Vec::new());
        for (kind, age) in types {
            expired.push(Expired { kind: kind.clone(), before: self.first_since(before(now, *age)).await? });
        }
        Ok(self.inner.store.let_go(&expired).await?)
    }

    async fn cut(&self, cut: Position) -> Result<Retained, Refusal> {
        if cut <= self.inner.store.stats().oldest {
            return Ok(Retained::default());
        }
        // The live fold must not fall behind what is about to go.
        self.fold().await?;
        let (mut ended, mut deleted, mut alerts) = (Vec::new(), Vec::new(), BTreeSet::new());
        let seen = |envelope: &Envelope| {
            ended.extend(ended_run(envelope));
            deleted.extend(deleted_pipeline(envelope));
            alerts.extend(of_alert(envelope));
        };
        let base = self.as_of(Position(cut.0 - 1), seen).await?;
        self.tell(cut, ended.len() as u64).await;
        self.keep_base(&base).await?;
        self.keep_states(&base).await?;
        // The name is free: whoever makes a pipeline of it again goes on in the same stream.
        for stream in &deleted {
            self.inner.pipelines.keep(&*self.inner.store, stream).await?;
        }
        for stream in &alerts {
            self.inner.alerts.keep(&*self.inner.store, stream).await?;
        }
        let forget: Vec<StreamName> = ended.iter().map(|run| StreamName::run(*run)).collect();
        self.anchors().begin(base);
        self.inner.store.truncate(cut, &forget).await?;
        for stream in &forget {
            self.inner.runs.forget(stream);
        }
        Ok(Retained { cut, forgotten: forget.len() })
    }

    /// A log that is too full to take this event must still be made smaller.
    async fn tell(&self, before: Position, runs_forgotten: u64) {
        let stamp = Stamp::new(Actor::Engine, self.inner.clock.now());
        let told = self.append_to(StreamName::engine(), &LogTruncated { before, runs_forgotten }.into(), &stamp).await;
        if let Err(refusal) = told {
            tracing::warn!(%refusal, %before, "retention goes on without its event");
        }
    }

    /// The read models as of a position, from the last kept ones on.
    async fn as_of(&self, position: Position, seen: impl FnMut(&Envelope)) -> Result<ReadModels, Refusal> {
        let oldest = self.inner.store.stats().oldest;
        let before = Position(oldest.0.saturating_sub(1));
        let base = self.base().await?.filter(|base| base.position >= before);
        let mut models = base.unwrap_or(ReadModels { position: before, ..ReadModels::default() });
        self.fold_into(&mut models, position, seen).await?;
        Ok(models)
    }

    /// Everything that had a life of its own at the cut and may still be asked something.
    async fn keep_states(&self, base: &ReadModels) -> Result<(), Refusal> {
        let store = &*self.inner.store;
        for name in base.board.pipelines.keys() {
            self.inner.pipelines.keep(store, &StreamName::pipeline(name)).await?;
        }
        for name in base.queues.queues.keys() {
            self.inner.declared.keep(store, &StreamName::queue(name)).await?;
        }
        for row in base.runs.runs.values().filter(|row| !row.state.is_ended()) {
            self.inner.runs.keep(store, &StreamName::run(row.id)).await?;
        }
        Ok(())
    }
}

fn deleted_pipeline(envelope: &Envelope) -> Option<StreamName> {
    matches!(envelope.decode(), Some(Ok(Event::PipelineDeleted(_)))).then(|| envelope.stream.clone())
}

/// An alert is never over: it may be raised again.
fn of_alert(envelope: &Envelope) -> Option<StreamName> {
    envelope.stream.as_str().starts_with("alert/").then(|| envelope.stream.clone())
}

fn ended_run(envelope: &Envelope) -> Option<RunId> {
    match envelope.decode() {
        Some(Ok(Event::RunEnded(event))) => Some(event.run),
        _ => None,
    }
}
