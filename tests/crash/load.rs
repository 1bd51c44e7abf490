//! Requests, as fast as they are answered, until there is no engine any more. What is asked for is noted before, what is
//! acknowledged after.

use std::sync::{Arc, Mutex, MutexGuard};

use flexcore::{
    client::{Body, Client, ClientError, part},
    http::wire::problem::ProblemBody,
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    dice::Dice,
    engine::Engine,
    model::{Key, Model},
};

pub(crate) const APPENDERS: usize = 3;
pub(crate) const SENDERS: usize = 2;
const RECEIVERS: usize = 2;
/// Messages in a queue; senders wait above it.
const BACKLOG_MAX: u64 = 1_500;

/// Bytes that make an event large, so that a segment that has its room is full soon.
const PAD: usize = 200 << 10;

/// What there is room for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disk {
    /// Whatever is asked for: nothing may be refused but for a moment.
    Roomy,
    /// Less and less, so that anything may be refused.
    Full,
}

/// Everything that asks.
pub(crate) struct Load {
    tasks: JoinSet<Result<(), String>>,
    stop: CancellationToken,
}

#[derive(Clone)]
struct Caller {
    client: Client,
    model: Arc<Mutex<Model>>,
    stop: CancellationToken,
    disk: Disk,
}

/// Why somebody asks no more.
enum End {
    /// No answer: nobody knows whether it was done. Not an error: it was killed.
    Gone,
    /// An answer that there must not be.
    Wrong(String),
}

impl From<String> for End {
    fn from(wrong: String) -> Self {
        Self::Wrong(wrong)
    }
}

/// That the engine was killed is what it was started for.
fn ended(end: Result<(), End>) -> Result<(), String> {
    match end {
        Ok(()) | Err(End::Gone) => Ok(()),
        Err(End::Wrong(wrong)) => Err(wrong),
    }
}

impl Load {
    pub(crate) fn start(engine: &Engine, model: &Arc<Mutex<Model>>, dice: &mut Dice, disk: Disk) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let caller = |client: &Client| Caller { client: client.clone(), model: model.clone(), stop: stop.clone(), disk };
        for number in 0..APPENDERS {
            let asks = caller(&engine.http).append(number, dice.fork());
            tasks.spawn(async { ended(asks.await) });
        }
        for number in 0..SENDERS {
            let asks = caller(&engine.client).send(number, dice.fork());
            tasks.spawn(async { ended(asks.await) });
        }
        for _ in 0..RECEIVERS {
            let asks = caller(&engine.client).receive(dice.fork());
            tasks.spawn(async { ended(asks.await) });
        }
        let (works, runs) = (caller(&engine.client).work(dice.fork()), caller(&engine.client).runs());
        tasks.spawn(async { ended(works.await) });
        tasks.spawn(async { ended(runs.await) });
        Self { tasks, stop }
    }

    /// Lets what is under way end, or fail with its engine.
    pub(crate) async fn end(mut self) -> Result<(), String> {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.map_err(|error| error.to_string())??;
        }
        Ok(())
    }
}

