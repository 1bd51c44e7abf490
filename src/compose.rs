//! The one place that puts the parts together, and the only file that names adapters.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time,
};

use color_eyre::eyre::WrapErr;
use flexcore_engine::{
    alert::Rule,
    command::{Command, Request},
    handle::{Accepted, Engine, Refusal},
    id::{Actor, Position},
    port::{
        clock::{Clock, SystemClock, between},
        queue::Queues,
        step::{Secrets, StepTypes},
        store::Store,
    },
    queue::{self, journal::JournalQueues, memory::MemoryQueues},
    runtime::{Probes, Runtime, RuntimeSettings},
    store::{
        journal::{
            self, Capture, Journal, OpenError,
            doctor::{FileReport, Repair, State},
        },
        memory::{Limits, MemoryLog},
    },
    unit::Duration,
    vitals::Vitals,
};
use flexcore_ui::model::lines::Lines;
#[cfg(feature = "http")]
use futures_util::future::Either;
use tokio::sync::{Mutex, watch};

use crate::{
    alerts::{self, Alerting, BadAlerts},
    config::Settings,
    data_dir::{self, DataDir},
    probe,
    step::{self, EnvFileSecrets},
};
#[cfg(feature = "http")]
use crate::{
    notify::Notifier,
    traces::{self, Traces, Tracing},
};

/// Figures that are no older are fresh.
const FRESH_MAX: time::Duration = time::Duration::from_secs(15);
/// Nobody who asks how things are waits longer for fresh ones: probes have little patience.
const GLANCE_MAX: time::Duration = time::Duration::from_millis(250);

/// Everything, running.
pub struct App {
    /// What was set.
    pub settings: Settings,
    /// Decides and remembers.
    pub engine: Engine,
    /// The step types.
    pub types: Arc<dyn StepTypes>,
    /// Looks up secrets, in workers only.
    pub secrets: Arc<dyn Secrets>,
    /// Where pipelines without a file start relative paths.
    pub folder: PathBuf,
    /// Lines of events that consoles here share.
    pub lines: Lines,
    /// The log's head before this process did anything.
    pub begun: Position,
    vitals: watch::Receiver<Arc<Vitals>>,
    live: flexcore_engine::runtime::LiveRuns,
    rules: watch::Sender<Vec<Rule>>,
    /// Taken when it stops.
    #[cfg(feature = "http")]
    notifier: Mutex<Option<Notifier>>,
    #[cfg(feature = "http")]
    traces: Option<Traces>,
    /// Taken when it stops.
    #[cfg(feature = "http")]
    tracing: Mutex<Option<Tracing>>,
    /// Taken when it stops.
    runtime: Mutex<Option<Runtime>>,
    /// Given back last.
    directory: Option<DataDir>,
}

impl App {
    /// Starts the engine in this process, in memory or on a data directory, with a table of step types: below a
    /// console, not one that prints.
    pub async fn start(settings: Settings, types: Arc<dyn StepTypes>) -> color_eyre::Result<Self> {
        let clock: Arc<dyn Clock> = SystemClock::shared();
        let Stores { store, queues, kind, directory } = Stores::open(&settings, clock.clone())?;
        let engine = Engine::new(store, queues, clock);
        if directory.is_some() {
            engine.resume_models().await;
            engine.recover().await?;
        }
        let secrets = secrets(&settings);
        let folder = std::env::current_dir().wrap_err("cannot find out which folder this is")?;
        let runtime_settings = runtime_settings(&settings, &folder, kind);
        let begun = engine.store().head();
        engine.record_started(env!("CARGO_PKG_VERSION"), &settings.node).await?;
        engine.close_left_sessions(&settings.node).await?;
        let probes = probes(&settings);
        let runtime = Runtime::start(engine.clone(), types.clone(), secrets.clone(), runtime_settings, probes).await?;
        let (vitals, live, rules) = (runtime.vitals(), runtime.live().clone(), runtime.rules());
        let runtime = Mutex::new(Some(runtime));
        #[cfg(feature = "http")]
        let notifier = {
            let webhooks = settings.alerts.webhooks.clone();
            Mutex::new(Some(Notifier::start(engine.clone(), secrets.clone(), &*settings.node, webhooks)))
        };
        #[cfg(feature = "http")]
        let tracing = Tracing::start(&engine, &secrets, &settings.node, &settings.traces)?;
        Ok(Self {
            #[cfg(feature = "http")]
            traces: tracing.as_ref().map(|tracing| tracing.traces().clone()),
            #[cfg(feature = "http")]
            tracing: Mutex::new(tracing),
            settings,
            engine,
            types,
            secrets,
            folder,
            lines: Lines::default(),
            begun,
            vitals,
            live,
            rules,
            #[cfg(feature = "http")]
            notifier,
            runtime,
            directory,
        })
    }

