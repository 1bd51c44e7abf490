//! What handlers share.

use std::{sync::Arc, time::Instant};

use flexcore_engine::{
    command::{Command, Request},
    handle::{Accepted, Engine},
};
use futures_util::TryFutureExt;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    access::Caller, attachments::Attachments, cohort, layers::once::Memory, pipelines::lines::Lines, problem::Problem,
    rate::Rate, stream::readers::Readers, token::Tokens,
};
use crate::{compose::App, metrics::Metrics};

/// The API of one engine. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    app: Arc<App>,
    tokens: Option<Tokens>,
    rate: Option<Rate>,
    memory: Memory,
    began: Instant,
    instance: Uuid,
    metrics: Metrics,
    pipelines: Lines,
    readers: Readers,
    attachments: Attachments,
    /// Cancelled when it stops: what would wait for ever ends then.
    closing: CancellationToken,
}

impl Api {
    /// The API of an engine. With tokens, every request by TCP needs one.
    pub fn new(app: Arc<App>, tokens: Option<Tokens>) -> Self {
        let rate = Rate::per_second(app.settings.api.rate_max);
        Self(Arc::new(Inner {
            app,
            tokens,
            rate,
            memory: Memory::default(),
            began: Instant::now(),
            instance: Uuid::now_v7(),
            metrics: Metrics::default(),
            pipelines: Lines::default(),
            readers: Readers::default(),
            attachments: Attachments::default(),
            closing: CancellationToken::new(),
        }))
    }

    /// The engine with everything around it.
    pub fn app(&self) -> &Arc<App> {
        &self.0.app
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.0.app.engine
    }

    /// Cancelled when the API stops.
    pub fn closing(&self) -> &CancellationToken {
        &self.0.closing
    }

    /// Tells the figures, and counts requests.
    pub(super) fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Pipelines as JSON.
    pub(super) fn pipelines(&self) -> &Lines {
        &self.0.pipelines
    }

    /// Who reads streams of events.
    pub(super) fn readers(&self) -> &Readers {
        &self.0.readers
    }

    pub(super) fn attachments(&self) -> &Attachments {
        &self.0.attachments
    }

    pub(super) fn tokens(&self) -> Option<&Tokens> {
        self.0.tokens.as_ref()
    }

    pub(super) fn rate(&self) -> Option<&Rate> {
        self.0.rate.as_ref()
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    /// Names this start of it.
    pub(super) fn instance(&self) -> Uuid {
        self.0.instance
    }

    pub(super) fn uptime(&self) -> std::time::Duration {
        self.0.began.elapsed()
    }

    /// Submits a command of a caller: a stage of its own.
    pub(super) fn submit(&self, caller: &Caller, command: Command) -> impl Future<Output = Result<Accepted, Problem>> {
        let at = self.engine().clock().now();
        let Caller { actor, correlation, .. } = caller.clone();
        let submitted = self.app().submit_request(Request { command, actor, at, correlation, cause: None });
        cohort::next(submitted).map_err(Problem::from)
    }
}
