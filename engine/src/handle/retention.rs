//! Keeping the log small. Before events go, what they add up to is kept: the state of every aggregate that lives, and the
//! read models as of the cut. Runs that ended before the cut are forgotten.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Engine, Refusal, append::Stamp};
use crate::{
    event::{Envelope, Event, system::LogTruncated},
    id::{Actor, Position, RunId, StreamName},
    port::store::{Expired, Filter, READ_EVENTS_MAX},
    projection::ReadModels,
    turn::Turn,
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
        let page = self.inner.store.read(self.before_oldest(), &Filter::default(), 1).await?;
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
        let last = Position(cut.0 - 1);
        let going = self.going(last).await?;
        let base = self.as_of(last).await?;
        self.tell(cut, going.ended.len() as u64).await;
        self.keep_base(&base).await?;
        self.keep_states(&base).await?;
        for stream in &going.deleted {
            self.inner.pipelines.keep(&*self.inner.store, stream).await?;
        }
        for stream in &going.alerts {
            self.inner.alerts.keep(&*self.inner.store, stream).await?;
        }
        let forget: Vec<StreamName> = going.ended.iter().map(|run| StreamName::run(*run)).collect();
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

    /// What the oldest events tell of, up to a position.
    async fn going(&self, upto: Position) -> Result<Going, Refusal> {
        let (mut going, mut after) = (Going::default(), self.before_oldest());
        let mut turn = Turn::begin();
        while after < upto {
            let page = self.inner.store.read_some(after, &Filter::default(), READ_EVENTS_MAX).await?;
            if page.seen <= after {
                break;
            }
            page.events.iter().filter(|envelope| envelope.position <= upto).for_each(|envelope| going.see(envelope));
            after = page.seen;
            turn.pass().await;
        }
        Ok(going)
    }

    /// The read models as of a position, from the newest kept ones before it on.
    async fn as_of(&self, position: Position) -> Result<ReadModels, Refusal> {
        let before = self.before_oldest();
        let base = self.base().await?.filter(|base| base.position >= before);
        let base = base.unwrap_or(ReadModels { position: before, ..ReadModels::default() });
        let anchor = self.anchors().before(position).filter(|anchor| anchor.position > base.position).cloned();
        let mut models = anchor.unwrap_or(base);
        self.fold_into(&mut models, position).await?;
        Ok(models)
    }

    fn before_oldest(&self) -> Position {
        Position(self.inner.store.stats().oldest.0.saturating_sub(1))
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

/// Things that events tell of that are about to go.
#[derive(Default)]
struct Going {
    /// Runs that are over: forgotten.
    ended: Vec<RunId>,
    /// Pipelines whose name is free: whoever makes one of it again goes on in the same stream.
    deleted: Vec<StreamName>,
    /// An alert is never over: it may be raised again.
    alerts: BTreeSet<StreamName>,
}

impl Going {
    /// Most events are of neither and not looked into: of a log that others write to, hundreds of thousands go at once.
    fn see(&mut self, envelope: &Envelope) {
        let stream = &envelope.stream;
        if stream.as_str().starts_with("alert/") {
            self.alerts.insert(stream.clone());
        } else if stream.as_str().starts_with("pipeline/") {
            match envelope.decode() {
                Some(Ok(Event::RunEnded(event))) => self.ended.push(event.run),
                Some(Ok(Event::PipelineDeleted(_))) => self.deleted.push(stream.clone()),
                _ => {}
            }
        }
    }
}
