//! A folder with pipelines, a data directory, and engines in it, one after the other.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    dice::Dice,
    engine::Engine,
    files::{self, PIPELINES},
    load::{APPENDERS, Disk, Load, SENDERS},
    model::{Model, Series},
    torn, verify,
};

/// What a killed pipeline had taken must be through within this time.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(120);

pub(crate) struct World {
    folder: TempDir,
    program: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) shared: Arc<Mutex<Model>>,
}

impl World {
    pub(crate) fn new(program: &Path) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("crash").tempdir().map_err(|error| error.to_string())?;
        let written = fs::create_dir(folder.path().join("pipes"))
            .and_then(|()| fs::write(folder.path().join("in.ndjson"), files::input()))
            .and_then(|()| {
                let write = |(name, text): &(&str, &str)| {
                    fs::write(folder.path().join("pipes").join(format!("{name}.pipeline.yaml")), text)
                };
                PIPELINES.iter().try_for_each(write)
            });
        written.map_err(|error| format!("{}: {error}", folder.path().display()))?;
        let (streams, senders) = (vec![Series::default(); APPENDERS], vec![Series::default(); SENDERS]);
        let model = Model { streams, senders, ..Model::default() };
        Ok(Self { data: folder.path().join("data"), folder, program: program.into(), shared: Arc::new(Mutex::new(model)) })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn model(&self) -> MutexGuard<'_, Model> {
        self.shared.lock().expect("no code panics while it holds this lock")
    }

    /// Leaves everything as it is, to be looked at.
    pub(crate) fn keep(&mut self, cycle: u64, wrong: &str) -> String {
        self.folder.disable_cleanup(true);
        format!("at kill {cycle}: {wrong}\neverything is left in {}", self.folder.path().display())
    }

    /// Starts an engine and compares.
    pub(crate) async fn begin(&self) -> Result<Engine, String> {
        files::compare(self.folder(), &mut self.model())?;
        let engine = Engine::start(&self.program, self.folder(), &self.data)?;
        let compared = self.compare(&engine).await;
        compared.map_err(|wrong| format!("{wrong}\n{}", engine.told()))?;
        Ok(engine)
    }

    async fn compare(&self, engine: &Engine) -> Result<(), String> {
        self.model().figures.torn_cut += engine.torn;
        let seen = self.model().seen.clone();
        let tail = verify::read_log(&engine.client, seen.as_ref()).await?;
        tail.compare(&mut self.model())?;
        if self.has(engine, "box").await {
            let found = verify::peek(&engine.client, "box").await?;
            verify::compare_box(&mut self.model(), &found)?;
        } else if self.model().senders.iter().any(|series| series.acked > 0) {
            return Err("LOST: the queue box".into());
        }
        Ok(())
    }

    async fn has(&self, engine: &Engine, queue: &str) -> bool {
        engine.client.read::<Value>(Method::GET, &format!("/queues/{queue}"), None).await.is_ok()
    }

    pub(crate) async fn kill_once(&self, dice: &mut Dice) -> Result<(), String> {
        let engine = self.begin().await?;
        let load = Load::start(&engine, &self.shared, dice, Disk::Roomy);
        tokio::time::sleep(Duration::from_millis(dice.between(20, 700))).await;
        engine.kill()?;
        load.end().await?;
        self.model().figures.kills += 1;
        for part in ["log", "queues"] {
            self.model().figures.torn_made += u64::from(torn::tear(&self.data.join(part), dice)?);
        }
        Ok(())
    }

    /// Lets the pipelines come to the end of what they have, and looks whether all of it has arrived.
    pub(crate) async fn drain(&self) -> Result<(), String> {
        let engine = self.begin().await?;
        let deadline = Instant::now() + DRAIN_TIME_MAX;
        while self.has(&engine, "work").await {
            let stats: Value = engine.client.read(Method::GET, "/queues/work", None).await.map_err(|error| error.to_string())?;
            if ["ready", "leased", "delayed"].iter().all(|state| stats[state] == 0) {
                break;
            }
            if Instant::now() > deadline {
                return Err(format!("the queue work does not drain: {stats}\n{}", engine.told()));
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let found = if self.has(&engine, "work").await { verify::peek(&engine.client, "work").await? } else { Vec::new() };
        let dead: HashSet<u64> = found.iter().filter_map(|(body, ..)| body["w"].as_u64()).collect();
        engine.kill()?;
        files::compare_work(self.folder(), &mut self.model(), &dead)
    }
}
