//! Any calls, with a crash or a restart between any two: queues on a disk are what queues in memory are.

use std::sync::Arc;

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{
    open,
    work::{Caller, Deed},
};
use crate::{segment::sim::SimDisk, testing::queue_contract::clock};

#[derive(Debug, Clone)]
enum Turn {
    Deed(Deed),
    Restart { by_crash: bool },
}

fn any_deed() -> impl Strategy<Value = Deed> {
    let (some, at) = (|max: u64| prop::option::of(0..max), || any::<usize>());
    let delay = || prop_oneof![3 => Just(0), 1 => 0_u64..10];
    let sending = (1_usize..4, 0_usize..200, 0_u8..3, delay(), some(20), prop::option::weighted(0.2, 0_u8..3));
    prop_oneof![
        5 => sending.prop_map(|(count, bytes, priority, delay, ttl, key)| Deed::Send { count, bytes, priority, delay, ttl, key }),
        5 => (1_usize..4, 1_u64..10).prop_map(|(max, lease)| Deed::Receive { max, lease }),
        3 => at().prop_map(Deed::Ack),
        2 => (at(), some(5)).prop_map(|(at, delay)| Deed::Nack(at, delay)),
        1 => (at(), 0_u64..5).prop_map(|(at, delay)| Deed::Release(at, delay)),
        1 => (at(), 1_u64..20).prop_map(|(at, lease)| Deed::Extend(at, lease)),
        1 => (1_usize..3).prop_map(Deed::Bury),
        1 => at().prop_map(Deed::Edit),
        1 => prop::option::of(at()).prop_map(Deed::Redrive),
        1 => prop::option::of(at()).prop_map(Deed::Take),
        1 => prop_oneof![9 => Just(true), 1 => Just(false)].prop_map(|dead| Deed::Purge { dead }),
        3 => (0_u64..8).prop_map(Deed::Pass),
    ]
}

fn any_turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        8 => any_deed().prop_map(Turn::Deed),
        1 => any::<bool>().prop_map(|by_crash| Turn::Restart { by_crash }),
    ]
}

async fn compare(turns: Vec<Turn>) {
    let limits = Deed::Declare { attempts_max: 3 };
    let (here, there, mut disk) = (clock(), clock(), SimDisk::default());
    let mut model = Caller::of_memory(&here);
    let mut caller = Caller::new(Arc::new(open(&disk, &there).unwrap()), &there);
    assert_eq!(caller.act(&limits).await, model.act(&limits).await);
    for (at, turn) in turns.into_iter().enumerate() {
        match turn {
            Turn::Deed(deed) => assert_eq!(caller.act(&deed).await, model.act(&deed).await, "turn {at}: {deed:?}"),
            Turn::Restart { by_crash } => {
                // What has come due by itself is on disk with the next call.
                assert_eq!(caller.act(&limits).await, model.act(&limits).await);
                let left = disk.after_crash(at as u64);
                caller.queues = Caller::of_memory(&there).queues;
                disk = if by_crash { left } else { disk };
                caller.queues = Arc::new(open(&disk, &there).unwrap());
                model.end_leases().await;
            }
        }
        assert_eq!(caller.look().await, model.look().await, "after turn {at}");
    }
}

#[test]
fn they_agree_with_queues_in_memory_however_often_they_are_opened() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&prop::collection::vec(any_turn(), 0..80), |turns| {
        runtime.block_on(compare(turns));
        Ok(())
    });
    outcome.unwrap();
}
