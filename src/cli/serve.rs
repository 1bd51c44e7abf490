//! `flexcore serve`: the engine without a console. Logs go to standard error, where systemd and containers look.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use flexcore_engine::{
    event::Event,
    id::Position,
    port::store::{Filter, READ_EVENTS_MAX, ReadError},
    projection::describe::{Description, Severity, describe},
    unit::Duration,
};
use flexcore_ui::widget::safe_text::safe;

use super::{DONE, FAILED, complain, paths, settings::SettingArgs, told};
use crate::{
    compose::App,
    config::Settings,
    definition::Loaded,
    http::{self, Listening},
    shutdown::StopSignals,
    ssh::{self, Served},
    step, telemetry,
};

/// What to serve.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Pipeline files, or folders of them
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

/// Runs until a signal asks it to stop.
pub fn run(args: &ServeArgs, settings: &SettingArgs) -> color_eyre::Result<i32> {
    let settings = match settings.of_engine() {
        Ok(settings) => settings,
        Err(wrong) => return Ok(complain(&wrong)),
    };
    let types = step::table_printing();
    let pipelines = match paths::load(&args.paths, types.as_ref()) {
        Ok(pipelines) => pipelines,
        Err(mistakes) => return Ok(complain(&mistakes)),
    };
    telemetry::to_stderr(&settings);
    super::block_on(async {
        let mut signals = StopSignals::listen()?;
        let app = Arc::new(App::start(settings, types).await?);
        let outcome = match open(&app).await {
            Ok(ways) => serve(&app, pipelines, ways, &mut signals).await,
            Err(wrong) => Ok(complain(&wrong)),
        };
        // One that did not get so far hands back what runs again since its start; a second stop does nothing.
        app.stop(UNOPENED_GRACE).await;
        outcome
    })
}

async fn open(app: &Arc<App>) -> Result<Ways, String> {
    let listening = http::listen(app.clone()).await.map_err(|error| told(&error))?;
    let ssh = ssh::listen(app.clone(), &listening).await.map_err(|error| told(&error))?;
    Ok(Ways { listening, ssh })
}

/// An engine that could not open has nothing worth waiting for.
const UNOPENED_GRACE: Duration = Duration::from_millis(200);
/// Sessions by SSH are told to end before all else, and are given so long.
const GUESTS_GRACE: Duration = Duration::from_secs(3);

/// The ways in.
struct Ways {
    listening: Listening,
    ssh: Served,
}

async fn serve(app: &App, pipelines: Vec<Loaded>, ways: Ways, signals: &mut StopSignals) -> color_eyre::Result<i32> {
    let Settings { node, shutdown_grace, .. } = &app.settings;
    let count = pipelines.len();
    app.adopt(pipelines).await?;
    tracing::info!(pipelines = count, %node, "serving until SIGTERM or SIGINT");
    if let Some(address) = ways.listening.http {
        tracing::info!(%address, "the API is served");
    }
    let mut told = app.begun;
    let signal = loop {
        tokio::select! {
            signal = signals.next() => match signal {
                "SIGHUP" if ways.reloads() || app.settings.alerts_file.is_some() => reload(app, &ways).await,
                signal => break signal,
            },
            () = more(app, told) => told = tell(app, told).await,
        }
    };
    let going = in_flight(app);
    tracing::info!(signal, runs = going.len(), "stopping within {shutdown_grace}; the same signal again stops at once");
    for run in going {
        tracing::info!("in flight: {run}");
    }
    let stopping = async {
        // While the log still takes that their sessions are over.
        ways.ssh.stop((*shutdown_grace).min(GUESTS_GRACE)).await;
        tokio::join!(app.stop(*shutdown_grace), ways.listening.stop(*shutdown_grace))
    };
    tokio::select! {
        (left, _) = stopping => Ok(stopped(app, left)),
        signal = signals.next() => {
            tracing::warn!(signal, "stopped at once: runs in flight were given up");
            Ok(FAILED)
        }
    }
}

