//! An engine on a data directory whose pipelines run again and again.

use std::{fs, io::Write, path::Path, sync::Arc};

use flexcore::step::{EnvFileSecrets, table};
use flexcore_engine::{
    alert::default_rules,
    command::{Command, PipelineCommand, Request},
    event::pipeline::{RunTrigger, Source},
    handle::Engine,
    id::{Actor, PipelineName, RunId},
    pipeline::{Definition, revision},
    port::{clock::SystemClock, store::Filter},
    queue::journal::JournalQueues,
    runtime::{Probes, Runtime, RuntimeSettings},
    store::{
        journal::{Journal, Settings},
        memory::Limits,
    },
    subscription::Subscription,
    unit::{ByteSize, Duration},
    vitals::ProcessVitals,
};
use serde_json::{Map, json};
use tempfile::TempDir;

/// Pipelines, of which every fourth also appends events of its own; their runs go on at once, as far as there are workers.
const PIPELINES: usize = 128;
const WORKERS: u32 = 64;
/// What is kept of the log.
const LIMITS: Limits = Limits { events_max: 100_000, bytes_max: 128 << 20 };
const MILLION: u64 = 1_000_000;
/// Every so many events memory is looked at.
const LOOK_EVERY: u64 = 10_000;

/// The most memory of the process within each million of so many, in MB.
pub(crate) fn resident_mb_by_million(millions: usize) -> Vec<f64> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(target).expect("the target folder is ours");
    let folder = TempDir::new_in(target).expect("the target folder is ours");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("threads can be made");
    let most = runtime.block_on(work(folder.path(), millions));
    runtime.shutdown_timeout(std::time::Duration::from_secs(10));
    most
}

async fn work(folder: &Path, millions: usize) -> Vec<f64> {
    let clock = SystemClock::shared();
    let log = Journal::open(&folder.join("log"), Settings { limits: LIMITS, ..Settings::default() }).expect("it is ours");
    let queues = JournalQueues::open(&folder.join("queues"), flexcore_engine::queue::journal::Settings::default(), clock.clone());
    let engine = Engine::new(Arc::new(log), Arc::new(queues.expect("it is ours")), clock);
    let probes = Probes::new(ProcessVitals::default);
    let running = Runtime::start(engine.clone(), table(), Arc::new(EnvFileSecrets::default()), settings(folder), probes);
    let running = running.await.expect("it starts");
    let ended = Filter { types: vec!["pipeline.run_ended".into()], ..Filter::default() };
    let mut ended = Subscription::new(engine.store().clone(), engine.store().head(), ended);
    for number in 0..PIPELINES {
        begin(&engine, number).await;
    }
    let (mut most, mut looked) = (vec![0.0_f64; millions], 0);
    while looked < millions as u64 * MILLION {
        let page = ended.next().await.expect("it is read as it is written");
        for envelope in &*page.events {
            let name = envelope.stream.as_str().trim_start_matches("pipeline/").parse().expect("it is a pipeline's");
            let engine = engine.clone();
            // It waits for the disk: others go on.
            tokio::spawn(async move { ask(&engine, name).await });
        }
        let head = engine.store().head().0;
        if head >= looked + LOOK_EVERY {
            looked = look(head, looked, &mut most);
        }
    }
    running.stop(Duration::from_secs(10)).await;
    most
}

/// Takes in how much memory it is, and tells it at each million.
fn look(head: u64, before: u64, most: &mut [f64]) -> u64 {
    let (million, resident) = ((before / MILLION) as usize, resident_mb());
    if let Some(most) = most.get_mut(million) {
        *most = most.max(resident);
    }
    if head / MILLION > before / MILLION {
        let text = format!("    {} M events: {resident:.0} MB, at most {:.0}\n", head / MILLION, most[million]);
        drop(std::io::stdout().write_all(text.as_bytes()));
    }
    head
}

fn settings(folder: &Path) -> RuntimeSettings {
    RuntimeSettings {
        traced: false,
        node: "bench".into(),
        workers: WORKERS,
        retain_events_max: LIMITS.events_max,
        retain_bytes_max: ByteSize(LIMITS.bytes_max),
        retain_age_max: None,
        retain_types: Vec::new(),
        store_kind: "journal".into(),
        alerts: default_rules(),
        folder: folder.into(),
    }
}

/// Makes a pipeline and asks for its first run.
async fn begin(engine: &Engine, number: usize) {
    let name: PipelineName = format!("pipe-{number:03}").parse().expect("it follows the rule for names");
    let tells = number.is_multiple_of(4);
    let count = if tells { 200 } else { 5 };
    let sink = if tells {
        json!({"name": "tell", "uses": "event.append", "with": {"stream": "order/\\(.n)", "type": "order.paid"}})
    } else {
        json!({"name": "away", "uses": "drop"})
    };
    let made = json!({"name": "make", "uses": "generate", "with": {"interval": "0ms", "count": count}});
    let definition = json!({"name": name, "steps": [made, sink]});
    let definition: Arc<Definition> = Arc::new(serde_json::from_value(definition).expect("it is a definition"));
    let source = Source { text: "steps: []".into(), path: None, folder: "/".into() };
    let create = PipelineCommand::Create { revision: revision::of(&definition), definition, source };
    for command in [create, PipelineCommand::Activate] {
        submit(engine, &name, command).await;
    }
    ask(engine, name).await;
}

async fn ask(engine: &Engine, name: PipelineName) {
    let request = PipelineCommand::RequestRun { run: RunId::fresh(), trigger: RunTrigger::Manual, params: Map::new() };
    submit(engine, &name, request).await;
}

async fn submit(engine: &Engine, name: &PipelineName, command: PipelineCommand) {
    let command = Command::Pipeline(name.clone(), command);
    let request = Request::new(command, Actor::Operator("bench".into()), engine.clock().now());
    engine.submit(request).await.expect("it is allowed");
}

fn resident_mb() -> f64 {
    let text = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: f64 = text.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or_default();
    pages * 4_096.0 / 1e6
}
