//! One writer, many that want everything.

use std::{sync::Arc, time::Instant};

use flexcore_engine::{
    event::{Envelope, EventType},
    id::{Position, StreamName, Version},
    port::store::{Expected, Filter, Store, StreamAppend},
    subscription::Subscription,
};
use futures_util::future::join_all;
use tokio::{
    runtime::{Builder, Runtime},
    sync::{Barrier, broadcast},
    task::coop::consume_budget,
};

use crate::{
    roomy,
    writers::{new_event, payload, rate, touch},
};

pub(crate) struct Outcome {
    /// Events that each subscriber got, a second.
    pub(crate) rate: f64,
    pub(crate) lost: u64,
}

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).build().expect("threads can be started")
}

pub(crate) fn ours(subscribers: usize, events: usize) -> f64 {
    runtime().block_on(async {
        let store: Arc<dyn Store> = Arc::new(roomy());
        let ready = Arc::new(Barrier::new(subscribers + 1));
        let follow = |ready: Arc<Barrier>, mut subscription: Subscription| async move {
            ready.wait().await;
            let (mut got, mut sum) = (0, 0);
            while got < events {
                let page = subscription.next().await.expect("nothing is dropped");
                assert_eq!(page.events[0].position, Position(got as u64 + 1), "nothing is lost or repeated");
                got += page.events.len();
                sum += page.events.iter().map(touch).sum::<u64>();
            }
            sum
        };
        let subscription = || Subscription::new(store.clone(), Position(0), Filter::default());
        let followers: Vec<_> = (0..subscribers).map(|_| tokio::spawn(follow(ready.clone(), subscription()))).collect();
        ready.wait().await;
        let start = Instant::now();
        let writer = tokio::spawn(write(store.clone(), events));
        writer.await.expect("the writer ends");
        for sum in join_all(followers).await {
            std::hint::black_box(sum.expect("a subscriber ends"));
        }
        rate(events, start.elapsed())
    })
}

async fn write(store: Arc<dyn Store>, events: usize) {
    let (stream, kind, data) = (StreamName("orders".into()), EventType("order.placed".into()), payload());
    for _ in 0..events {
        let event = new_event(&kind, data.clone());
        let append = StreamAppend { stream: stream.clone(), expected: Expected::Any, events: vec![event] };
        store.append(vec![append]).await.expect("there is room");
        consume_budget().await;
    }
}

pub(crate) fn broadcast(subscribers: usize, events: usize) -> Outcome {
    runtime().block_on(async {
        let (sender, _) = broadcast::channel(65_536);
        let ready = Arc::new(Barrier::new(subscribers + 1));
        let followers: Vec<_> = (0..subscribers).map(|_| tokio::spawn(receive(ready.clone(), sender.subscribe()))).collect();
        ready.wait().await;
        let start = Instant::now();
        tokio::spawn(send(sender, events)).await.expect("the writer ends");
        let (mut got, mut lost) = (0, 0);
        for outcome in join_all(followers).await {
            let (its_got, its_lost) = outcome.expect("a subscriber ends");
            (got, lost) = (got + its_got, lost + its_lost);
        }
        assert_eq!(got + lost, (subscribers * events) as u64);
        Outcome { rate: rate(got as usize / subscribers, start.elapsed()), lost }
    })
}

async fn send(sender: broadcast::Sender<Arc<Envelope>>, events: usize) {
    let (stream, kind, data) = (StreamName("orders".into()), EventType("order.placed".into()), payload());
    for at in 1..=events as u64 {
        let event = new_event(&kind, data.clone());
        let envelope = Envelope { position: Position(at), stream: stream.clone(), version: Version(at), event };
        sender.send(Arc::new(envelope)).expect("somebody listens");
        consume_budget().await;
    }
}

async fn receive(ready: Arc<Barrier>, mut receiver: broadcast::Receiver<Arc<Envelope>>) -> (u64, u64) {
    ready.wait().await;
    let (mut got, mut lost, mut sum) = (0, 0, 0);
    loop {
        match receiver.recv().await {
            Ok(envelope) => {
                got += 1;
                sum += touch(&envelope);
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => lost += missed,
            Err(broadcast::error::RecvError::Closed) => break,
        }
    }
    std::hint::black_box(sum);
    (got, lost)
}