/// How long events gather before they are told: to be woken for each costs more than to tell it.
const GATHER: std::time::Duration = std::time::Duration::from_millis(10);

async fn more(app: &App, told: Position) {
    app.engine.store().wait_past(told).await;
    tokio::time::sleep(GATHER).await;
}

impl Ways {
    /// Whether SIGHUP has anything to read again; otherwise it ends the process, as it does others.
    fn reloads(&self) -> bool {
        self.listening.reloads() || self.ssh.reloads()
    }
}

async fn reload(app: &App, ways: &Ways) {
    match ways.listening.read_certificates_again() {
        None => {}
        Some(Ok(())) => tracing::info!("the certificates were read again"),
        Some(Err(error)) => tracing::error!("{}; the old ones stay in force", told(&error)),
    }
    match ways.listening.read_tokens_again() {
        None => {}
        Some(Ok(tokens)) => tracing::info!(tokens, "the tokens were read again"),
        Some(Err(error)) => tracing::error!("{}; no token is valid until they can be read", told(&error)),
    }
    if let Some(keys) = ways.ssh.reload() {
        tracing::info!(keys, "the keys that may come in by SSH were read again");
    }
    match app.read_alerts_again().await {
        Ok(None) => {}
        Ok(Some(rules)) => tracing::info!(rules, "the file of alerts was read again"),
        Err(error) => tracing::error!("{error}; the old rules and webhooks stay in force"),
    }
}

/// How an end of a run is named in the log.
const RUN_ENDED: &str = "pipeline.run_ended";
/// What programs may ask for thousands of times a second, and what never needs a look.
const ROUTINE: [&str; 2] = ["queue.declared", "queue.message_sent"];

/// Writes what happened since to the log: what needs a look, and how runs end. The rest is of interest when one looks for
/// something, at level `debug`.
async fn tell(app: &App, after: Position) -> Position {
    let page = match app.engine.store().read_some(after, &Filter::default(), READ_EVENTS_MAX).await {
        Ok(page) => page,
        Err(ReadError::Truncated { oldest }) => return Position(oldest.0.saturating_sub(1)),
        Err(ReadError::Unavailable { .. }) => return app.engine.store().head(),
    };
    // What is the engine's own is told; facts of others are many, and to put all of them into words costs more than to keep them.
    let tells_all = tracing::enabled!(tracing::Level::DEBUG);
    for envelope in &page.events {
        let kind = envelope.event.kind.as_str();
        if !tells_all && (!Event::TYPES.contains(&kind) || ROUTINE.contains(&kind)) {
            continue;
        }
        let Description { severity, subject, text } = describe(envelope);
        let (subject, text) = (safe(&subject), safe(&text));
        let run_ended = kind == RUN_ENDED;
        let correlation = envelope.event.correlation;
        match severity {
            Severity::Error => tracing::error!(%correlation, "{subject}: {text}"),
            Severity::Warn => tracing::warn!(%correlation, "{subject}: {text}"),
            Severity::Info if run_ended => tracing::info!(%correlation, "{subject}: {text}"),
            Severity::Info => tracing::debug!(%correlation, "{subject}: {text}"),
        }
    }
    page.seen
}

fn stopped(app: &App, left: usize) -> i32 {
    for run in in_flight(app) {
        tracing::warn!("given up: {run}");
    }
    tracing::info!(left, "stopped");
    if left == 0 { DONE } else { FAILED }
}

/// What works now, one line each.
fn in_flight(app: &App) -> Vec<String> {
    let line = |run: &flexcore_engine::vitals::RunVitals| {
        let backlog: u64 = run.steps.iter().map(|step| step.backlog).sum();
        format!(
            "{} run {}, {backlog} records between its steps, {} batches not safe yet",
            run.pipeline,
            run.run.short(),
            run.unacked
        )
    };
    app.live().vitals().iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_and_what_is_not_are_events_that_there_are() {
        assert!([RUN_ENDED].iter().chain(&ROUTINE).all(|kind| Event::TYPES.contains(kind)));
    }
}
