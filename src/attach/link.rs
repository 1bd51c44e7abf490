//! An engine elsewhere, as a console sees it.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use flexcore_engine::{
    command::Command,
    event::Envelope,
    flow::{dry_run::DryRun, log::LogLine},
    handle::Accepted,
    id::{EventId, PipelineName, Position, QueueName, RunId},
    pipeline::{Definition, Plan, mistake::PlacedMistake},
    port::{
        BoxFuture,
        queue::{Peek, PeekedMessage},
        store::{Filter, Page},
    },
    projection::{ReadModels, why::Reading},
    vitals::Vitals,
};
use flexcore_ui::link::{At, Checked, LineState, Link, LinkError, Predicate, Tap, Template};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::{
    sync::{Mutex as Turn, watch},
    task::JoinSet,
};
use uuid::Uuid;

use super::{
    answer::{Ask, MODELS_BYTES_MAX, Reply, odd},
    carrier::Carrier,
    line::{Line, Way, inner},
    presence,
    stream::Stream,
    submit,
};
use crate::{
    client::{part, said::Said},
    definition,
    http::{
        token::Role,
        wire::{
            console::{CheckAnswer, DryRunBody, TapBody},
            events::{EventBody, actor_of},
            info::Info,
            queues::Messages,
            runs::LogPage,
        },
    },
    local_link,
};

/// A console elsewhere begins with the newest ended runs: all 10,000 would be many seconds on a slow line.
const ENDED_RUNS: usize = 1_000;

/// An engine elsewhere.
pub struct RemoteLink {
    far: Arc<Far>,
    place: String,
    actor: String,
    notice: Option<String>,
    /// Dropped with the console, which ends it.
    presence: JoinSet<()>,
}

/// What outlives a call.
pub(super) struct Far {
    pub(super) line: Arc<Line>,
    pub(super) read_only: bool,
    /// How far the console has folded.
    folded: Mutex<Folded>,
    tail: Turn<Option<Tail>>,
    figures: Turn<Option<(Way, Stream)>>,
}

/// What a console has folded, and of which log: enough to see whether it can go on after a break.
#[derive(Debug, Clone, Copy, Default)]
struct Folded {
    instance: Uuid,
    seen: Position,
    /// The last event, by which the log is known again.
    last: Option<(Position, EventId)>,
}

/// Events that are being followed.
struct Tail {
    way: Way,
    stream: Stream,
    seen: Position,
}

type Answer<T> = BoxFuture<'static, Result<T, LinkError>>;

#[derive(Deserialize)]
struct Slice {
    items: Vec<EventBody>,
    seen: u64,
}

impl RemoteLink {
    /// Connects for the first time: whoever is there must be a FlexCore of the same kind and let this user in. `ssh` may ask
    /// for a password meanwhile, so nothing may be on the screen yet.
    pub async fn connect(carrier: Carrier, read_only: bool) -> Result<Self, LinkError> {
        let place = carrier.short();
        let line = Line::new(carrier);
        let way = line.call(true).await?;
        let read_only = read_only || way.info.read_only || way.info.role == Role::Viewer.word();
        let actor = actor(&way.info);
        let far = Far { line, read_only, folded: Mutex::default(), tail: Turn::default(), figures: Turn::default() };
        Ok(Self { far: Arc::new(far), place, actor, notice: None, presence: JoinSet::new() })
    }

    /// Is on record at the engine from now on, whenever there is a connection: somebody looks.
    #[must_use]
    pub fn present(mut self) -> Self {
        self.presence.spawn(presence::stay(self.far.line.clone()));
        self
    }

    /// Names the place otherwise, at the top of the screen, and tells the operator something first.
    #[must_use]
    pub fn called(self, place: impl Into<String>, notice: impl Into<String>) -> Self {
        Self { place: place.into(), notice: Some(notice.into()), ..self }
    }

    /// Asks for JSON over the connection that there is.
    fn ask<T: serde::de::DeserializeOwned + Send + 'static>(&self, ask: Ask) -> Answer<T> {
        let far = self.far.clone();
        Box::pin(async move { far.now(ask).await })
    }

    fn asked<T, U: 'static>(&self, ask: Result<Ask, LinkError>, meant: fn(T) -> Result<U, LinkError>) -> Answer<U>
    where
        T: serde::de::DeserializeOwned + Send + 'static,
    {
        let far = self.far.clone();
        Box::pin(async move { meant(far.now(ask?).await?) })
    }
}

