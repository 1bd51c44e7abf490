//! The power fails at every call to the disk in turn. What was acknowledged is there and nothing that nobody asked for: the
//! queues are as queues in memory would be after just those calls, or after the one more that was under way.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{
    open,
    work::{Answer, Caller, Deed, Seen, busy, q},
};
use crate::{
    port::queue::{NewMessage, Peek, Queues},
    segment::sim::SimDisk,
    testing::{clock::ManualClock, queue_contract::clock},
    unit::Duration,
};

const TURNS: usize = 96;

/// What is seen at the next start, after each number of calls.
async fn expected(deeds: &[Deed]) -> Vec<Seen> {
    let mut all = Vec::new();
    for count in 0..=deeds.len() {
        let mut caller = Caller::of_memory(&clock());
        for deed in &deeds[..count] {
            caller.act(deed).await;
        }
        caller.end_leases().await;
        all.push(caller.look().await);
    }
    all
}

/// Calls until one of them is refused for the disk's sake; how many were not.
async fn work(queues: Arc<dyn Queues>, clock: &ManualClock, deeds: &[Deed]) -> usize {
    let mut caller = Caller::new(queues, clock);
    for (at, deed) in deeds.iter().enumerate() {
        if caller.act(deed).await == Answer::Refused("unavailable") {
            return at;
        }
    }
    deeds.len()
}

#[tokio::test]
async fn whenever_the_power_fails_what_was_acknowledged_is_there() {
    let (deeds, clock) = (busy(TURNS), clock());
    let expected = expected(&deeds).await;
    let whole = SimDisk::default();
    assert_eq!(work(Arc::new(open(&whole, &clock).unwrap()), &clock, &deeds).await, TURNS);
    let calls = whole.world().calls;
    assert!(whole.files().iter().any(|(name, _)| name.rsplit('.').next() == Some("base")), "segments came and went");
    for until in 0..calls {
        let disk = SimDisk::default();
        disk.world().power_until = Some(until);
        let acked = match open(&disk, &clock) {
            Ok(queues) => work(Arc::new(queues), &clock, &deeds).await,
            Err(_) => 0,
        };
        let left = disk.after_crash(until);
        let queues = open(&left, &clock).unwrap_or_else(|error| panic!("power until {until}: {error}"));
        let mut caller = Caller::new(Arc::new(queues), &clock);
        let seen = caller.look().await;
        let under_way = expected.get(acked + 1).unwrap_or(&expected[acked]);
        assert!(seen == expected[acked] || seen == *under_way, "power until {until}, {acked} acknowledged: {seen:?}");
        let more = Deed::Send { count: 1, bytes: 9, priority: 0, delay: 0, ttl: None, key: None };
        assert_eq!(caller.act(&more).await, Answer::Done(1));
        let seen = caller.look().await;
        drop(caller);
        let again = Caller::new(Arc::new(open(&left, &clock).unwrap()), &clock);
        assert_eq!(again.look().await, seen, "power until {until}");
    }
}

#[tokio::test]
async fn many_callers_at_once_lose_nothing_either() {
    let lease = Duration::from_secs(3_600);
    for until in (0..400).step_by(7) {
        let (disk, clock) = (SimDisk::default(), clock());
        disk.world().power_until = Some(until);
        let Ok(queues) = open(&disk, &clock) else { continue };
        let caller = async |at: usize| {
            let (mut sent, mut acked, mut asked) = (Vec::new(), Vec::new(), Vec::new());
            for turn in 0..20 {
                let body = format!("\"{at}.{turn}\"");
                let message = NewMessage { body: body.clone().into(), ..NewMessage::default() };
                if queues.send(&q(), vec![message]).await.is_err() {
                    break;
                }
                sent.push(body);
                if turn % 2 == 1 {
                    let Ok(leased) = queues.receive(&q(), 1, lease, "w").await else { break };
                    let bodies = leased.iter().map(|leased| String::from_utf8(leased.body.to_vec()).unwrap());
                    asked.extend(bodies.clone());
                    let receipts: Vec<_> = leased.iter().map(|leased| leased.receipt).collect();
                    if queues.ack(&q(), &receipts).await.is_err() {
                        break;
                    }
                    acked.extend(bodies);
                }
            }
            (sent, acked, asked)
        };
        let told = join_all((0..16).map(caller)).await;
        drop(queues);
        let queues = open(&disk.after_crash(until), &clock).unwrap();
        let there = queues.peek(&q(), Peek::Waiting, 0, 1_000).await.unwrap_or_default();
        let there: Vec<_> = there.into_iter().map(|message| String::from_utf8(message.body.to_vec()).unwrap()).collect();
        let asked: Vec<_> = told.iter().flat_map(|(_, _, asked)| asked).collect();
        for (sent, acked, _) in &told {
            assert!(sent.iter().all(|body| asked.contains(&body) || there.contains(body)), "power until {until}");
            assert!(!acked.iter().any(|body| there.contains(body)), "power until {until}");
        }
    }
}