    /// Reads the file of alerts again, if there is one, and says how many rules there are. What is broken changes nothing.
    pub async fn read_alerts_again(&self) -> Result<Option<usize>, BadAlerts> {
        let Some(path) = &self.settings.alerts_file else { return Ok(None) };
        let Alerting { rules, webhooks } = alerts::read(path)?;
        let count = rules.len();
        // Nobody follows once it stops.
        let _ = self.rules.send(rules);
        #[cfg(feature = "http")]
        if let Some(notifier) = &*self.notifier.lock().await {
            notifier.exchange(webhooks);
        }
        #[cfg(not(feature = "http"))]
        drop(webhooks);
        Ok(Some(count))
    }

    /// The directory that keeps everything, if there is one.
    pub fn data_folder(&self) -> Option<&Path> {
        self.directory.as_ref().map(DataDir::folder)
    }

    /// Tells whoever finds the data directory in use where this engine is asked.
    pub fn say_socket(&self, socket: &Path) {
        if let Some(directory) = &self.directory {
            directory.say_socket(socket);
        }
    }

    /// Submits a command of this process's operator.
    pub async fn submit(&self, command: Command) -> Result<Accepted, Refusal> {
        self.submit_as(Actor::Operator(self.settings.operator.as_str().into()), command).await
    }

    /// Submits a command of somebody.
    pub async fn submit_as(&self, actor: Actor, command: Command) -> Result<Accepted, Refusal> {
        self.submit_request(Request::new(command, actor, self.engine.clock().now())).await
    }

    /// Submits a command of somebody's. It is a span of its trace, if there are any.
    pub fn submit_request(&self, request: Request) -> impl Future<Output = Result<Accepted, Refusal>> {
        #[cfg(feature = "http")]
        if let Some(traces) = &self.traces
            && let Some(open) = traces.command(request.correlation)
        {
            let told = traces::of(&request);
            let traced = async move {
                let answer = self.engine.submit(request).await;
                open.end(told.with_error(answer.as_ref().err().map(ToString::to_string)));
                answer
            };
            return Either::Left(Box::pin(traced));
        }
        #[cfg(feature = "http")]
        return Either::Right(self.engine.submit(request));
        #[cfg(not(feature = "http"))]
        self.engine.submit(request)
    }

    /// Where spans go, if anywhere.
    #[cfg(feature = "http")]
    pub fn traces(&self) -> Option<&Traces> {
        self.traces.as_ref()
    }

    /// The newest vital figures, and a way to wait for newer ones.
    pub fn vitals(&self) -> watch::Receiver<Arc<Vitals>> {
        self.vitals.clone()
    }

    /// The newest vital figures for somebody who asks once: taken now, where they rest. Whoever takes them may be held up, or
    /// have ended; then what is known says by its age how things are.
    pub async fn fresh_vitals(&self) -> Arc<Vitals> {
        let mut vitals = self.vitals.clone();
        let known = vitals.borrow_and_update().clone();
        if between(known.at, self.engine.clock().now()) < FRESH_MAX {
            return known;
        }
        self.engine.glance();
        match tokio::time::timeout(GLANCE_MAX, vitals.changed()).await {
            Ok(Ok(())) => vitals.borrow().clone(),
            _ => known,
        }
    }

    /// Logs and taps of runs.
    pub fn live(&self) -> &flexcore_engine::runtime::LiveRuns {
        &self.live
    }

    /// Stops in order, within a grace; says how many runs were still going when it ended.
    pub async fn stop(&self, grace: Duration) -> usize {
        let Some(runtime) = self.runtime.lock().await.take() else { return 0 };
        let left = runtime.stop(grace).await;
        // What it has not told yet is told at the next start.
        #[cfg(feature = "http")]
        drop(self.notifier.lock().await.take());
        #[cfg(feature = "http")]
        if let Some(tracing) = self.tracing.lock().await.take() {
            tracing.stop().await;
        }
        if let Err(error) = self.engine.record_stopped(left as u64).await {
            tracing::warn!(%error, "the stop is not on record");
        }
        if let Some(directory) = &self.directory {
            if let Err(error) = self.engine.keep_models().await {
                tracing::warn!(%error, "the next start makes the read models from the log");
            }
            directory.leave();
        }
        left
    }
}

/// Where everything is kept.
struct Stores {
    store: Arc<dyn Store>,
    queues: Arc<dyn Queues>,
    /// As people are told.
    kind: String,
    directory: Option<DataDir>,
}

impl Stores {
    /// What cannot be opened is an error: nobody who asked for a directory is served from memory.
    fn open(settings: &Settings, clock: Arc<dyn Clock>) -> color_eyre::Result<Self> {
        let limits = Limits { events_max: settings.retain_events_max, bytes_max: settings.retain_bytes_max.0 };
        let Some(folder) = &settings.data else {
            let (store, queues) = (Arc::new(MemoryLog::new(limits)), Arc::new(MemoryQueues::new(clock)));
            return Ok(Self { store, queues, kind: "memory".into(), directory: None });
        };
        let directory = DataDir::open(folder)?;
        if let Some(died) = directory.died() {
            tracing::warn!("{died} had the data directory and ended without giving it back; its runs go on here");
        }
        // Before anything of theirs is tried again: the same child must not run twice.
        for stray in step::end_strays(folder) {
            tracing::warn!("{stray}");
        }
        step::keep_in(folder).wrap_err_with(|| format!("cannot keep children on record in {}", folder.display()))?;
        let help = || format!("`flexcore doctor {}` says more", folder.display());
        let log = journal::Settings { limits, ..journal::Settings::default() };
        let store = Journal::open(&data_dir::log(folder), log).wrap_err_with(help)?;
        let queues =
            JournalQueues::open(&data_dir::queues(folder), queue::journal::Settings::default(), clock).wrap_err_with(help)?;
        told(folder, store.recovered(), queues.recovered());
        let kind = format!("journal {}", folder.display());
        Ok(Self { store: Arc::new(store), queues: Arc::new(queues), kind, directory: Some(directory) })
    }
}