/// As the header and the local console have it; a role that may not do everything is said.
fn actor(info: &Info) -> String {
    let name = actor_of(&info.caller).map_or_else(|| info.caller.clone(), |actor| actor.to_string());
    if info.role == Role::Operator.word() { format!("{name} ({})", info.role) } else { name }
}

impl Far {
    async fn now<T: serde::de::DeserializeOwned>(&self, ask: Ask) -> Result<T, LinkError> {
        let way = self.line.now()?;
        self.line.ask(&way, ask).await?.json()
    }

    /// How far the console has folded, for whoever looks for what came after.
    pub(super) fn seen(&self) -> Position {
        self.folded().seen
    }

    fn folded(&self) -> MutexGuard<'_, Folded> {
        self.folded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn models(&self) -> Result<ReadModels, LinkError> {
        let way = self.line.call(false).await?;
        let ask = Ask { bytes_max: MODELS_BYTES_MAX, ..Ask::get(format!("/console/models?ended={ENDED_RUNS}")) };
        let shown = self.line.shown();
        let came = self.line.ask_told(&way, ask, |bytes, total| {
            shown.send_replace(LineState::Loading { bytes, total });
        });
        let models: ReadModels = parsed(came.await?).await?;
        shown.send_replace(LineState::Up);
        *self.folded() = Folded { instance: way.info.instance, seen: models.position, last: None };
        Ok(models)
    }

    /// The same start of the engine has the same log. Another one has it if the event that was folded last is where it was.
    async fn resumes(&self, seen: Position) -> Result<bool, LinkError> {
        let way = self.line.call(false).await?;
        let folded = *self.folded();
        if folded.instance == way.info.instance {
            return Ok(true);
        }
        let Some((position, id)) = folded.last.filter(|_| seen.0 <= way.info.position) else { return Ok(false) };
        let before = position.0.saturating_sub(1);
        let reply = self.line.ask(&way, Ask::get(format!("/console/follow?after={before}&max=1"))).await?;
        if matches!(&reply, Reply::Problem(problem) if problem.status == 410) {
            return Ok(false);
        }
        let slice: Slice = reply.json()?;
        let is_it = slice.items.first().is_some_and(|event| event.position == position.0 && event.id == id.0);
        if is_it {
            self.folded().instance = way.info.instance;
        }
        Ok(is_it)
    }

    async fn follow(&self, after: Position) -> Result<Page, LinkError> {
        let mut tail = self.tail.lock().await;
        if tail.as_ref().is_none_or(|tail| tail.seen != after) {
            *tail = None;
            let way = self.line.call(false).await?;
            let stream = self.line.stream(&way, format!("/events/stream?after={after}")).await?;
            *tail = Some(Tail { way, stream, seen: after });
        }
        let Some(followed) = tail.as_mut() else { return Err(LinkError::Gone("nothing is followed".into())) };
        match followed.page().await {
            Ok(page) => {
                let mut folded = self.folded();
                folded.seen = page.seen;
                folded.last = page.events.last().map(|event| (event.position, event.event.id)).or(folded.last);
                Ok(page)
            }
            Err(error) => {
                if matches!(error, LinkError::Gone(_)) {
                    self.line.lost(&followed.way, &error);
                }
                *tail = None;
                Err(error)
            }
        }
    }

    async fn vitals(&self, newer_than: Option<Timestamp>) -> Result<Arc<Vitals>, LinkError> {
        let mut figures = self.figures.lock().await;
        if figures.is_none() {
            let way = self.line.patient().await?;
            let stream = self.line.stream(&way, "/console/vitals/stream".into()).await?;
            *figures = Some((way, stream));
        }
        let Some((way, stream)) = figures.as_mut() else { return Err(LinkError::Gone("nothing is followed".into())) };
        loop {
            let said = match stream.next().await {
                Ok(said) => said,
                Err(error) => {
                    self.line.lost(way, &error);
                    *figures = None;
                    return Err(error);
                }
            };
            let newest = said.into_iter().rev().find_map(|said| if let Said::Data(json) = said { Some(json) } else { None });
            let Some(json) = newest else { continue };
            let vitals: Vitals = serde_json::from_slice(&json).map_err(|error| odd(&error))?;
            if newer_than.is_none_or(|seen| vitals.at > seen) {
                return Ok(Arc::new(vitals));
            }
        }
    }
}

