//! Callers that are alone, and write in their own thread.

use super::{add, event, kept, open, texts, to};
use crate::segment::sim::SimDisk;
use crate::{
    id::{Position, Version},
    port::{
        Reply,
        store::{AppendError, Condition, Expected, Store},
    },
};

#[tokio::test(flavor = "multi_thread")]
async fn who_is_alone_has_the_answer_at_once() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    let mut made = (1..=50_u64).map(|at| {
        let expected = Expected::Exact(Version(at - 1));
        journal.append(vec![to("a", expected, vec![event(&at.to_string())])])
    });
    // How quick the disk is, the first one finds out.
    made.next().unwrap().await.unwrap();
    let mut at_once = 0;
    for reply in made {
        at_once += usize::from(matches!(reply, Reply::Ready(_)));
        reply.await.unwrap();
    }
    assert!(at_once > 0, "a machine that holds up a disk in memory for a millisecond does not do so fifty times");
    let conflict = journal.append(vec![to("a", Expected::NoStream, vec![event("late")])]).await;
    assert!(matches!(conflict, Err(AppendError::Conflict { actual: Version(50), .. })));
    let events = kept(&journal).await;
    drop(journal);
    assert_eq!((events.len(), kept(&open(&disk.after_crash(3)).unwrap()).await), (50, events));
}

#[tokio::test]
async fn where_other_tasks_need_the_thread_it_is_not_held() {
    let journal = open(&SimDisk::default()).unwrap();
    for at in 0..50 {
        let reply = journal.append(vec![to("a", Expected::Any, vec![event(&at.to_string())])]);
        assert!(matches!(reply, Reply::Pending(_)));
        reply.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_overtakes_whoever_waits() {
    let journal = open(&SimDisk::default()).unwrap();
    add(&journal, "a", "first").await.unwrap();
    let waits = journal.desk.wait();
    let second = journal.append(vec![to("a", Expected::Any, vec![event("second")])]);
    drop(waits);
    let third = journal.append(vec![to("a", Expected::Any, vec![event("third")])]);
    assert!(matches!((&second, &third), (Reply::Pending(_), Reply::Pending(_))));
    assert_eq!((second.await.unwrap().first, third.await.unwrap().first), (Position(2), Position(3)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_is_refused_and_a_sync_that_fails_is_the_last() {
    let disk = SimDisk::default();
    let journal = open(&disk).unwrap();
    for text in ["one", "two"] {
        add(&journal, "a", text).await.unwrap();
    }
    disk.await_next();
    disk.world().failing_writes = 1;
    assert!(matches!(add(&journal, "a", "refused").await, Err(AppendError::Unavailable { .. })));
    assert!(matches!(journal.condition(), Condition::Refusing { .. }));
    for text in ["three", "four"] {
        add(&journal, "a", text).await.unwrap();
    }
    disk.world().failing_syncs = 1;
    for _ in 0..3 {
        let refused = add(&journal, "a", "unknown").await.unwrap_err();
        assert!(matches!(&refused, AppendError::Unavailable { reason, .. } if reason.contains("sync failed")), "{refused}");
    }
    assert_eq!(texts(&kept(&journal).await), ["one", "two", "three", "four"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_are_alone_at_times_and_in_company_at_others_lose_nothing() {
    let disk = SimDisk::default();
    let journal = std::sync::Arc::new(open(&disk).unwrap());
    let caller = |name: &'static str| {
        let journal = journal.clone();
        tokio::spawn(async move {
            for version in 0..200 {
                let batch = vec![to(name, Expected::Exact(Version(version)), vec![event(name)])];
                journal.append(batch).await.unwrap();
            }
        })
    };
    for caller in ["a", "b", "c"].map(caller) {
        caller.await.unwrap();
    }
    let events = kept(&journal).await;
    assert_eq!(events.iter().map(|event| event.position.0).collect::<Vec<_>>(), (1..=600).collect::<Vec<_>>());
    drop(journal);
    assert_eq!(kept(&open(&disk.after_crash(9)).unwrap()).await, events);
}
