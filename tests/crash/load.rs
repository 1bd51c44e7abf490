//! Requests, as fast as they are answered, until there is no engine any more. What is asked for is noted before, what is
//! acknowledged after.

use std::sync::{Arc, Mutex, MutexGuard};

use flexcore::client::{Body, Client, ClientError, part};
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
    /// Bytes that make an event large.
    pad: usize,
}

/// No answer: nobody knows whether it was done. Not an error: it was killed.
struct Gone;

impl Load {
    pub(crate) fn start(engine: &Engine, model: &Arc<Mutex<Model>>, dice: &mut Dice, pad: usize) -> Self {
        let (mut tasks, stop) = (JoinSet::new(), CancellationToken::new());
        let caller = |client: &Client| Caller { client: client.clone(), model: model.clone(), stop: stop.clone(), pad };
        for number in 0..APPENDERS {
            tasks.spawn(caller(&engine.http).append(number, dice.fork()));
        }
        for number in 0..SENDERS {
            tasks.spawn(caller(&engine.client).send(number, dice.fork()));
        }
        for _ in 0..RECEIVERS {
            tasks.spawn(caller(&engine.client).receive(dice.fork()));
        }
        tasks.spawn(caller(&engine.client).work(dice.fork()));
        tasks.spawn(caller(&engine.client).runs());
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

    /// `Ok(None)`: refused, so nothing was done.
    async fn ask(&self, method: Method, path: &str, body: Value) -> Result<Option<Value>, Gone> {
        match self.client.read::<Value>(method, path, Some(Body::json(&body))).await {
            Ok(answer) => Ok(Some(answer)),
            Err(ClientError::Refused(_)) => {
                self.model().figures.refused += 1;
                // Whatever the reason is, it does not pass at once.
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                Ok(None)
            }
            Err(ClientError::Unreachable { .. } | ClientError::NotFound(_) | ClientError::Odd { .. }) => Err(Gone),
        }
    }

    async fn append(self, number: usize, mut dice: Dice) -> Result<(), String> {
        let pad = "x".repeat(self.pad);
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
            match self.ask(Method::POST, path, body).await {
                Ok(answer) => {
                    let mut model = self.model();
                    let series = &mut model.streams[number];
                    if answer.is_some() { series.acked = to } else { series.tried = series.acked }
                }
                Err(Gone) => return Ok(()),
            }
        }
        Ok(())
    }

    async fn backlog(&self, queue: &str) -> Result<u64, Gone> {
        let stats = self.client.read::<Value>(Method::GET, &format!("/queues/{queue}"), None).await;
        match stats {
            Ok(stats) => Ok(stats["ready"].as_u64().unwrap_or(0) + stats["leased"].as_u64().unwrap_or(0)),
            // It is made by its first message.
            Err(ClientError::Refused(_)) => Ok(0),
            Err(_) => Err(Gone),
        }
    }

    async fn has_room(&self, queue: &str) -> Result<(), Gone> {
        while self.backlog(queue).await? > BACKLOG_MAX && !self.stop.is_cancelled() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        Ok(())
    }

    async fn send(self, sender: usize, mut dice: Dice) -> Result<(), String> {
        while !self.stop.is_cancelled() && self.has_room("box").await.is_ok() {
            let (from, to) = {
                let mut model = self.model();
                let series = &mut model.senders[sender];
                series.tried = series.acked + dice.between(1, 20);
                (series.acked + 1, series.tried)
            };
            let messages: Vec<_> = (from..=to).map(|n| json!({"body": {"s": sender, "n": n}})).collect();
            match self.ask(Method::POST, "/queues/box/messages", json!({"messages": messages})).await {
                Ok(answer) => {
                    let mut model = self.model();
                    let series = &mut model.senders[sender];
                    if answer.is_some() { series.acked = to } else { series.tried = series.acked }
                }
                Err(Gone) => return Ok(()),
            }
        }
        Ok(())
    }

    async fn receive(self, mut dice: Dice) -> Result<(), String> {
        while !self.stop.is_cancelled() {
            let body = json!({"max": dice.between(1, 20), "lease": "600s", "wait": "20ms"});
            let Ok(answer) = self.ask(Method::POST, "/queues/box/receive", body).await else { return Ok(()) };
            let items = answer.as_ref().and_then(|answer| answer["items"].as_array()).cloned().unwrap_or_default();
            for item in &items {
                let key = self.delivered(item)?;
                let (id, delivery) = (item["id"].as_str().unwrap_or_default(), item["delivery"].clone());
                let path = format!("/queues/box/messages/{}", part(id));
                if dice.once_in(15) {
                    let body = json!({"delivery": delivery, "delay": "0ms", "error": "by the dice"});
                    let Ok(_) = self.ask(Method::POST, &format!("{path}/nack"), body).await else { return Ok(()) };
                    continue;
                }
                self.model().unsure.insert(key);
                match self.ask(Method::POST, &format!("{path}/ack"), json!({"delivery": delivery})).await {
                    Ok(Some(_)) => {
                        let mut model = self.model();
                        model.unsure.remove(&key);
                        model.done.insert(key);
                    }
                    Ok(None) => drop(self.model().unsure.remove(&key)),
                    Err(Gone) => return Ok(()),
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
    async fn work(self, mut dice: Dice) -> Result<(), String> {
        while !self.stop.is_cancelled() && self.has_room("work").await.is_ok() {
            let (from, to) = {
                let mut model = self.model();
                let from = model.work.tried + 1;
                model.work.tried += dice.between(1, 20);
                (from, model.work.tried)
            };
            let messages: Vec<_> = (from..=to).map(|n| json!({"body": {"w": n}})).collect();
            match self.ask(Method::POST, "/queues/work/messages", json!({"messages": messages})).await {
                Ok(Some(_)) => self.model().sure.extend(from..=to),
                Ok(None) => {}
                Err(Gone) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Runs from file to file: the next as soon as the last has ended.
    async fn runs(self) -> Result<(), String> {
        while !self.stop.is_cancelled() {
            for name in ["replace", "append"] {
                // Refused while one lives, which is not what `refused` counts.
                let asked = self.client.read::<Value>(Method::POST, &format!("/pipelines/{name}/runs"), None).await;
                if !matches!(asked, Ok(_) | Err(ClientError::Refused(_))) {
                    return Ok(());
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
