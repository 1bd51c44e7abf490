//! The engine's own read models. They are folded from the log whenever somebody looks, so that whoever has submitted a
//! command sees it in them: there is no task between that could be late.

use std::sync::MutexGuard;

use super::{Engine, Refusal};
use crate::{
    id::{Position, StreamName},
    port::store::{Filter, READ_EVENTS_MAX, ReadError, Snapshot},
    projection::ReadModels,
};

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

    /// Folds in what is new. Lookers that fold at the same time read the same events, and each is taken in once.
    pub(super) async fn fold(&self) -> Result<(), Refusal> {
        loop {
            let position = self.folded().position;
            if self.inner.store.head() <= position {
                return Ok(());
            }
            let page = match self.inner.store.read(position, &Filter::default(), READ_EVENTS_MAX).await {
                Ok(page) => page,
                Err(ReadError::Truncated { oldest }) => {
                    self.rebase(oldest).await?;
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if page.events.is_empty() {
                return Ok(());
            }
            let mut models = self.folded();
            page.events.iter().for_each(|envelope| models.apply(envelope));
            self.anchors().offer(&models);
        }
    }

    /// The state before the oldest event, if retention has ever dropped any.
    pub(super) async fn base(&self) -> Result<Option<ReadModels>, Refusal> {
        let Some(snapshot) = self.inner.store.snapshot(&StreamName::engine()).await? else { return Ok(None) };
        let models = serde_json::from_slice(&snapshot.data);
        models.map(Some).map_err(|error| Refusal::Unavailable(format!("the kept read models cannot be read: {error}")))
    }

    /// The engine's own stream is no aggregate's, so its snapshot is free for what all streams together add up to.
    pub(super) async fn keep_base(&self, models: &ReadModels) -> Result<(), Refusal> {
        let data = serde_json::to_vec(models)
            .map_err(|error| Refusal::Unavailable(format!("the read models cannot be written: {error}")))?;
        let version = self.inner.store.version(&StreamName::engine()).await?;
        let snapshot = Snapshot { version, position: models.position, data: data.into() };
        Ok(self.inner.store.put_snapshot(&StreamName::engine(), snapshot).await?)
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
