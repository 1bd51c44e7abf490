//! The least that can be called a queue. The bodies, and the clones of them, are the same as ours.

use std::{
    collections::{HashMap, VecDeque},
    hint::black_box,
    sync::{Mutex, MutexGuard},
    time::Instant,
};

use bytes::Bytes;
use flexcore_engine::{
    port::clock::{Clock, SystemClock},
    queue::fitness,
};

use crate::{BODY, MESSAGES};

fn bodies(count: usize) -> Vec<Bytes> {
    vec![Bytes::from_static(BODY); count]
}

fn rate(start: Instant) -> f64 {
    MESSAGES as f64 / start.elapsed().as_secs_f64()
}

#[derive(Default)]
struct Bare {
    ready: VecDeque<(u64, Bytes)>,
    leased: HashMap<u64, Bytes>,
    next: u64,
}

/// Sends, leases and acks in batches, each under the lock once and with a look at the clock.
pub(crate) fn mutex_cycle(batch: usize) -> f64 {
    let queue = Mutex::new(Bare::default());
    let lock = || (black_box(SystemClock.now()), queue.lock().expect("nobody panics")).1;
    let start = Instant::now();
    for _ in 0..MESSAGES / batch {
        send(bodies(batch), lock);
        let received: Vec<(u64, Bytes)> = {
            let mut bare = lock();
            let taken: Vec<_> = bare.ready.drain(..batch).collect();
            bare.leased.extend(taken.iter().cloned());
            taken
        };
        let mut bare = lock();
        for (id, _) in &received {
            bare.leased.remove(id).expect("it is leased");
        }
    }
    rate(start)
}

fn send<'a>(bodies: Vec<Bytes>, lock: impl Fn() -> MutexGuard<'a, Bare>) {
    for body in &bodies {
        fitness::check_body(body).expect("bodies are JSON");
    }
    let mut bare = lock();
    for body in bodies {
        bare.next += 1;
        let id = bare.next;
        bare.ready.push_back((id, body));
    }
}

/// Sends and receives through a bounded channel; there is no lease and no ack.
pub(crate) fn channel_cycle(batch: usize) -> f64 {
    let (sender, receiver) = std::sync::mpsc::sync_channel(4_096);
    let start = Instant::now();
    for _ in 0..MESSAGES / batch {
        for body in bodies(batch) {
            sender.send(body).expect("the receiver lives");
        }
        let received: Vec<Bytes> = receiver.try_iter().take(batch).collect();
        assert_eq!(received.len(), batch);
    }
    rate(start)
}
