//! The engine's own read models. They are folded from the log whenever somebody looks, so that whoever has submitted a
//! command sees it in them: there is no task between that could be late.

use std::sync::{MutexGuard, atomic::Ordering};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

use super::{Engine, Refusal};
use crate::{
    id::{EventId, Position},
    port::store::{Filter, Page, ReadError},
    projection::ReadModels,
    turn::Turn,
};

/// Events that are folded in at once: at most about a millisecond of them.
pub(super) const FOLD_EVENTS: usize = 512;
/// Whoever is further behind than this goes on to the end and lets nobody go first: what is written comes faster then than it
/// is folded in turns with all others, and whoever looks next would wait for seconds.
const FAR_EVENTS: u64 = 1 << 16;

/// What the events add up to that are no longer kept, under this name.
const BASE: &str = "base";
/// The newest read models that were kept.
const NEWEST: &str = "models";

/// Counts what read models have come to hold: those of an earlier program know less, and are made anew.
const FORMAT: u32 = 1;

/// Read models with what tells of which log they are.
#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(default)]
    format: u32,
    /// The last event that is folded in.
    last: Option<EventId>,
    models: ReadModels,
}

/// The state before the oldest event, of this format. It cannot be made anew, so every later program reads it: that of an
/// earlier one, which was written without a format, by the defaults of what it does not know.
#[derive(Serialize, Deserialize)]
struct Base {
    format: u32,
    models: ReadModels,
}

#[derive(Deserialize)]
struct Head {
    format: u32,
}

/// What a base begins with that says its format.
const HAS_FORMAT: &[u8] = b"{\"format\":";

impl Base {
    fn read(data: &[u8]) -> Result<ReadModels, Refusal> {
        let unread = |error| Refusal::Unavailable(format!("the kept read models cannot be read: {error}"));
        if !data.starts_with(HAS_FORMAT) {
            return serde_json::from_slice(data).map_err(unread);
        }
        // Looked at first: what a later program keeps need not read here.
        let Head { format } = serde_json::from_slice(data).map_err(unread)?;
        if format > FORMAT {
            let why = format!("the kept read models are of format {format}, a later program's: this one knows up to {FORMAT}");
            return Err(Refusal::Unavailable(why));
        }
        serde_json::from_slice(data).map_err(unread).map(|Self { models, .. }| models)
    }
}

/// Read models as JSON. Those of a large installation take a while: where there are other threads, they take over what this
/// one has to do.
fn written(models: &impl Serialize) -> Result<Bytes, Refusal> {
    let write = || serde_json::to_vec(models).map_err(|error| unwritten(&error));
    let is_one_of_many = Handle::try_current().is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread);
    Ok(if is_one_of_many { block_in_place(write) } else { write() }?.into())
}

fn unwritten(error: &serde_json::Error) -> Refusal {
    Refusal::Unavailable(format!("the read models cannot be written: {error}"))
}

impl Engine {
    /// Looks at the read models as of now. When the log cannot be read they are as of [`ReadModels::position`], and a
    /// warning is logged. `look` holds up other lookers: it copies out what it needs.
    pub async fn view<T>(&self, look: impl FnOnce(&ReadModels) -> T) -> T {
        if let Err(refusal) = self.fold().await {
            tracing::warn!(%refusal, "the read models are not up to date");
        }
        look(&self.folded())
    }

    /// A copy of the read models as of now.
    pub async fn models(&self) -> ReadModels {
        self.view(ReadModels::clone).await
    }

