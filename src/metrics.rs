//! What `GET /metrics` tells, made at the moment it is asked: from the engine's vital figures and its read models, so that
//! Prometheus, the console and `/health` cannot disagree. Nothing is counted a second time for it, but requests over HTTP.
//!
//! Names begin with `flexcore_` and stay. Labels are bounded: a pipeline, queue or reader beyond the first few hundred is
//! told with the others as `other`.

mod engine;
mod family;
mod flow;
pub mod http;
mod process;
mod told;

use flexcore_engine::{handle::Engine, vitals::Vitals};

use family::Families;
use told::Told;

/// The media type of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Pipelines that are told by name.
pub const PIPELINES_TOLD_MAX: usize = 200;
/// Queues that are told by name.
pub const QUEUES_TOLD_MAX: usize = 200;
/// Steps that are told by name.
pub const STEPS_TOLD_MAX: usize = 1_000;

/// Tells the metrics of one engine. What is told by name stays so for as long as the process lives: a counter that moved
/// between its own name and `other` would seem to begin anew.
#[derive(Debug, Default)]
pub struct Metrics {
    pipelines: Told,
    queues: Told,
    steps: Told,
    /// What is counted of HTTP.
    pub http: http::HttpMeter,
}

impl Metrics {
    /// All of it, in Prometheus' text format.
    pub async fn text(&self, engine: &Engine, vitals: &Vitals) -> String {
        let mut families = Families::default();
        engine::tell(&mut families, vitals);
        let board = engine.view(flow::Board::of).await;
        flow::pipelines(&mut families, &board, &self.pipelines);
        flow::steps(&mut families, vitals, &self.steps);
        flow::queues(&mut families, vitals, &self.queues, engine.clock().now());
        self.http.tell(&mut families);
        process::tell(&mut families, vitals);
        families.text()
    }
}
