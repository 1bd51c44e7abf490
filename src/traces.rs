//! Traces: requests, commands, runs and steps as spans, for an OpenTelemetry collector that the setting `traces.url` names.
//!
//! A trace is a correlation: both are 128 bits, so whoever has one has the other. Requests and commands are noted as they end.
//! Runs and steps are told from the log, whose events say when they began and ended: so a run that another process began is
//! whole, too. Nothing waits for the collector: what it does not take in time is given up, counted and told in the log.

#[cfg(feature = "traces")]
mod export;
mod open;
pub mod parent;
mod roots;
mod span;
mod teller;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use flexcore_engine::{handle::Engine, id::CorrelationId, port::step::Secrets};
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

pub use open::{Open, Told, of};
use parent::Parent;
use roots::Roots;
use span::Span;
pub use span::{Attribute, Kind, SpanId, run_span, step_span};

use crate::config::TraceSettings;

/// Spans that wait to be sent; further ones are given up.
pub const SPANS_MAX: usize = 8_192;
/// Spans of one request to the collector.
pub const BATCH_MAX: usize = 512;
/// A span waits at most so long for others to go with it.
pub const FLUSH_EVERY: Duration = Duration::from_secs(2);
/// At a stop, the collector has so long to take what is left.
const LAST_MAX: Duration = Duration::from_secs(2);

/// Why no traces can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// This program cannot.
    #[error("this flexcore was built without traces (feature `traces`): it cannot use the setting traces.url")]
    NotBuilt,
    /// No client can be made.
    #[error("no HTTP client can be made for traces")]
    Client(#[from] reqwest::Error),
}

/// Where spans go. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Traces(Arc<Inner>);

struct Inner {
    engine: Engine,
    share: f64,
    spans: mpsc::Sender<Span>,
    given_up: AtomicU64,
    roots: Mutex<Roots>,
}

/// The tasks. They end with it.
pub struct Tracing {
    traces: Traces,
    closing: CancellationToken,
    teller: AbortOnDropHandle<()>,
    sender: AbortOnDropHandle<()>,
}

impl Tracing {
    /// Begins. `None`: no collector is set.
    pub fn start(
        engine: &Engine,
        secrets: &Arc<dyn Secrets>,
        node: &str,
        settings: &TraceSettings,
    ) -> Result<Option<Self>, TracesError> {
        let Some(url) = &settings.url else { return Ok(None) };
        let (spans, waiting) = mpsc::channel(SPANS_MAX);
        let closing = CancellationToken::new();
        let sender = sender(url, settings, node, secrets.clone(), waiting, closing.clone())?;
        let inner =
            Inner { engine: engine.clone(), share: settings.share, spans, given_up: AtomicU64::new(0), roots: Mutex::default() };
        let traces = Traces(Arc::new(inner));
        let teller = tokio::spawn(teller::tell(traces.clone()));
        Ok(Some(Self { traces, closing, teller: AbortOnDropHandle::new(teller), sender: AbortOnDropHandle::new(sender) }))
    }

    /// Where spans go.
    pub fn traces(&self) -> &Traces {
        &self.traces
    }

    /// Sends what is left, within a time.
    pub async fn stop(self) {
        self.teller.abort();
        self.closing.cancel();
        if tokio::time::timeout(LAST_MAX, self.sender).await.is_err() {
            tracing::warn!("the collector did not take the last traces in time");
        }
    }
}

#[cfg(feature = "traces")]
fn sender(
    url: &str,
    settings: &TraceSettings,
    node: &str,
    secrets: Arc<dyn Secrets>,
    waiting: mpsc::Receiver<Span>,
    closing: CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, TracesError> {
    let exporter = export::Exporter::new(url, &settings.headers, node, secrets)?;
    Ok(tokio::spawn(exporter.run(waiting, closing)))
}

#[cfg(not(feature = "traces"))]
fn sender(
    _: &str,
    _: &TraceSettings,
    _: &str,
    _: Arc<dyn Secrets>,
    _: mpsc::Receiver<Span>,
    _: CancellationToken,
) -> Result<tokio::task::JoinHandle<()>, TracesError> {
    Err(TracesError::NotBuilt)
}

impl Traces {
    /// Begins the span of a request. `None`: this trace is not among those that are recorded.
    pub fn request(&self, trace: CorrelationId, caller: Option<Parent>) -> Option<Open> {
        let is_wanted = caller.map_or_else(|| self.has(trace), |caller| caller.sampled);
        let id = self.roots().begin(trace, is_wanted)?;
        let above = caller.filter(|caller| caller.trace == trace);
        let link = caller.filter(|caller| caller.trace != trace);
        Some(Open::new(self.clone(), trace, id, above.map(|caller| caller.span), link))
    }

    /// Begins the span of a command: below the request that brought it, where one did.
    pub fn command(&self, trace: CorrelationId) -> Option<Open> {
        let is_wanted = self.has(trace);
        let (id, above) = self.roots().command(trace, is_wanted)?;
        Some(Open::new(self.clone(), trace, id, above, None))
    }

    fn roots(&self) -> std::sync::MutexGuard<'_, Roots> {
        self.0.roots.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whether a trace is in the share that is recorded: the same answer on every node.
    fn has(&self, trace: CorrelationId) -> bool {
        let place = trace.0.as_u64_pair().1 as u32;
        f64::from(place) < self.0.share * (f64::from(u32::MAX) + 1.0)
    }

    fn record(&self, span: Span) {
        if self.0.spans.try_send(span).is_err() && self.0.given_up.fetch_add(1, Ordering::Relaxed).is_multiple_of(1_000) {
            tracing::warn!("spans are given up: {SPANS_MAX} others wait for the collector");
        }
    }
}