impl Caller {
    fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().expect("no code panics while it holds this lock")
    }

    /// What may be said of a request that was refused: later, and nothing else while there is room.
    fn may_refuse(&self, path: &str, problem: &ProblemBody, also: u16) -> Result<(), End> {
        if self.disk == Disk::Full || [429, 503, also].contains(&problem.status) {
            return Ok(());
        }
        Err(End::Wrong(format!("{path} was refused with {}: {}", problem.status, problem.detail)))
    }

    /// `Ok(None)`: refused, so nothing was done.
    async fn ask(&self, method: Method, path: &str, body: Value) -> Result<Option<Value>, End> {
        match self.client.read::<Value>(method, path, Some(Body::json(&body))).await {
            Ok(answer) => Ok(Some(answer)),
            Err(ClientError::Refused(problem)) => {
                self.may_refuse(path, &problem, 503)?;
                self.model().figures.refused += 1;
                // Whatever the reason is, it does not pass at once.
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                Ok(None)
            }
            Err(ClientError::Unreachable { .. } | ClientError::NotFound(_) | ClientError::Odd { .. }) => Err(End::Gone),
        }
    }

    async fn append(self, number: usize, mut dice: Dice) -> Result<(), End> {
        let pad = "x".repeat(if self.disk == Disk::Full { PAD } else { 0 });
        while !self.stop.is_cancelled() {
            let (from, to) = {
                let mut model = self.model();
                let series = &mut model.streams[number];
                series.tried = series.acked + dice.between(1, 20);
                (series.acked + 1, series.tried)
            };
            let event = |n| json!({"type": "load.tick", "stream": format!("load/{number}"), "data": {"n": n, "pad": pad}});
            let (path, body) =
                if from == to { ("/events", event(from)) } else { ("/events/batch", (from..=to).map(event).collect()) };
            let answer = self.ask(Method::POST, path, body).await?;
            let mut model = self.model();
            let series = &mut model.streams[number];
            if answer.is_some() { series.acked = to } else { series.tried = series.acked }
        }
        Ok(())
    }

    async fn backlog(&self, queue: &str) -> Result<u64, End> {
        let path = format!("/queues/{queue}");
        let stats = self.client.read::<Value>(Method::GET, &path, None).await;
        match stats {
            Ok(stats) => Ok(stats["ready"].as_u64().unwrap_or(0) + stats["leased"].as_u64().unwrap_or(0)),
            // It is made by its first message.
            Err(ClientError::Refused(problem)) => self.may_refuse(&path, &problem, 404).map(|()| 0),
            Err(_) => Err(End::Gone),
        }
    }

    async fn has_room(&self, queue: &str) -> Result<(), End> {
        while self.backlog(queue).await? > BACKLOG_MAX && !self.stop.is_cancelled() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn send(self, sender: usize, mut dice: Dice) -> Result<(), End> {
        while !self.stop.is_cancelled() {
            self.has_room("box").await?;
            let (from, to) = {
                let mut model = self.model();
                let series = &mut model.senders[sender];
                series.tried = series.acked + dice.between(1, 20);
                (series.acked + 1, series.tried)
            };
            let messages: Vec<_> = (from..=to).map(|n| json!({"body": {"s": sender, "n": n}})).collect();
            let answer = self.ask(Method::POST, "/queues/box/messages", json!({"messages": messages})).await?;
            let mut model = self.model();
            let series = &mut model.senders[sender];
            if answer.is_some() { series.acked = to } else { series.tried = series.acked }
        }
        Ok(())
    }

    async fn receive(self, mut dice: Dice) -> Result<(), End> {
        while !self.stop.is_cancelled() {
            let body = json!({"max": dice.between(1, 20), "lease": "600s", "wait": "20ms"});
            let answer = self.ask(Method::POST, "/queues/box/receive", body).await?;
            let items = answer.as_ref().and_then(|answer| answer["items"].as_array()).cloned().unwrap_or_default();
            for item in &items {
                let key = self.delivered(item)?;
                let (id, delivery) = (item["id"].as_str().unwrap_or_default(), item["delivery"].clone());
                let path = format!("/queues/box/messages/{}", part(id));
                if dice.once_in(15) {
                    let body = json!({"delivery": delivery, "delay": "0ms", "error": "by the dice"});
                    self.ask(Method::POST, &format!("{path}/nack"), body).await?;
                    continue;
                }
                self.model().unsure.insert(key);
                let taken = self.ask(Method::POST, &format!("{path}/ack"), json!({"delivery": delivery})).await?.is_some();
                let mut model = self.model();
                model.unsure.remove(&key);
                if taken {
                    model.done.insert(key);
                }
            }
        }
        Ok(())
    }

    fn delivered(&self, item: &Value) -> Result<Key, String> {
        let key = key_of(&item["body"])?;
        let mut model = self.model();
        model.figures.redelivered += u64::from(item["delivery"].as_u64() > Some(1));
        let (sender, number) = key;
        if model.done.contains(&key) {
            return Err(format!("message {number} of sender {sender} came again after its ack was acknowledged"));
        }
        if model.never.contains(&key) || model.senders.get(sender).is_none_or(|series| number > series.tried) {
            return Err(format!("message {number} of sender {sender} was delivered and is invented"));
        }
        Ok(key)
    }

    /// Messages for the pipeline that drains a queue.
    async fn work(self, mut dice: Dice) -> Result<(), End> {
        while !self.stop.is_cancelled() {
            self.has_room("work").await?;
            let (from, to) = {
                let mut model = self.model();
                let from = model.work.tried + 1;
                model.work.tried += dice.between(1, 20);
                (from, model.work.tried)
            };
            let messages: Vec<_> = (from..=to).map(|n| json!({"body": {"w": n}})).collect();
            if self.ask(Method::POST, "/queues/work/messages", json!({"messages": messages})).await?.is_some() {
                self.model().sure.extend(from..=to);
            }
        }
        Ok(())
    }

    /// Runs from file to file: the next as soon as the last has ended.
    async fn runs(self) -> Result<(), End> {
        while !self.stop.is_cancelled() {
            for name in ["replace", "append"] {
                let path = format!("/pipelines/{name}/runs");
                match self.client.read::<Value>(Method::POST, &path, None).await {
                    Ok(_) => {}
                    // While one lives, which is not what `refused` counts.
                    Err(ClientError::Refused(problem)) => self.may_refuse(&path, &problem, 409)?,
                    Err(_) => return Err(End::Gone),
                }
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

/// Sender and number of a message's body.
pub(crate) fn key_of(body: &Value) -> Result<Key, String> {
    let number = |name: &str| body[name].as_u64();
    match (number("s"), number("n")) {
        (Some(sender), Some(number)) => Ok((sender as usize, number)),
        _ => Err(format!("a message is none of those that were sent: {body}")),
    }
}
