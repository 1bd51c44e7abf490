//! The console's link to an engine in this process.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use flexcore_engine::{
    aggregate::params,
    command::Command,
    event::Envelope,
    flow::{
        FlowContext,
        dry_run::{self, DryRun},
        log::LogLine,
    },
    handle::{Accepted, Refusal},
    id::{Actor, PipelineName, Position, QueueName, RunId},
    pipeline::{Definition, Mistake, Plan, mistake::PlacedMistake},
    port::{
        BoxFuture,
        queue::{Peek, PeekedMessage, QueueError},
        store::{Filter, Page, READ_EVENTS_MAX, ReadError},
    },
    projection::{ReadModels, why::Reading},
    runtime::schedule::Schedule,
    vitals::Vitals,
};
use flexcore_ui::{
    link::{At, Checked, Link, LinkError, Predicate, Tap, Template},
    model::lines::Lines,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{
    compose::App,
    definition::{self, variables},
    event_json::EventJson,
    role::Role,
    step,
};

/// An engine in this process, as a console sees it.
pub struct LocalLink {
    app: Arc<App>,
    operator: Arc<str>,
    role: Role,
}

impl LocalLink {
    /// The link of whoever started this process.
    pub fn new(app: Arc<App>) -> Self {
        let operator = app.settings.operator.as_str().into();
        Self::of(app, operator, Role::Admin)
    }

    /// The link of somebody else.
    pub fn of(app: Arc<App>, operator: Arc<str>, role: Role) -> Self {
        Self { app, operator, role }
    }

    fn at_least(&self, least: Role) -> Result<(), LinkError> {
        if self.role < least { Err(LinkError::Refused(self.role.too_little(least))) } else { Ok(()) }
    }
}

type Answer<T> = BoxFuture<'static, Result<T, LinkError>>;

impl Link for LocalLink {
    fn actor(&self) -> String {
        self.operator.to_string()
    }

    fn read_only(&self) -> bool {
        self.app.settings.read_only || self.role == Role::Viewer
    }

    fn lines(&self) -> Lines {
        self.app.lines.clone()
    }

    fn submit(&self, command: Command) -> Answer<Accepted> {
        let (app, allowed) = (self.app.clone(), self.at_least(Role::least_for(&command)));
        let actor = Actor::Operator(self.operator.clone());
        Box::pin(async move {
            if app.settings.read_only {
                return Err(LinkError::Refused("not done: this console is read-only".into()));
            }
            allowed?;
            app.submit_as(actor, command).await.map_err(|refusal| LinkError::Refused(refusal.to_string()))
        })
    }

    fn models(&self) -> Answer<ReadModels> {
        let app = self.app.clone();
        Box::pin(async move { Ok(app.engine.view(ReadModels::clone).await) })
    }

    fn resumes(&self, seen: Position) -> Answer<bool> {
        let head = self.app.engine.store().head();
        Box::pin(async move { Ok(seen <= head) })
    }

    fn models_at(&self, at: At) -> Answer<ReadModels> {
        let app = self.app.clone();
        Box::pin(async move { models_at(&app, at).await.map_err(LinkError::Refused) })
    }

    fn follow(&self, after: Position) -> Answer<Page> {
        let app = self.app.clone();
        Box::pin(async move {
            app.engine.store().wait_past(after).await;
            let page = app.engine.store().read(after, &Filter::default(), READ_EVENTS_MAX).await;
            page.map_err(|error| unread(&error))
        })
    }

    fn read_on(&self, after: Position, max: usize) -> Answer<Page> {
        let app = self.app.clone();
        Box::pin(async move {
            app.engine.store().wait_past(after).await;
            app.engine.store().read(after, &Filter::default(), max).await.map_err(|error| unread(&error))
        })
    }

    fn read_back(&self, before: Position, filter: Filter, max: usize) -> Answer<Page> {
        let app = self.app.clone();
        Box::pin(async move { app.engine.store().read_back(before, &filter, max).await.map_err(|error| unread(&error)) })
    }

    fn events_of(&self, reading: Reading, before: Position) -> Answer<Vec<Envelope>> {
        let app = self.app.clone();
        Box::pin(
            async move { app.engine.events_of(&reading, before).await.map_err(|refusal| LinkError::Gone(refusal.to_string())) },
        )
    }

    fn vitals(&self, newer_than: Option<Timestamp>) -> Answer<Arc<Vitals>> {
        let mut vitals = self.app.vitals();
        Box::pin(async move {
            let newer = vitals.wait_for(|vitals| newer_than.is_none_or(|seen| vitals.at > seen)).await;
            newer.map(|vitals| vitals.clone()).map_err(|_| LinkError::Gone("the engine has stopped".into()))
        })
    }

    fn peek(&self, queue: QueueName, which: Peek, offset: usize, max: usize) -> Answer<Vec<PeekedMessage>> {
        let app = self.app.clone();
        Box::pin(async move { app.engine.queues().peek(&queue, which, offset, max).await.map_err(|error| refused(&error)) })
    }

    fn run_log(&self, run: RunId, after: u64, max: usize) -> Answer<Vec<LogLine>> {
        let lines = self.app.live().log(run).map(|log| log.after(after, max));
        Box::pin(async move { Ok(lines.unwrap_or_default()) })
    }

    fn taps(&self, run: RunId) -> Answer<Vec<Tap>> {
        let taps = self.app.live().taps(run).into_iter().map(|(step, records)| Tap { step, records });
        let taps = taps.collect();
        Box::pin(async move { Ok(taps) })
    }

    fn check(&self, text: String, path: Option<PathBuf>) -> Answer<Result<Checked, Vec<PlacedMistake>>> {
        // Its variables are those of the engine's environment.
        let (app, allowed) = (self.app.clone(), self.at_least(Role::Admin));
        Box::pin(async move {
            allowed?;
            let loaded = definition::load(&text, path.as_deref(), app.types.as_ref(), &variables::of_process);
            Ok(loaded.map(|loaded| Checked {
                revision: loaded.revision,
                definition: loaded.definition,
                folder: PathBuf::from(&*loaded.source.folder),
            }))
        })
    }

    fn plan(&self, definition: Arc<Definition>) -> Answer<Plan> {
        let plan = Plan::of(&definition, self.app.types.as_ref());
        Box::pin(async move { plan.map_err(|mistakes| LinkError::Refused(first(&mistakes))) })
    }

    fn dry_run(&self, checked: Checked, params: Map<String, Value>) -> Answer<DryRun> {
        // Its steps do what they do.
        let (app, allowed) = (self.app.clone(), self.at_least(Role::Admin));
        Box::pin(async move {
            allowed?;
            dry_run(&app, checked, params).await.map_err(LinkError::Refused)
        })
    }

    fn ticks(&self, pipeline: PipelineName, count: usize) -> Answer<Vec<Timestamp>> {
        let app = self.app.clone();
        Box::pin(async move { ticks(&app, pipeline, count).await.map_err(LinkError::Refused) })
    }

    fn templates(&self) -> Vec<Template> {
        definition::templates()
    }

    fn predicate(&self, jq: &str) -> Result<Predicate, String> {
        predicate(jq)
    }
}

/// Compiled here, wherever the engine is.
pub(crate) fn predicate(jq: &str) -> Result<Predicate, String> {
    let passes = step::Predicate::compile(jq)?;
    Ok(Arc::new(move |envelope| serde_json::to_vec(&EventJson::from(envelope)).is_ok_and(|json| passes(&json))))
}

/// `Err`: from where on the past is known.
pub(crate) async fn models_at(app: &App, at: At) -> Result<ReadModels, String> {
    let position = match at {
        At::Position(position) => Ok(position),
        At::Moment(moment) => app.engine.position_at(moment).await,
    };
    let models = match position {
        Ok(position) => app.engine.models_at(position).await,
        Err(refusal) => Err(refusal),
    };
    models.map_err(|refusal| match refusal {
        Refusal::Unavailable(told) => told,
        other => other.to_string(),
    })
}

fn first(mistakes: &[Mistake]) -> String {
    mistakes.first().map_or_else(|| "the definition is not whole".into(), ToString::to_string)
}

fn unread(error: &ReadError) -> LinkError {
    match error {
        ReadError::Truncated { .. } => LinkError::Refused(error.to_string()),
        ReadError::Unavailable { .. } => LinkError::Gone(error.to_string()),
    }
}

fn refused(error: &QueueError) -> LinkError {
    match error {
        QueueError::Unavailable { .. } => LinkError::Gone(error.to_string()),
        other => LinkError::Refused(other.to_string()),
    }
}

pub(crate) async fn ticks(app: &App, pipeline: PipelineName, count: usize) -> Result<Vec<Timestamp>, String> {
    let now = app.engine.clock().now();
    let name = pipeline.clone();
    let known = app.engine.view(move |models| {
        let row = models.board.pipelines.get(&name)?;
        Some((row.definition().triggers.clone(), row.active_since))
    });
    let (triggers, active_since) = known.await.ok_or_else(|| format!("there is no pipeline `{pipeline}`"))?;
    let schedule = Schedule::of(&triggers).map_err(|error| error.to_string())?;
    Ok(schedule.due(now, active_since, count))
}

pub(crate) async fn dry_run(app: &App, checked: Checked, params: Map<String, Value>) -> Result<DryRun, String> {
    let Checked { definition, revision, folder } = checked;
    let plan = Plan::of(&definition, app.types.as_ref()).map_err(|mistakes| first(&mistakes))?;
    let params = params::checked(&definition.params, &params).map_err(|rejection| rejection.to_string())?;
    let context = FlowContext {
        pipeline: definition.name.clone(),
        run: RunId::fresh(),
        attempt: 1,
        trace: None,
        revision,
        params: Arc::new(params),
        started_at: app.engine.clock().now(),
        checkpoints: BTreeMap::new(),
        folder,
        clock: app.engine.clock().clone(),
        queues: app.engine.queues().clone(),
        events: Arc::new(app.engine.clone()),
        secrets: app.secrets.clone(),
    };
    Ok(dry_run::dry_run(&definition, &plan, app.types.as_ref(), &context).await)
}
