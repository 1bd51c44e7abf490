//! One target: its letters one after the other, each tried until it is taken, refused for good, or given up.

use std::sync::Arc;

use bytes::Bytes;
use flexcore_engine::{
    id::{EventId, Position},
    pipeline::definition::Retry,
    port::clock::between,
    retry::backoff,
    unit::Duration,
};
use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{AGE_MAX, Office, post::Failure};

/// The wait before the second try; it doubles with each.
const BACKOFF: Duration = Duration::from_secs(1);
/// The longest wait between two tries.
const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// Where to, and how hard to try.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) url: String,
    pub(super) secret: Option<String>,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
}

/// What somebody is to be told.
pub(super) struct Letter {
    pub(super) position: Position,
    pub(super) id: EventId,
    pub(super) at: Timestamp,
    pub(super) body: Bytes,
    pub(super) addresses: Vec<Address>,
}

/// The task.
pub(super) struct Courier {
    pub(super) office: Arc<Office>,
    pub(super) target: String,
    pub(super) letters: mpsc::Receiver<Letter>,
}

impl Courier {
    pub(super) async fn run(mut self) {
        while let Some(letter) = self.letters.recv().await {
            let mut outcome = "delivered".to_owned();
            for address in &letter.addresses {
                if let Err(why) = self.deliver(&letter, address).await {
                    tracing::warn!(target_name = self.target, event = %letter.id, "a notification was given up: {why}");
                    outcome = format!("given up: {why}");
                }
            }
            self.office.record(&self.target, letter.position, &outcome).await;
        }
    }

    async fn deliver(&self, letter: &Letter, address: &Address) -> Result<(), String> {
        let clock = self.office.engine.clock();
        let mut tries = 0;
        loop {
            if between(letter.at, clock.now()) > AGE_MAX.0 {
                return Err(format!("it is older than {AGE_MAX}"));
            }
            tries += 1;
            match self.office.post(letter, address).await {
                Ok(()) => return Ok(()),
                Err(Failure { why, again: false, .. }) => return Err(why),
                Err(Failure { why, .. }) if tries >= address.attempts => return Err(format!("{why}, {tries} tries")),
                Err(Failure { why, wait, .. }) => {
                    let wait = wait.unwrap_or_default().min(BACKOFF_MAX.0).max(pause(letter, tries));
                    tracing::warn!(target_name = self.target, event = %letter.id, tries, "not taken: {why}; again in {wait:.0?}");
                    clock.sleep(wait).await;
                }
            }
        }
    }
}

/// The end of a random id is as good a die as any.
fn pause(letter: &Letter, tries: u32) -> std::time::Duration {
    let retry = Retry { attempts: 0, backoff: BACKOFF, factor: 2.0, max: BACKOFF_MAX, jitter: 0.2 };
    let random = f64::from(letter.id.0.as_u64_pair().1 as u32) / f64::from(u32::MAX);
    backoff(&retry, tries, random)
}