    /// Folds in what is there now. Lookers that fold at the same time share the work: each goes on from where the others got to,
    /// and what two of them read is taken in once.
    pub(super) async fn fold(&self) -> Result<(), Refusal> {
        let (mut head, mut after) = (self.inner.store.head(), self.folded().position);
        let (mut turn, is_far) = (Turn::begin(), head.0.saturating_sub(after.0) > FAR_EVENTS);
        while after < head {
            let page = match self.inner.store.read_some(after, &Filter::default(), FOLD_EVENTS).await {
                Ok(page) => page,
                Err(ReadError::Truncated { oldest }) => {
                    self.rebase(oldest).await?;
                    after = self.folded().position;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if page.seen <= after {
                return Ok(());
            }
            self.take_in(&page);
            if is_far {
                head = self.inner.store.head();
            } else if page.seen < head {
                turn.pass().await;
            }
            after = page.seen.max(self.folded().position);
        }
        Ok(())
    }

    fn take_in(&self, page: &Page) {
        let mut models = self.folded();
        page.events.iter().for_each(|envelope| models.apply(envelope));
        self.anchors().offer(&models, || self.inner.store.stats().bytes);
    }

    /// The state before the oldest event, if retention has ever dropped any.
    pub(super) async fn base(&self) -> Result<Option<ReadModels>, Refusal> {
        let Some(data) = self.inner.store.kept_state(BASE).await? else { return Ok(None) };
        Base::read(&data).map(Some)
    }

    pub(super) async fn keep_base(&self, models: &ReadModels) -> Result<(), Refusal> {
        let data = written(&Base { format: FORMAT, models: models.clone() })?;
        Ok(self.inner.store.keep_state(BASE, data).await?)
    }

    /// Keeps the read models as of now, so that the next start need not fold the whole log. Answers as of which position.
    pub async fn keep_models(&self) -> Result<Position, Refusal> {
        let models = self.models().await;
        let position = models.position;
        let kept = Kept { format: FORMAT, last: self.id_at(position).await, models };
        self.inner.store.keep_state(NEWEST, written(&kept)?).await?;
        self.inner.models_kept.store(position.0, Ordering::Relaxed);
        Ok(position)
    }

    /// As of which position read models were last kept, or gone on from.
    pub fn models_kept(&self) -> Position {
        Position(self.inner.models_kept.load(Ordering::Relaxed))
    }

    /// Goes on from the read models that were kept last, where they belong to this log; any read model can also be made from
    /// the log. To be called once, at the start. Answers as of which position they are.
    pub async fn resume_models(&self) -> Position {
        match self.kept_models().await {
            Ok(Some(models)) => {
                self.inner.models_kept.store(models.position.0, Ordering::Relaxed);
                let mut folded = self.folded();
                if models.position > folded.position {
                    *folded = models;
                }
            }
            Ok(None) => {}
            Err(refusal) => tracing::warn!(%refusal, "the read models are made anew from the log"),
        }
        self.folded().position
    }

    async fn kept_models(&self) -> Result<Option<ReadModels>, Refusal> {
        let Some(data) = self.inner.store.kept_state(NEWEST).await? else { return Ok(None) };
        let unread = |error| Refusal::Unavailable(format!("the kept read models cannot be read: {error}"));
        let Kept { format, last, models } = serde_json::from_slice(&data).map_err(unread)?;
        if format != FORMAT {
            return Err(Refusal::Unavailable("the kept read models are of another version of this program".into()));
        }
        let (stats, id) = (self.inner.store.stats(), self.id_at(models.position).await);
        let is_of_this_log = models.position <= stats.head && models.position.next() >= stats.oldest;
        if !is_of_this_log || id.is_some_and(|id| Some(id) != last) {
            return Err(Refusal::Unavailable("the kept read models are of another log".into()));
        }
        Ok(Some(models))
    }

    /// The event at a position, if it is kept.
    async fn id_at(&self, position: Position) -> Option<EventId> {
        let page = self.inner.store.read(Position(position.0.saturating_sub(1)), &Filter::default(), 1).await.ok()?;
        page.events.first().filter(|envelope| envelope.position == position).map(|envelope| envelope.event.id)
    }

    /// What is folded ends before the oldest event: goes on from the kept state, or, without one, from the oldest event.
    async fn rebase(&self, oldest: Position) -> Result<(), Refusal> {
        let before = Position(oldest.0.saturating_sub(1));
        let base = self.base().await?.filter(|base| base.position >= before).unwrap_or_else(|| {
            tracing::warn!(%oldest, "events were dropped that the read models have not seen");
            ReadModels { position: before, ..ReadModels::default() }
        });
        self.anchors().begin(base.clone());
        let mut models = self.folded();
        if models.position < base.position {
            *models = base;
        }
        Ok(())
    }

    pub(super) fn folded(&self) -> MutexGuard<'_, ReadModels> {
        self.inner.models.lock().expect("looking and folding do not panic")
    }
}
