//! `flexcore run FILE`: one pipeline to its end. Progress goes to standard error, so that a `stdout` step's records stay
//! clean.

mod progress;

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use flexcore_engine::{
    command::{Command, PipelineCommand, RunCommand},
    event::{Envelope, Event, pipeline::RunTrigger},
    handle::Refusal,
    id::{Position, RunId, StreamName},
    pipeline::{Definition, definition::ParamType},
    port::store::{Filter, READ_EVENTS_MAX},
    unit::Duration,
};
use serde_json::{Map, Value};

use super::{DONE, FAILED, complain, paths, settings::SettingArgs};
use crate::{compose::App, definition::Loaded, shutdown::StopSignals, telemetry};
use progress::Progress;

/// How long a run may take to stop after the first Ctrl-C.
const GRACE: Duration = Duration::from_secs(30);

/// What to run.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A pipeline file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// A parameter of the run, as in `--param since=2026-01-01`
    #[arg(long = "param", value_name = "NAME=VALUE")]
    params: Vec<String>,
}

/// Runs the pipeline and says how it ended.
pub fn run(args: &RunArgs, settings: &SettingArgs) -> color_eyre::Result<i32> {
    let settings = match settings.settings() {
        Ok(settings) => settings,
        Err(wrong) => return Ok(complain(&wrong.to_string())),
    };
    let _log = match telemetry::to_file(&settings) {
        Ok(guard) => guard,
        Err(error) => return Ok(complain(&error.to_string())),
    };
    super::block_on(async {
        let app = Arc::new(App::start(settings).await?);
        let code = match begin(&app, args).await {
            Ok((run, definition)) => follow(&app, run, &definition).await?,
            Err(wrong) => complain(&wrong),
        };
        app.stop(app.settings.shutdown_grace).await;
        Ok(code)
    })
}

/// Loads the file and asks for the run.
async fn begin(app: &App, args: &RunArgs) -> Result<(RunId, Arc<Definition>), String> {
    let mut loaded = paths::load(std::slice::from_ref(&args.file), app.types.as_ref())?;
    let Loaded { definition, revision, source, .. } = match (loaded.pop(), loaded.len()) {
        (Some(one), 0) => one,
        (_, more) => return Err(format!("{} holds {} pipelines: name the file of one", args.file.display(), more + 1)),
    };
    let params = params(&args.params, &definition)?;
    let name = definition.name.clone();
    let run = RunId::fresh();
    let create = PipelineCommand::Create { revision, definition: definition.clone(), source };
    let request = PipelineCommand::RequestRun { run, trigger: RunTrigger::Manual, params };
    for command in [create, request] {
        app.submit(Command::Pipeline(name.clone(), command)).await.map_err(|refusal| refusal.to_string())?;
    }
    Ok((run, definition))
}

/// Values for strings are taken as they are, all others are JSON. Whether they fit is the pipeline's to decide.
fn params(pairs: &[String], definition: &Definition) -> Result<Map<String, Value>, String> {
    let mut params = Map::new();
    for pair in pairs {
        let (name, text) = pair.split_once('=').ok_or_else(|| format!("--param {pair}: write it as NAME=VALUE"))?;
        let is_text = definition.params.get(name).is_none_or(|param| param.kind == ParamType::String);
        let value = if is_text { None } else { serde_json::from_str(text).ok() };
        params.insert(name.to_owned(), value.unwrap_or_else(|| Value::from(text)));
    }
    Ok(params)
}

async fn follow(app: &App, run: RunId, definition: &Definition) -> color_eyre::Result<i32> {
    let mut signals = StopSignals::listen()?;
    let mut vitals = app.vitals();
    let mut progress = Progress::new(definition);
    let stream = StreamName::run(run);
    let mut seen = Position(0);
    let mut asked = false;
    loop {
        tokio::select! {
            () = app.engine.store().wait_past(seen) => {
                let page = app.engine.store().read(seen, &Filter::default(), READ_EVENTS_MAX).await?;
                seen = page.seen;
                for envelope in page.events.iter().filter(|envelope| envelope.stream == stream) {
                    progress.event(envelope);
                    if let Some(code) = ended(envelope) {
                        progress.finish();
                        return Ok(code);
                    }
                }
            }
            changed = vitals.changed() => {
                changed?;
                progress.vitals(&vitals.borrow_and_update(), run);
            }
            signal = signals.next() => {
                if asked {
                    progress.finish();
                    return Ok(complain("given up: the run did not stop in time").max(130));
                }
                asked = true;
                progress.say(&format!("{signal}: the run stops; once more gives it up"));
                cancel(app, run, signal).await?;
            }
        }
    }
}

async fn cancel(app: &App, run: RunId, signal: &str) -> Result<(), Refusal> {
    let command = RunCommand::Cancel { reason: signal.to_owned(), grace: GRACE };
    match app.submit(Command::Run(run, command)).await {
        Ok(_) | Err(Refusal::Rejected(_)) => Ok(()),
        Err(refusal) => Err(refusal),
    }
}

fn ended(envelope: &Envelope) -> Option<i32> {
    match envelope.decode()?.ok()? {
        Event::RunSucceeded(_) => Some(DONE),
        Event::RunFailed(_) | Event::RunCancelled(_) => Some(FAILED),
        _ => None,
    }
}