impl Tail {
    /// Waits for what comes next. What was had already is passed over, whatever the other side says.
    async fn page(&mut self) -> Result<Page, LinkError> {
        let (mut events, mut seen) = (Vec::new(), self.seen);
        for said in self.stream.next().await? {
            match said {
                Said::Data(json) => {
                    let event: EventBody = serde_json::from_slice(&json).map_err(|error| odd(&error))?;
                    let envelope = Envelope::try_from(event).map_err(|error| odd(&error))?;
                    if envelope.position > seen {
                        seen = envelope.position;
                        events.push(envelope);
                    }
                }
                Said::Id(position) => seen = seen.max(Position(position)),
                Said::Gap(_) => {
                    let told = format!("events after position {} are no longer kept", self.seen);
                    return Err(LinkError::Refused(told));
                }
            }
        }
        self.seen = seen;
        Ok(Page { events: events.into(), seen })
    }
}

/// Large JSON is read on a thread of its own: the console goes on meanwhile.
async fn parsed<T: serde::de::DeserializeOwned + Send + 'static>(reply: Reply) -> Result<T, LinkError> {
    tokio::task::spawn_blocking(move || reply.json()).await.map_err(|error| odd(&error))?
}

fn page(slice: Slice) -> Result<Page, LinkError> {
    let events = slice.items.into_iter().map(Envelope::try_from).collect::<Result<Vec<_>, _>>();
    Ok(Page { events: events.map_err(|error| odd(&error))?.into(), seen: Position(slice.seen) })
}

fn which(peek: Peek) -> &'static str {
    match peek {
        Peek::Waiting => "waiting",
        Peek::Leased => "leased",
        Peek::Dead => "dead",
    }
}

impl Link for RemoteLink {
    fn actor(&self) -> String {
        self.actor.clone()
    }

    fn read_only(&self) -> bool {
        self.far.read_only
    }

    fn place(&self) -> Option<String> {
        Some(self.place.clone())
    }

    fn notice(&self) -> Option<String> {
        self.notice.clone()
    }

    fn line(&self) -> Option<watch::Receiver<LineState>> {
        Some(self.far.line.shown().subscribe())
    }

    fn submit(&self, command: Command) -> Answer<Accepted> {
        let far = self.far.clone();
        Box::pin(async move { submit::submit(&far, command).await })
    }

    fn models(&self) -> Answer<ReadModels> {
        let far = self.far.clone();
        Box::pin(async move {
            let models = far.models().await;
            if models.is_err() && far.line.now().is_ok() {
                far.line.shown().send_replace(LineState::Up);
            }
            models
        })
    }

    fn resumes(&self, seen: Position) -> Answer<bool> {
        let far = self.far.clone();
        Box::pin(async move { far.resumes(seen).await })
    }

    fn models_at(&self, at: At) -> Answer<ReadModels> {
        let far = self.far.clone();
        let at = match at {
            At::Position(position) => format!("at={position}"),
            At::Moment(moment) => format!("moment={moment}"),
        };
        let path = format!("/console/models?{at}&ended={ENDED_RUNS}");
        Box::pin(async move {
            let way = far.line.now()?;
            parsed(far.line.ask(&way, Ask { bytes_max: MODELS_BYTES_MAX, ..Ask::get(path) }).await?).await
        })
    }

    fn follow(&self, after: Position) -> Answer<Page> {
        let far = self.far.clone();
        Box::pin(async move { far.follow(after).await })
    }

    fn read_on(&self, after: Position, max: usize) -> Answer<Page> {
        let far = self.far.clone();
        Box::pin(async move {
            loop {
                // The engine answers after a while, also when nothing has come.
                let read = page(far.now(Ask::get(format!("/console/follow?after={after}&max={max}"))).await?)?;
                if !read.events.is_empty() {
                    return Ok(read);
                }
            }
        })
    }

