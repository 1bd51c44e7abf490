//! The power fails at every call to the disk in turn. What was acknowledged is there, in order, and nothing that nobody
//! wrote; what was not acknowledged may be there or not, but whole.

use futures_util::future::join_all;

use super::{Journal, add, event, is_a, kept, open, snapshot, stream, texts, to};
use crate::segment::sim::{Coins, SimDisk};
use crate::{
    id::{Position, Version},
    port::store::{Expected, Store},
};

const STREAMS: [&str; 4] = ["a", "b", "c", "d"];

/// What a caller was told.
#[derive(Default)]
struct Told {
    /// Of each event, in order; those after `acked` were not acknowledged.
    events: Vec<(usize, String)>,
    acked: usize,
    /// Of the oldest event: told, and asked for.
    oldest: (u64, u64),
    /// Of stream `a`: told, and asked for.
    snapshot: (u64, u64),
}

impl Told {
    fn version(&self, which: usize, until: usize) -> u64 {
        self.events[..until].iter().filter(|(stream, _)| *stream == which).count() as u64
    }
}

/// Appends, snapshots and truncations, until one of them is refused.
async fn work(journal: &Journal, told: &mut Told, seed: u64) {
    let mut coins = Coins::new(seed);
    for turn in 0..60_u64 {
        let done = match turn % 12 {
            5 => put(journal, told).await,
            11 => truncate(journal, told, turn).await,
            _ => append(journal, told, &mut coins).await,
        };
        if !done {
            return;
        }
    }
}

async fn append(journal: &Journal, told: &mut Told, coins: &mut Coins) -> bool {
    let mut batch = Vec::new();
    for (which, name) in STREAMS.iter().enumerate().skip(coins.below(4) as usize).take(1 + coins.below(2) as usize) {
        let texts: Vec<_> = (0..=coins.below(2)).map(|_| "x".repeat(coins.below(260) as usize)).collect();
        let expected = Expected::Exact(Version(told.version(which, told.events.len())));
        batch.push(to(name, expected, texts.iter().map(|text| event(text)).collect()));
        told.events.extend(texts.into_iter().map(|text| (which, text)));
    }
    let is_done = journal.append(batch).await.is_ok();
    told.acked = if is_done { told.events.len() } else { told.acked };
    is_done
}

async fn put(journal: &Journal, told: &mut Told) -> bool {
    let version = told.version(0, told.events.len());
    if version == 0 {
        return true;
    }
    told.snapshot.1 = version;
    let is_done = journal.put_snapshot(&stream("a"), snapshot(version, &version.to_string())).await.is_ok();
    told.snapshot.0 = if is_done { version } else { told.snapshot.0 };
    is_done
}

async fn truncate(journal: &Journal, told: &mut Told, turn: u64) -> bool {
    told.oldest.1 = (told.events.len() as u64).saturating_sub(turn % 7);
    let is_done = journal.truncate(Position(told.oldest.1), &[]).await.is_ok();
    told.oldest.0 = if is_done { told.oldest.1 } else { told.oldest.0 };
    is_done
}

async fn check(journal: &Journal, told: &Told) {
    let (stats, head) = (journal.stats(), journal.head().0 as usize);
    assert!((told.acked..=told.events.len()).contains(&head), "{head} of {} acknowledged", told.acked);
    assert!([told.oldest.0.max(1), told.oldest.1.max(1)].contains(&stats.oldest.0), "{stats:?} {:?}", told.oldest);
    let events = kept(journal).await;
    let wanted: Vec<_> = told.events[stats.oldest.0 as usize - 1..head].iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(texts(&events), wanted);
    for (which, name) in STREAMS.iter().enumerate() {
        assert_eq!(journal.version(&stream(name)).await.unwrap().0, told.version(which, head), "{name}");
    }
    let put = journal.snapshot(&stream("a")).await.unwrap();
    let version = put.as_ref().map_or(0, |put| put.version.0);
    assert!(version == told.snapshot.0 || version == told.snapshot.1, "{version} {:?}", told.snapshot);
    assert!(put.is_none_or(|put| put.data == version.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_the_power_fails_what_was_acknowledged_is_there() {
    let whole = SimDisk::default();
    work(&open(&whole).unwrap(), &mut Told::default(), 1).await;
    let calls = whole.world().calls;
    assert!(whole.files().iter().any(|(name, _)| is_a(name, "base")), "segments came and went");
    for until in 0..calls {
        let disk = SimDisk::default();
        disk.world().power_until = Some(until);
        let mut told = Told::default();
        if let Ok(journal) = open(&disk) {
            work(&journal, &mut told, 1).await;
        }
        for seed in 0..3 {
            let left = disk.after_crash(until * 3 + seed);
            let journal = open(&left).unwrap_or_else(|error| panic!("power until {until}, seed {seed}: {error}"));
            check(&journal, &told).await;
            let mut events = kept(&journal).await;
            add(&journal, "e", "after").await.unwrap();
            drop(journal);
            let again = kept(&open(&left).unwrap()).await;
            assert_eq!(texts(&again).pop(), Some("after"));
            events.extend(again.last().cloned());
            assert_eq!(again, events);
        }
    }
}

#[tokio::test]
async fn many_callers_at_once_lose_nothing_either() {
    for until in (0..400).step_by(5) {
        let disk = SimDisk::default();
        disk.world().power_until = Some(until);
        let Ok(journal) = open(&disk) else { continue };
        let caller = async |at: usize| {
            let mut acked = Vec::new();
            for turn in 0..20 {
                let text = format!("{at}.{turn}");
                match add(&journal, STREAMS[at % 4], &text).await {
                    Ok(appended) => acked.push((appended.first, text)),
                    Err(_) => break,
                }
            }
            acked
        };
        let acked: Vec<_> = join_all((0..16).map(caller)).await.into_iter().flatten().collect();
        drop(journal);
        let journal = open(&disk.after_crash(until)).unwrap();
        let events = kept(&journal).await;
        for (position, text) in acked {
            assert_eq!(texts(&events)[position.0 as usize - 1], text, "power until {until}");
        }
    }
}