fn told(folder: &Path, log: &journal::Recovered, queues: &queue::journal::Recovered) {
    let folder = folder.display();
    tracing::info!(%folder, events = log.events, queues = queues.queues, messages = queues.messages, dead = queues.dead, "opened");
    for (file, at, bytes) in log.torn.iter().chain(&queues.torn) {
        tracing::warn!(file, at, bytes, "a write that was not finished was cut off; nobody was told that it was done");
    }
    if queues.leases > 0 {
        tracing::warn!(messages = queues.leases, "messages that were leased by the last process are ready again");
    }
}

/// The log of a data directory as of now, whoever has it. What is appended to it later is not seen.
pub fn look_at_log(folder: &Path) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(Journal::look(&data_dir::log(folder))?))
}

/// The files of a data directory's log, to be copied; `None` when there are none yet.
pub fn capture_log(folder: &Path) -> Option<Result<Capture, OpenError>> {
    Some(data_dir::log(folder)).filter(|log| log.is_dir()).map(|log| journal::capture_files(&log))
}

/// The files of a data directory's queues, to be copied; `None` when there are none yet.
pub fn capture_queues(folder: &Path) -> Option<Result<Capture, OpenError>> {
    Some(data_dir::queues(folder)).filter(|queues| queues.is_dir()).map(|queues| queue::journal::capture_files(&queues))
}

/// What was found in one part of a data directory.
pub struct Examined {
    /// `log` or `queues`.
    pub name: &'static str,
    /// For people, several lines.
    pub text: String,
    /// Nothing that was acknowledged is lost.
    pub is_sound: bool,
    /// A repair would change something.
    pub needs_repair: bool,
}

impl Examined {
    fn new(name: &'static str, text: String, files: &[FileReport]) -> Self {
        let is_sound = !files.iter().any(|file| matches!(file.state, State::Bad { .. }));
        let needs_repair = files.iter().any(|file| file.state != State::Whole);
        Self { name, text, is_sound, needs_repair }
    }
}

/// Looks at every byte of a data directory that nobody has open, and changes nothing.
pub fn examine(folder: &Path) -> Result<Vec<Examined>, OpenError> {
    let (log, queues) = (data_dir::log(folder), data_dir::queues(folder));
    let mut found = Vec::new();
    if log.is_dir() {
        let report = journal::doctor::verify(&log)?;
        found.push(Examined::new("log", report.to_string(), &report.files));
    }
    if queues.is_dir() {
        let report = queue::journal::doctor::verify(&queues)?;
        found.push(Examined::new("queues", report.to_string(), &report.files));
    }
    Ok(found)
}

/// Puts a data directory in order that nobody has open; what was done, in order.
pub fn repair(folder: &Path) -> Result<Vec<String>, OpenError> {
    let (log, queues) = (data_dir::log(folder), data_dir::queues(folder));
    let of = |part: &str, done: Vec<Repair>| done.into_iter().map(|repair| format!("{part}/{repair}")).collect::<Vec<_>>();
    let mut done = if log.is_dir() { of("log", journal::doctor::repair(&log)?) } else { Vec::new() };
    if queues.is_dir() {
        done.extend(of("queues", queue::journal::doctor::repair(&queues)?));
    }
    Ok(done)
}

fn probes(settings: &Settings) -> Probes {
    let mut probes = Probes::new(probe::read);
    if let Some(folder) = settings.data.clone() {
        probes.disk = Some(Arc::new(move || probe::disk(&folder)));
    }
    probes
}

fn secrets(settings: &Settings) -> Arc<dyn Secrets> {
    let command = settings.secrets_command.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect();
    Arc::new(EnvFileSecrets { folder: settings.secrets_folder.clone(), command })
}

fn runtime_settings(settings: &Settings, folder: &Path, store_kind: String) -> RuntimeSettings {
    RuntimeSettings {
        node: settings.node.clone(),
        workers: settings.workers,
        retain_events_max: settings.retain_events_max,
        retain_bytes_max: settings.retain_bytes_max,
        retain_age_max: settings.retain_age_max,
        retain_types: settings.retain_types.clone(),
        store_kind,
        alerts: settings.alerts.rules.clone(),
        folder: folder.to_owned(),
        #[cfg(feature = "http")]
        traced: settings.traces.url.is_some(),
        #[cfg(not(feature = "http"))]
        traced: false,
    }
}
