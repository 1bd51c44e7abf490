//! What the engine sends by itself: events, and figures. Each is followed by a task of its own, which tries again for ever.

use std::{sync::Arc, time::Duration};

use flexcore_engine::{id::Position, port::store::Filter};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::sleep,
};

use super::FEED_MAX;
use crate::{
    effect::Tone,
    link::{LineState, Link, LinkError},
    msg::Msg,
};

/// How many older events are shown at the start.
const BACKLOG_MAX: usize = 2_000;
/// The first wait after a failure; doubles up to [`WAIT_MAX`].
const WAIT_MIN: Duration = Duration::from_millis(500);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_secs(5);

pub(super) fn start(link: &Arc<dyn Link>) -> (JoinSet<()>, mpsc::Receiver<Msg>) {
    let (feed, fed) = mpsc::channel(FEED_MAX);
    let mut feeders = JoinSet::new();
    if let Some(notice) = link.notice() {
        // It is empty yet.
        let _ = feed.try_send(Msg::Said(Tone::Warn, notice));
    }
    if let Some(states) = link.line() {
        feeders.spawn(line(states, feed.clone()));
    }
    feeders.spawn(events(link.clone(), feed.clone()));
    feeders.spawn(vitals(link.clone(), feed));
    (feeders, fed)
}

/// Waits longer after each failure; not all consoles of an engine that comes back come at once.
struct Backoff(Duration);

impl Backoff {
    async fn wait(&mut self) {
        sleep(self.0.mul_f64(jitter())).await;
        self.0 = (self.0 * 2).min(WAIT_MAX);
    }

    fn reset(&mut self) {
        self.0 = WAIT_MIN;
    }
}

/// From 0.5 to 1. The standard library's hashers are seeded at random, which is random enough.
fn jitter() -> f64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let random = RandomState::new().build_hasher().finish();
    0.5 + (random % 1_000) as f64 / 2_000.0
}

/// Tells how a line stands. Equal states are one, and of states that pass quickly only the last is told.
async fn line(mut states: watch::Receiver<LineState>, feed: mpsc::Sender<Msg>) {
    let mut told = None;
    loop {
        let state = *states.borrow_and_update();
        if told != Some(state) && feed.send(Msg::Line(state)).await.is_err() {
            return;
        }
        told = Some(state);
        if states.changed().await.is_err() {
            return;
        }
    }
}

/// Read models first, then every event after them. The console is gone when nobody receives.
async fn events(link: Arc<dyn Link>, feed: mpsc::Sender<Msg>) {
    let (mut seen, mut backoff) = (None, Backoff(WAIT_MIN));
    while !feed.is_closed() {
        let from = match begin(&*link, &feed, seen).await {
            Ok(from) => from,
            Err(error) => {
                lost(&feed, &error).await;
                backoff.wait().await;
                continue;
            }
        };
        backoff.reset();
        let (position, error) = follow(&*link, &feed, from).await;
        // An answer that is no means that what comes next is not kept any more: begin anew.
        seen = matches!(error, LinkError::Gone(_)).then_some(position);
        lost(&feed, &error).await;
        backoff.wait().await;
    }
}

async fn lost(feed: &mpsc::Sender<Msg>, error: &LinkError) {
    // Nobody receives: the console is gone, and the caller sees it.
    let _ = feed.send(Msg::Lost(error.to_string())).await;
}

/// Where to follow from. Read models are sent only when the console has none that fit: it folds on by itself.
async fn begin(link: &dyn Link, feed: &mpsc::Sender<Msg>, seen: Option<Position>) -> Result<Position, LinkError> {
    if let Some(seen) = seen
        && link.resumes(seen).await?
    {
        return Ok(seen);
    }
    let models = link.models().await?;
    let position = models.position;
    let _ = feed.send(Msg::Models(Box::new(models))).await;
    if let Ok(page) = link.read_back(position.next(), Filter::default(), BACKLOG_MAX).await {
        let _ = feed.send(Msg::Backlog(page.events.into())).await;
    }
    Ok(position)
}

async fn follow(link: &dyn Link, feed: &mpsc::Sender<Msg>, from: Position) -> (Position, LinkError) {
    let mut after = from;
    loop {
        match link.follow(after).await {
            Ok(page) => {
                after = after.max(page.seen);
                if feed.send(Msg::Events(page.events.into())).await.is_err() {
                    return (after, LinkError::Gone("the console is closed".into()));
                }
            }
            Err(error) => return (after, error),
        }
    }
}

async fn vitals(link: Arc<dyn Link>, feed: mpsc::Sender<Msg>) {
    let (mut newest, mut backoff) = (None, Backoff(WAIT_MIN));
    loop {
        match link.vitals(newest).await {
            Ok(vitals) => {
                newest = Some(vitals.at);
                backoff.reset();
                if feed.send(Msg::Vitals(vitals)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                newest = None;
                lost(&feed, &error).await;
                backoff.wait().await;
            }
        }
        if feed.is_closed() {
            return;
        }
    }
}
