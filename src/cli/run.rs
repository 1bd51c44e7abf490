//! `flexcore run FILE`: one pipeline to its end. Progress goes to standard error, so that a `stdout` step's records stay
//! clean.

mod end;
mod progress;

use std::path::PathBuf;

use clap::Args;
use flexcore_engine::{
    command::{Command, PipelineCommand, RunCommand},
    event::pipeline::RunTrigger,
    handle::Refusal,
    id::{PipelineName, Position, RunId, StreamName},
    pipeline::{Definition, definition::ParamType},
    port::{
        step::StepTypes,
        store::{Filter, READ_EVENTS_MAX, ReadError},
    },
    unit::Duration,
};
use serde_json::{Map, Value};
use tokio::sync::watch::error::RecvError;

use super::{FAILED, complain, paths, settings::SettingArgs, unable};
use crate::{compose::App, definition::Loaded, shutdown::StopSignals, step, telemetry};
use end::End;
use progress::Progress;

/// How long a run may take to stop after the first Ctrl-C.
const GRACE: Duration = Duration::from_secs(30);

/// What to run.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A pipeline file; with --data a continuous one goes on where it stood, a batch begins at its beginning
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A parameter of the run, as in `--param since=2026-01-01`
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
}

/// Runs the pipeline and says how it ended.
pub fn run(args: &RunArgs, settings: &SettingArgs) -> color_eyre::Result<i32> {
    let settings = match settings.of_engine() {
        Ok(settings) => settings,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    if settings.read_only {
        return Ok(complain("a run changes things, and `read_only` is set"));
    }
    // What is asked wrongly is told before anything is made, the log folder included.
    let types = step::table_printing();
    let asked = loaded(args, types.as_ref()).and_then(|loaded| Ok((params(&args.params, &loaded.definition)?, loaded)));
    let (params, loaded) = match asked {
        Ok(asked) => asked,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    let _log = match telemetry::to_file(&settings) {
        Ok(guard) => guard,
        Err(error) => return Ok(unable(&error)),
    };
    super::block_on(async {
        let signals = StopSignals::listen()?;
        let app = App::start(settings, types).await?;
        let progress = Progress::new(&loaded);
        let seen = app.engine.store().head();
        let code = match begin(&app, loaded, params).await {
            Ok((pipeline, run)) => Following { app: &app, run, pipeline, seen, progress, signals }.until_ended().await?,
            Err(refusal) => Some(complain(&refusal.to_string())),
        };
        // Given up by a second signal: nothing is waited for.
        let Some(code) = code else { return Ok(FAILED) };
        app.stop(app.settings.shutdown_grace).await;
        Ok(code)
    })
}

fn loaded(args: &RunArgs, types: &dyn StepTypes) -> Result<Loaded, String> {
    let mut loaded = paths::load(std::slice::from_ref(&args.file), types)?;
    match (loaded.pop(), loaded.len()) {
        (Some(one), 0) => Ok(one),
        (_, more) => Err(format!("{} holds {} pipelines: name the file of one", args.file.display(), more + 1)),
    }
}

/// Values for strings are taken as they are, all others are JSON. Whether they fit is the pipeline's to decide.
fn params(pairs: &[String], definition: &Definition) -> Result<Map<String, Value>, String> {
    let mut params = Map::new();
    for pair in pairs {
        let (name, text) = pair.split_once('=').ok_or_else(|| format!("--param {pair}: write it as NAME=VALUE"))?;
        let is_text = definition.params.get(name).is_none_or(|param| param.kind == ParamType::String);
        let value = if is_text { None } else { serde_json::from_str(text).ok() };
        if params.insert(name.to_owned(), value.unwrap_or_else(|| Value::from(text))).is_some() {
            return Err(format!("--param {name} is given twice"));
        }
    }
    Ok(params)
}

async fn begin(app: &App, loaded: Loaded, params: Map<String, Value>) -> Result<(PipelineName, RunId), Refusal> {
    let (name, run) = (app.define(loaded).await?, RunId::fresh());
    let request = PipelineCommand::RequestRun { run, trigger: RunTrigger::Manual, params };
    app.submit(Command::Pipeline(name.clone(), request)).await?;
    Ok((name, run))
}

/// A run on its way, and who watches it.
struct Following<'a> {
    app: &'a App,
    run: RunId,
    pipeline: PipelineName,
    /// What happened up to here is known.
    seen: Position,
    progress: Progress,
    signals: StopSignals,
}

/// Why the engine's own process cannot follow its own run.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("the log of events cannot be read")]
    Log(#[from] ReadError),
    #[error("the engine stopped by itself")]
    Engine(#[from] RecvError),
    #[error("the run cannot be stopped")]
    Cancel(#[from] Refusal),
}

impl Following<'_> {
    /// Until the run has ended. `None`: given up.
    async fn until_ended(mut self) -> Result<Option<i32>, Lost> {
        let mut vitals = self.app.vitals();
        let mut asked = false;
        loop {
            tokio::select! {
                () = self.app.engine.store().wait_past(self.seen) => {
                    if let Some(end) = self.news().await? {
                        return Ok(Some(self.tell(end).await));
                    }
                }
                changed = vitals.changed() => {
                    changed?;
                    let figures = vitals.borrow_and_update().clone();
                    self.progress.log(self.app.live().log(self.run).as_ref());
                    self.progress.vitals(&figures, self.run);
                }
                signal = self.signals.next() => {
                    if asked {
                        self.progress.say(&format!("{signal} again: given up; what was under way is not finished"));
                        self.progress.finish();
                        return Ok(None);
                    }
                    asked = true;
                    self.progress.say(&format!("{signal}: the run stops; once more gives it up"));
                    self.cancel(signal).await?;
                }
            }
        }
    }

    /// Shows what happened since; says how the run ended, if it did.
    async fn news(&mut self) -> Result<Option<End>, Lost> {
        let page = self.app.engine.store().read(self.seen, &Filter::default(), READ_EVENTS_MAX).await?;
        self.seen = page.seen;
        let stream = StreamName::run(self.run);
        for envelope in page.events.iter().filter(|envelope| envelope.stream == stream) {
            self.progress.log(self.app.live().log(self.run).as_ref());
            match End::of(envelope) {
                Some(end) => return Ok(Some(end)),
                None => self.progress.event(envelope),
            }
        }
        Ok(None)
    }

    /// One line of what the run did, and what it left behind.
    async fn tell(&mut self, end: End) -> i32 {
        let dead = end::dead_letters(self.app, &self.pipeline).await;
        self.progress.finish();
        for line in dead.iter().chain(&end.lines(&self.pipeline, self.progress.elapsed())) {
            self.progress.say(line);
        }
        end.code(self.progress.is_whole())
    }

    async fn cancel(&self, signal: &str) -> Result<(), Refusal> {
        let command = RunCommand::Cancel { reason: signal.to_owned(), grace: GRACE };
        match self.app.submit(Command::Run(self.run, command)).await {
            Ok(_) | Err(Refusal::Rejected(_)) => Ok(()),
            Err(refusal) => Err(refusal),
        }
    }
}
