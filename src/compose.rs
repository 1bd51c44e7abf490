//! The one place that puts the parts together, and the only file that names adapters.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use color_eyre::eyre::WrapErr;
use flexcore_engine::{
    command::{Command, Request},
    handle::{Accepted, Engine, Refusal},
    id::{Actor, Position},
    port::{
        clock::{Clock, SystemClock},
        step::{Secrets, StepTypes},
        store::Store,
    },
    queue::memory::MemoryQueues,
    runtime::{Probes, Runtime, RuntimeSettings},
    store::{
        journal::{Journal, OpenError},
        memory::{Limits, MemoryLog},
    },
    unit::Duration,
    vitals::Vitals,
};
use tokio::sync::{Mutex, watch};

use crate::{config::Settings, data_dir, probe, step::EnvFileSecrets};

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
    /// The log's head before this process did anything.
    pub begun: Position,
    vitals: watch::Receiver<Arc<Vitals>>,
    live: flexcore_engine::runtime::LiveRuns,
    /// Taken when it stops.
    runtime: Mutex<Option<Runtime>>,
}

impl App {
    /// Starts the engine in this process, in memory, with a table of step types: below a console, not one that prints.
    pub async fn start(settings: Settings, types: Arc<dyn StepTypes>) -> color_eyre::Result<Self> {
        let clock: Arc<dyn Clock> = SystemClock::shared();
        let limits = Limits { events_max: settings.retain_events_max, bytes_max: settings.retain_bytes_max.0 };
        let store = Arc::new(MemoryLog::new(limits));
        let queues = Arc::new(MemoryQueues::new(clock.clone()));
        let engine = Engine::new(store, queues, clock);
        let secrets = secrets(&settings);
        let folder = std::env::current_dir().wrap_err("cannot find out which folder this is")?;
        let runtime_settings = runtime_settings(&settings, &folder);
        let begun = engine.store().head();
        engine.record_started(env!("CARGO_PKG_VERSION"), &settings.node).await?;
        let probe = Probes::new(probe::read);
        let runtime = Runtime::start(engine.clone(), types.clone(), secrets.clone(), runtime_settings, probe).await?;
        let (vitals, live) = (runtime.vitals(), runtime.live().clone());
        Ok(Self { settings, engine, types, secrets, folder, begun, vitals, live, runtime: Mutex::new(Some(runtime)) })
    }

    /// The directory that keeps everything, if there is one.
    pub fn data_folder(&self) -> Option<&Path> {
        self.settings.data.as_deref()
    }

    /// Submits a command of this process's operator.
    pub async fn submit(&self, command: Command) -> Result<Accepted, Refusal> {
        let actor = Actor::Operator(self.settings.operator.as_str().into());
        self.engine.submit(Request::new(command, actor, self.engine.clock().now())).await
    }

    /// The newest vital figures, and a way to wait for newer ones.
    pub fn vitals(&self) -> watch::Receiver<Arc<Vitals>> {
        self.vitals.clone()
    }

    /// Logs and taps of runs.
    pub fn live(&self) -> &flexcore_engine::runtime::LiveRuns {
        &self.live
    }

    /// Stops in order, within a grace; says how many runs were still going when it ended.
    pub async fn stop(&self, grace: Duration) -> usize {
        let Some(runtime) = self.runtime.lock().await.take() else { return 0 };
        let left = runtime.stop(grace).await;
        if let Err(error) = self.engine.record_stopped(left as u64).await {
            tracing::warn!(%error, "the stop is not on record");
        }
        left
    }
}

/// The log of a data directory as of now, whoever has it. What is appended to it later is not seen.
pub fn look_at_log(folder: &Path) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(Journal::look(&data_dir::log(folder))?))
}

fn secrets(settings: &Settings) -> Arc<dyn Secrets> {
    let command = settings.secrets_command.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect();
    Arc::new(EnvFileSecrets { folder: settings.secrets_folder.clone(), command })
}

fn runtime_settings(settings: &Settings, folder: &Path) -> RuntimeSettings {
    RuntimeSettings {
        node: settings.node.clone(),
        workers: settings.workers,
        retain_events_max: settings.retain_events_max,
        retain_bytes_max: settings.retain_bytes_max,
        store_kind: "memory".into(),
        folder: folder.to_owned(),
    }
}
