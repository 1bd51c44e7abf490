//! An engine that says what a test wants: read models, events, figures, refusals, silence.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use flexcore_engine::{
    command::Command,
    event::Envelope,
    flow::{dry_run::DryRun, log::LogLine},
    handle::{Accepted, Refusal},
    id::{PipelineName, Position, QueueName, RunId},
    pipeline::{Definition, Plan, mistake::PlacedMistake},
    port::{
        BoxFuture,
        queue::{Peek, PeekedMessage},
        store::{Filter, Page},
    },
    projection::{ReadModels, why::Reading},
    vitals::Vitals,
};
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::sync::{Notify, watch};

use super::facts::chain;
use crate::link::{At, Checked, LineState, Link, LinkError, Predicate, Tap, Template};

/// What the engine would say.
#[derive(Default)]
pub struct Script {
    /// The read models at the start.
    pub models: ReadModels,
    /// The log, by position.
    pub events: Vec<Envelope>,
    /// The read models before the first event that is kept.
    pub past: Option<ReadModels>,
    /// The points of the past that were asked for.
    pub asked: Vec<At>,
    /// Points of the past are not answered.
    pub slow: bool,
    /// The newest figures.
    pub vitals: Option<Arc<Vitals>>,
    /// Every call fails.
    pub gone: bool,
    /// What comes back after a failure is another log.
    pub is_another_log: bool,
    /// Refusals of the next commands, in turn; `None` accepts.
    pub refusals: VecDeque<Option<Refusal>>,
    /// What accepted commands answer.
    pub note: String,
    /// Commands that were submitted.
    pub submitted: Vec<Command>,
    /// Messages of any queue.
    pub messages: Vec<PeekedMessage>,
    /// Log lines of any run.
    pub log: Vec<LogLine>,
    /// Last records of any run.
    pub taps: Vec<Tap>,
    /// When anything is due.
    pub ticks: Vec<Timestamp>,
    /// What a check answers; `None`: that it cannot.
    pub checked: Option<Result<Checked, Vec<PlacedMistake>>>,
    /// What a dry run answers.
    pub dry_run: DryRun,
    /// Texts to begin with.
    pub templates: Vec<Template>,
}

/// A link to a script.
#[derive(Clone, Default)]
pub struct ScriptedLink {
    script: Arc<Mutex<Script>>,
    changed: Arc<Notify>,
    read_only: bool,
    place: Option<String>,
    line: watch::Sender<LineState>,
}

fn gone() -> LinkError {
    LinkError::Gone("the engine is gone".into())
}

impl ScriptedLink {
    /// A link to an engine with these read models.
    pub fn with(models: ReadModels) -> Self {
        let link = Self::default();
        link.script().models = models;
        link
    }

    /// The same for someone who may only look.
    pub fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// The same for an engine elsewhere.
    pub fn elsewhere(mut self, place: &str) -> Self {
        self.place = Some(place.to_owned());
        self
    }

    /// The line to it stands otherwise.
    pub fn set_line(&self, state: LineState) {
        self.line.send_replace(state);
    }

    /// What it would say; hold it no longer than it takes to change it.
    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what it would say, and wakes who waits.
    pub fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script());
        self.changed.notify_waiters();
    }

    /// Appends an event.
    pub fn emit(&self, envelope: Envelope) {
        self.change(|script| script.events.push(envelope));
    }

    /// Newer figures.
    pub fn measure(&self, vitals: Vitals) {
        self.change(|script| script.vitals = Some(Arc::new(vitals)));
    }

    /// The engine is there, or not.
    pub fn set_gone(&self, gone: bool) {
        self.change(|script| script.gone = gone);
    }

    fn answer<T: Send + 'static>(&self, take: impl FnOnce(&mut Script) -> T) -> BoxFuture<'static, Result<T, LinkError>> {
        let mut script = self.script();
        let answer = if script.gone { Err(gone()) } else { Ok(take(&mut script)) };
        Box::pin(async move { answer })
    }

    /// Waits until the script has something to say.
    fn wait<T: Send + 'static>(
        &self,
        take: impl Fn(&Script) -> Option<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, LinkError>> {
        let link = self.clone();
        Box::pin(async move {
            loop {
                let changed = link.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                {
                    let script = link.script();
                    if script.gone {
                        return Err(gone());
                    }
                    if let Some(answer) = take(&script) {
                        return Ok(answer);
                    }
                }
                changed.await;
            }
        })
    }
}

impl Link for ScriptedLink {
    fn actor(&self) -> String {
        "alice".into()
    }

    fn read_only(&self) -> bool {
        self.read_only
    }

