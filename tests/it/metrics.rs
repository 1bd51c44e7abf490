//! What `/metrics` tells is what happened: an engine runs, and its figures are compared with what went in and came out.

#![expect(clippy::float_cmp, reason = "what is compared are counts, which are whole numbers")]

pub(crate) mod exposition;

use std::sync::Arc;

use flexcore::{
    compose::App,
    config::{Layers, Settings},
    definition,
    metrics::Metrics,
    step,
};
use flexcore_engine::{
    command::{Command, PipelineCommand},
    event::pipeline::RunTrigger,
    id::{PipelineName, RunId},
    unit::Duration,
};

use exposition::Exposition;

const SUMS: &str = "
name: sums
steps:
  - {name: make, uses: generate, with: {interval: 0s, count: 250, template: '{n: $n}'}}
  - {name: even, uses: map, on_error: dead_letter, with: {filter: '.n % 2 == 0', expr: 'if .n > 200 then error(\"too much\") else . end'}}
  - {name: out, uses: drop}
";

async fn app() -> Arc<App> {
    let layers = Layers::defaults(&|_| None);
    let settings = Settings::of(&layers).unwrap();
    Arc::new(App::start(settings, step::table()).await.unwrap())
}

async fn adopt(app: &App, text: &str) {
    let loaded = definition::load(text, None, &*step::table(), &|_| None).unwrap();
    app.adopt(vec![loaded]).await.unwrap();
}

/// Asks for a run and waits until it has ended.
async fn run(app: &App, name: &str) {
    let (name, run) = (PipelineName::new(name).unwrap(), RunId::fresh());
    let command = PipelineCommand::RequestRun { run, trigger: RunTrigger::Manual, params: serde_json::Map::new() };
    app.submit(Command::Pipeline(name, command)).await.unwrap();
    loop {
        let seen = app.engine.store().head();
        let ended = app.engine.view(move |models| models.runs.runs.get(&run).is_some_and(|row| row.state.is_ended())).await;
        if ended {
            return;
        }
        app.engine.store().wait_past(seen).await;
    }
}

/// The metrics after the next figures were taken, at which no run lives.
async fn settled(app: &App, metrics: &Metrics) -> Exposition {
    let now = app.engine.clock().now();
    let mut vitals = app.vitals();
    let vitals = vitals.wait_for(|vitals| vitals.at > now && vitals.runs.is_empty()).await.unwrap().clone();
    Exposition::parse(&metrics.text(&app.engine, &vitals).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_what_happened() {
    let app = app().await;
    let metrics = Metrics::default();
    adopt(&app, SUMS).await;
    for _ in 0..2 {
        run(&app, "sums").await;
    }
    let told = settled(&app, &metrics).await;
    let step =
        |step, flow| told.get(&format!("flexcore_step_records_total{{flow=\"{flow}\",pipeline=\"sums\",step=\"{step}\"}}"));
    assert_eq!((step("make", "in"), step("even", "in"), step("even", "dropped")), (500.0, 500.0, 250.0));
    assert_eq!((step("even", "dead"), step("out", "out")), (50.0, 200.0));
    assert_eq!(told.get("flexcore_runs_total{outcome=\"succeeded\",pipeline=\"sums\"}"), 2.0);
    assert_eq!(told.get("flexcore_runs_total{outcome=\"failed\",pipeline=\"sums\"}"), 0.0);
    assert_eq!(told.get("flexcore_pipelines{state=\"active\"}"), 1.0);
    assert_eq!(told.get("flexcore_dead_letters_total{pipeline=\"sums\"}"), 50.0);
    assert_eq!(told.get("flexcore_queue_messages{queue=\"sums.dead\",state=\"dead\"}"), 50.0);
    assert_eq!(told.get("flexcore_queue_messages_total{became=\"acked\",queue=\"flexcore.runs\"}"), 2.0);
    let head = told.get("flexcore_log_head_position");
    // An alert may be raised at any moment: it is an event as well.
    assert!(head > 10.0 && head <= app.engine.store().head().0 as f64, "{head}");
    assert_eq!(told.get("flexcore_events_appended_total"), head);
    assert!(told.get("flexcore_append_duration_seconds_count") > 10.0);
    assert!(told.get("flexcore_append_duration_seconds_sum") > 0.0);
    assert_eq!(told.get("flexcore_subscription_lag_events{reader=\"dispatcher\"}"), 0.0);
    assert_eq!(told.get("flexcore_check_state{check=\"log writable\"}"), 0.0);
    assert!(told.get("flexcore_process_resident_memory_bytes") > 1e6);
    assert_eq!(app.stop(Duration::from_secs(5)).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_only_grow() {
    let app = app().await;
    let metrics = Metrics::default();
    adopt(&app, SUMS).await;
    let mut before = settled(&app, &metrics).await;
    for _ in 0..3 {
        run(&app, "sums").await;
        let after = settled(&app, &metrics).await;
        for (series, value) in before.samples.iter().filter(|(series, _)| series.contains("_total")) {
            assert!(after.get(series) >= *value, "{series}");
        }
        before = after;
    }
    app.stop(Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_pipelines_than_are_told_are_summed() {
    let app = app().await;
    let metrics = Metrics::default();
    let count = flexcore::metrics::PIPELINES_TOLD_MAX + 5;
    for number in 0..count {
        let text = format!(
            "name: p{number:04}\nsteps:\n  - {{name: a, uses: generate, with: {{interval: 0s, count: 1}}}}\n  - {{name: b, uses: drop}}\n"
        );
        adopt(&app, &text).await;
    }
    let told = settled(&app, &metrics).await;
    let named = told.samples.keys().filter(|series| series.starts_with("flexcore_pipeline_failures_in_row{")).count();
    assert_eq!(named, flexcore::metrics::PIPELINES_TOLD_MAX + 1);
    assert!(told.samples.contains_key("flexcore_pipeline_failures_in_row{pipeline=\"other\"}"));
    assert_eq!(told.get("flexcore_pipelines{state=\"active\"}"), count as f64);
    app.stop(Duration::from_secs(5)).await;
}

#[test]
fn a_request_is_counted_by_its_route_and_never_by_its_path() {
    let http = flexcore::metrics::http::HttpMeter::default();
    let took = std::time::Duration::from_millis(3);
    http.record(Some("/runs/{id}"), "GET", 200, took);
    http.record(Some("/runs/{id}"), "GET", 404, took);
    http.record(None, "GET", 404, took);
    http.record(None, "BREW", 405, took);
    let told = Exposition::parse(&http.text());
    assert_eq!(told.get("flexcore_http_requests_total{method=\"GET\",route=\"/runs/{id}\",status=\"200\"}"), 1.0);
    assert_eq!(told.get("flexcore_http_requests_total{method=\"other\",route=\"other\",status=\"405\"}"), 1.0);
    assert_eq!(told.get("flexcore_http_request_duration_seconds_count{method=\"GET\",route=\"/runs/{id}\"}"), 2.0);
}
