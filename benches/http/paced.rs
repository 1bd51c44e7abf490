//! Requests at a rate. Each is due at its own moment, whether or not those before it were answered, and how long it took counts
//! from there: a server that stands still for a while pays for all who would have asked meanwhile.

use std::{
    cell::Cell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};

use tokio::task::LocalSet;

use super::line::{Ask, Line};

const CONNECTIONS: u64 = 64;
const LASTS: Duration = Duration::from_secs(3);
/// Before that everything is warm.
const WARM: Duration = Duration::from_millis(500);

/// Milliseconds of each.
pub(crate) fn ms(address: SocketAddr, ask: &Ask, rate: f64) -> Vec<f64> {
    let warm = (rate * WARM.as_secs_f64()) as usize;
    let mut took = during(address, ask, rate, WARM + LASTS);
    took.split_off(warm.min(took.len() - 1))
}

/// The same over a time of one's own, in the order in which they were answered.
pub(crate) fn during(address: SocketAddr, ask: &Ask, rate: f64, lasts: Duration) -> Vec<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let requests: Rc<[Vec<u8>]> = ask.all().into();
    let (next, took) = (Rc::new(Cell::new(0_u64)), Rc::new(Cell::new(Vec::new())));
    let count = (rate * lasts.as_secs_f64()) as u64;
    LocalSet::new().block_on(&runtime, async {
        let mut lines = Vec::new();
        for _ in 0..CONNECTIONS.min(count) {
            lines.push(Line::open(address).await);
        }
        let begun = Instant::now();
        let tasks: Vec<_> = lines
            .into_iter()
            .map(|mut line| {
                let (requests, next, took) = (requests.clone(), next.clone(), took.clone());
                tokio::task::spawn_local(async move {
                    loop {
                        let number = next.replace(next.get() + 1);
                        if number >= count {
                            return;
                        }
                        let due = begun + Duration::from_secs_f64(number as f64 / rate);
                        tokio::time::sleep_until(due.into()).await;
                        line.ask(&requests[number as usize % requests.len()]).await;
                        let mut all = took.take();
                        all.push(due.elapsed().as_secs_f64() * 1e3);
                        took.set(all);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("answers are successes");
        }
    });
    took.take()
}
