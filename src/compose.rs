//! The one place that puts the parts together, and the only file that names adapters.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use color_eyre::eyre::WrapErr;
use flexcore_engine::{
    aggregate::Rejection,
    command::{Command, PipelineCommand, Request},
    handle::{Accepted, Engine, Refusal},
    id::Actor,
    port::{
        clock::{Clock, SystemClock},
        step::{Secrets, StepTypes},
    },
    projection::board::PipelineState,
    queue::memory::MemoryQueues,
    runtime::{Probes, Runtime, RuntimeSettings},
    store::memory::{Limits, MemoryLog},
    unit::Duration,
    vitals::Vitals,
};
use tokio::sync::{Mutex, watch};

use crate::{config::Settings, definition::Loaded, probe, step::EnvFileSecrets};

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
        engine.record_started(env!("CARGO_PKG_VERSION"), &settings.node).await?;
        let probe = Probes::new(probe::read);
        let runtime = Runtime::start(engine.clone(), types.clone(), secrets.clone(), runtime_settings, probe).await?;
        let (vitals, live) = (runtime.vitals(), runtime.live().clone());
        Ok(Self { settings, engine, types, secrets, folder, vitals, live, runtime: Mutex::new(Some(runtime)) })
    }

    /// Takes over pipelines of files: new ones are created and activated, known ones revised.
    pub async fn adopt(&self, pipelines: Vec<Loaded>) -> Result<(), Refusal> {
        for pipeline in pipelines {
            self.adopt_one(pipeline).await?;
        }
        Ok(())
    }

    async fn adopt_one(&self, loaded: Loaded) -> Result<(), Refusal> {
        let name = loaded.definition.name.clone();
        let known = name.clone();
        let state = self.engine.view(move |models| models.board.pipelines.get(&known).map(|row| row.state)).await;
        let Loaded { definition, revision, source, .. } = loaded;
        let command = match state {
            None => PipelineCommand::Create { revision, definition, source },
            Some(_) => PipelineCommand::Revise { revision, definition, source, expected: None },
        };
        match self.submit(Command::Pipeline(name.clone(), command)).await {
            Ok(_) | Err(Refusal::Rejected(Rejection::Unchanged(_))) => {}
            Err(refusal) => return Err(refusal),
        }
        if matches!(state, None | Some(PipelineState::Draft)) {
            self.submit(Command::Pipeline(name, PipelineCommand::Activate)).await?;
        }
        Ok(())
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