    fn read_back(&self, before: Position, filter: Filter, max: usize) -> Answer<Page> {
        let stream = filter.stream_prefix.map(|prefix| format!("&stream={}", part(&prefix))).unwrap_or_default();
        let types = filter.types.join(",");
        let types = if types.is_empty() { types } else { format!("&type={}", part(&types)) };
        let path = format!("/console/read_back?before={before}&max={max}{stream}{types}");
        self.asked(Ok(Ask::get(path)), page)
    }

    fn events_of(&self, reading: Reading, before: Position) -> Answer<Vec<Envelope>> {
        let (stream, types) = (part(reading.stream.as_str()), part(&reading.types.join(",")));
        let path = format!("/console/events_of?stream={stream}&type={types}&max={}&before={before}", reading.max);
        self.asked(Ok(Ask::get(path)), |slice: Slice| Ok(page(slice)?.events.into()))
    }

    fn vitals(&self, newer_than: Option<Timestamp>) -> Answer<Arc<Vitals>> {
        let far = self.far.clone();
        Box::pin(async move { far.vitals(newer_than).await })
    }

    fn peek(&self, queue: QueueName, peek: Peek, offset: usize, max: usize) -> Answer<Vec<PeekedMessage>> {
        let path = format!("/queues/{}/peek?which={}&offset={offset}&limit={max}", part(queue.as_str()), which(peek));
        self.asked(Ok(Ask::get(path)), |messages: Messages| {
            messages.items.into_iter().map(|message| PeekedMessage::try_from(message).map_err(|error| odd(&error))).collect()
        })
    }

    fn run_log(&self, run: RunId, after: u64, max: usize) -> Answer<Vec<LogLine>> {
        self.asked(Ok(Ask::get(format!("/runs/{run}/logs?after={after}&limit={max}"))), |lines: LogPage| {
            lines.items.into_iter().map(|line| LogLine::try_from(line).map_err(|error| odd(&error))).collect()
        })
    }

    fn taps(&self, run: RunId) -> Answer<Vec<Tap>> {
        let taps = |taps: Vec<TapBody>| Ok(taps.into_iter().map(Tap::from).collect());
        self.asked(Ok(Ask::get(format!("/console/taps/{run}"))), taps)
    }

    fn check(&self, text: String, path: Option<PathBuf>) -> Answer<Result<Checked, Vec<PlacedMistake>>> {
        let path = path.map(|path| path.to_string_lossy().into_owned());
        let ask = Ask::post("/console/check", &json!({"text": text, "path": path}));
        self.asked(ask, |answer: CheckAnswer| match (answer.checked, answer.mistakes) {
            (Some(checked), _) => Ok(Ok(checked.into())),
            (None, Some(mistakes)) => Ok(Err(mistakes)),
            (None, None) => Err(odd(&"a check without an outcome")),
        })
    }

    fn plan(&self, definition: Arc<Definition>) -> Answer<Plan> {
        match Ask::post("/console/plan", &*definition) {
            Ok(ask) => self.ask(ask),
            Err(error) => Box::pin(async move { Err(error) }),
        }
    }

    fn dry_run(&self, checked: Checked, params: Map<String, Value>) -> Answer<DryRun> {
        let folder = checked.folder.to_string_lossy();
        let ask = Ask::post("/console/dry_run", &json!({"definition": checked.definition, "folder": folder, "params": params}));
        self.asked(ask, |run: DryRunBody| Ok(run.into()))
    }

    fn ticks(&self, pipeline: PipelineName, count: usize) -> Answer<Vec<Timestamp>> {
        self.ask(Ask::get(format!("/console/ticks/{}?count={count}", part(pipeline.as_str()))))
    }

    fn templates(&self) -> Vec<Template> {
        definition::templates()
    }

    fn predicate(&self, jq: &str) -> Result<Predicate, String> {
        local_link::predicate(jq)
    }
}

/// Why nothing was sent.
pub(super) fn not_sent(error: &LinkError) -> LinkError {
    LinkError::Refused(format!("not done, and nothing was sent: {}", inner(error)))
}