    fn submit(&self, command: Command) -> BoxFuture<'static, Result<Accepted, LinkError>> {
        let mut script = self.script();
        let answer = if script.gone {
            Err(gone())
        } else {
            match script.refusals.pop_front().flatten() {
                Some(refusal) => Err(LinkError::Refused(refusal.to_string())),
                None => Ok(Accepted { last: script.models.position, note: script.note.clone() }),
            }
        };
        script.submitted.push(command);
        Box::pin(async move { answer })
    }

    fn place(&self) -> Option<String> {
        self.place.clone()
    }

    fn line(&self) -> Option<watch::Receiver<LineState>> {
        self.place.is_some().then(|| self.line.subscribe())
    }

    fn resumes(&self, seen: Position) -> BoxFuture<'static, Result<bool, LinkError>> {
        self.answer(move |script| {
            let head = script.events.last().map_or(script.models.position, |event| event.position);
            seen <= head && !script.is_another_log
        })
    }

    fn read_on(&self, after: Position, max: usize) -> BoxFuture<'static, Result<Page, LinkError>> {
        self.wait(move |script| {
            let events: Vec<_> = script.events.iter().filter(|event| event.position > after).take(max).cloned().collect();
            let seen = events.last()?.position;
            Some(Page { events: events.into(), seen })
        })
    }

    fn models(&self) -> BoxFuture<'static, Result<ReadModels, LinkError>> {
        self.answer(|script| {
            let mut models = script.models.clone();
            script.events.iter().for_each(|event| models.apply(event));
            models
        })
    }

    /// Answers at once, or, while [`Script::slow`] is set, as soon as it is not.
    fn models_at(&self, at: At) -> BoxFuture<'static, Result<ReadModels, LinkError>> {
        self.script().asked.push(at);
        let answer = self.wait(move |script| {
            (!script.slow).then(|| {
                let passes = |event: &&Envelope| match at {
                    At::Position(position) => event.position <= position,
                    At::Moment(moment) => event.event.at <= moment,
                };
                let models = script.past.clone().unwrap_or_default();
                let oldest = models.position.next();
                let events: Vec<_> = script.events.iter().filter(passes).collect();
                let reached = events.last().map_or(Position(0), |event| event.position);
                let is_oldest = matches!(at, At::Position(position) if position == models.position);
                if oldest.0 > 1 && reached < models.position && !is_oldest {
                    return Err(LinkError::Refused(format!("events before position {oldest} are no longer kept")));
                }
                Ok(events.into_iter().fold(models, |mut models, event| {
                    models.apply(event);
                    models
                }))
            })
        });
        Box::pin(async move { answer.await? })
    }

    fn follow(&self, after: Position) -> BoxFuture<'static, Result<Page, LinkError>> {
        self.wait(move |script| {
            let events: Vec<_> = script.events.iter().filter(|event| event.position > after).take(4_096).cloned().collect();
            let seen = events.last()?.position;
            Some(Page { events: events.into(), seen })
        })
    }

    fn read_back(&self, before: Position, filter: Filter, max: usize) -> BoxFuture<'static, Result<Page, LinkError>> {
        self.answer(move |script| {
            let passing = script.events.iter().filter(|event| event.position < before && filter.passes(event));
            let mut events: Vec<_> = passing.rev().take(max).cloned().collect();
            events.reverse();
            let seen = events.first().map_or(before, |event| event.position);
            Page { events: events.into(), seen }
        })
    }

    fn events_of(&self, reading: Reading, before: Position) -> BoxFuture<'static, Result<Vec<Envelope>, LinkError>> {
        self.answer(move |script| {
            let wanted = script.events.iter().filter(|event| event.position < before && reading.takes(event));
            wanted.rev().take(reading.max).cloned().collect()
        })
    }

    fn vitals(&self, newer_than: Option<Timestamp>) -> BoxFuture<'static, Result<Arc<Vitals>, LinkError>> {
        self.wait(move |script| script.vitals.clone().filter(|vitals| newer_than.is_none_or(|at| vitals.at > at)))
    }

    fn peek(
        &self,
        _queue: QueueName,
        _which: Peek,
        offset: usize,
        max: usize,
    ) -> BoxFuture<'static, Result<Vec<PeekedMessage>, LinkError>> {
        self.answer(move |script| script.messages.iter().skip(offset).take(max).cloned().collect())
    }

    fn run_log(&self, _run: RunId, after: u64, max: usize) -> BoxFuture<'static, Result<Vec<LogLine>, LinkError>> {
        self.answer(move |script| script.log.iter().filter(|line| line.number > after).take(max).cloned().collect())
    }

    fn taps(&self, _run: RunId) -> BoxFuture<'static, Result<Vec<Tap>, LinkError>> {
        self.answer(|script| script.taps.clone())
    }

    fn check(
        &self,
        _text: String,
        _path: Option<PathBuf>,
    ) -> BoxFuture<'static, Result<Result<Checked, Vec<PlacedMistake>>, LinkError>> {
        let checked = self.script().checked.clone();
        Box::pin(async move { checked.ok_or_else(|| LinkError::Refused("the script has no check".into())) })
    }

    fn plan(&self, definition: Arc<Definition>) -> BoxFuture<'static, Result<Plan, LinkError>> {
        self.answer(move |_| chain(&definition))
    }

    fn dry_run(&self, _checked: Checked, _params: Map<String, Value>) -> BoxFuture<'static, Result<DryRun, LinkError>> {
        self.answer(|script| script.dry_run.clone())
    }

    fn ticks(&self, _pipeline: PipelineName, count: usize) -> BoxFuture<'static, Result<Vec<Timestamp>, LinkError>> {
        self.answer(move |script| script.ticks.iter().take(count).copied().collect())
    }

    fn templates(&self) -> Vec<Template> {
        self.script().templates.clone()
    }

    /// Knows one kind of predicate: whether the data contains a text.
    fn predicate(&self, jq: &str) -> Result<Predicate, String> {
        let wanted = jq.to_owned();
        if wanted.contains('|') {
            return Err("unexpected `|`".into());
        }
        Ok(Arc::new(move |envelope| String::from_utf8_lossy(&envelope.event.data).contains(&wanted)))
    }
}
