//! Compares an engine that was started with what the one before it acknowledged.

use std::collections::HashMap;

use flexcore::client::Client;
use reqwest::Method;
use serde_json::Value;

use crate::{
    load::key_of,
    model::{Key, Model, Series},
};

async fn get(client: &Client, path: &str) -> Result<Value, String> {
    client.read(Method::GET, path, None).await.map_err(|error| format!("GET {path}: {error}"))
}

/// What is in the log behind what was looked at before.
pub(crate) struct LogTail {
    /// Events of each appender: the numbers, in order.
    ticks: HashMap<usize, Vec<u64>>,
    ended: Vec<(String, String)>,
    seen: Option<(u64, String)>,
}

/// Reads all events behind a position, and that one again.
pub(crate) async fn read_log(client: &Client, seen: Option<&(u64, String)>) -> Result<LogTail, String> {
    let mut tail = LogTail { ticks: HashMap::new(), ended: Vec::new(), seen: None };
    let mut after = seen.map_or(0, |(position, _)| position - 1);
    let mut known = seen.cloned();
    loop {
        let page = get(client, &format!("/events?limit=4096&after={after}")).await?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        if items.is_empty() {
            return Ok(tail);
        }
        for item in &items {
            let position = item["position"].as_u64().ok_or("an event has no position")?;
            if position != after + 1 {
                return Err(format!("the log goes from position {after} to {position}"));
            }
            after = position;
            let id = item["id"].as_str().unwrap_or_default().to_owned();
            if let Some((at, was)) = known.take() {
                if position != at || id != was {
                    return Err(format!("at position {at} was the event {was}, and is {id}"));
                }
            } else {
                tail.add(item)?;
            }
            tail.seen = Some((position, id));
        }
    }
}

impl LogTail {
    fn add(&mut self, event: &Value) -> Result<(), String> {
        let stream = event["stream"].as_str().unwrap_or_default();
        match event["type"].as_str().unwrap_or_default() {
            "load.tick" => {
                let number = stream.strip_prefix("load/").and_then(|number| number.parse().ok());
                let number = number.ok_or_else(|| format!("a tick in the stream {stream}"))?;
                let (n, version) = (event["data"]["n"].as_u64().unwrap_or(0), event["version"].as_u64().unwrap_or(0));
                if n != version {
                    return Err(format!("event {n} of {stream} is there as number {version}"));
                }
                self.ticks.entry(number).or_default().push(n);
            }
            "pipeline.run_ended" => {
                let outcome = event["data"]["outcome"].as_str().unwrap_or_default();
                self.ended.push((stream.trim_start_matches("pipeline/").to_owned(), outcome.to_owned()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Nothing that was acknowledged is missing, nothing is there that was not asked for, and a request is there as a whole
    /// or not at all.
    pub(crate) fn compare(self, model: &mut Model) -> Result<(), String> {
        let mut known = model.figures.events;
        for (number, series) in model.streams.iter_mut().enumerate() {
            let there = self.ticks.get(&number).map_or(&[][..], |numbers| numbers);
            let before = there.first().map_or(series.acked, |first| first - 1);
            if there.iter().enumerate().any(|(index, n)| *n != before + 1 + index as u64) {
                return Err(format!("events of load/{number} are not in order"));
            }
            let last = there.last().copied().unwrap_or(before);
            let Series { acked, tried } = *series;
            if last < acked {
                return Err(format!("LOST: load/{number} ends at {last}, and {acked} were acknowledged"));
            }
            if last > tried {
                return Err(format!("INVENTED: load/{number} ends at {last}, and {tried} were asked for"));
            }
            if last != acked && last != tried {
                return Err(format!("a request is there in part: load/{number} ends at {last} between {acked} and {tried}"));
            }
            model.figures.unacked_events_there += last - acked;
            known += there.len() as u64;
            *series = Series { acked: last, tried: last };
        }
        model.figures.events = known;
        for (pipeline, outcome) in self.ended {
            match (&*pipeline, &*outcome) {
                ("replace", "succeeded") => model.replaced += 1,
                ("append", "succeeded") => model.appended += 1,
                _ => return Err(format!("a run of {pipeline} ended as {outcome}")),
            }
        }
        model.seen = self.seen.or_else(|| model.seen.take());
        Ok(())
    }
}

/// The messages of a queue, in delivery order where they have one: key, deliveries, whether it waits.
pub(crate) async fn peek(client: &Client, queue: &str) -> Result<Vec<(Value, u64, bool)>, String> {
    let mut found = Vec::new();
    for which in ["waiting", "leased", "dead"] {
        let mut offset = 0;
        loop {
            let page = get(client, &format!("/queues/{queue}/peek?which={which}&limit=1000&offset={offset}")).await?;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            offset += items.len();
            let row = |item: &Value| (item["body"].clone(), item["attempts"].as_u64().unwrap_or(0), which == "waiting");
            found.extend(items.iter().map(row));
            if items.len() < 1_000 {
                break;
            }
        }
    }
    Ok(found)
}

/// The queue `box` after a start, before anybody receives.
pub(crate) fn compare_box(model: &mut Model, found: &[(Value, u64, bool)]) -> Result<(), String> {
    let mut there: HashMap<Key, u64> = HashMap::new();
    let mut last: Vec<u64> = vec![0; model.senders.len()];
    for (body, attempts, waits) in found {
        let key = key_of(body)?;
        let (sender, number) = key;
        if there.insert(key, *attempts).is_some() {
            return Err(format!("INVENTED: message {number} of sender {sender} is there twice"));
        }
        if model.done.contains(&key) {
            return Err(format!("message {number} of sender {sender} is there after its ack was acknowledged"));
        }
        let is_known = model.senders.get(sender).is_some_and(|series| number <= series.tried);
        if model.never.contains(&key) || !is_known {
            return Err(format!("INVENTED: message {number} of sender {sender}"));
        }
        if *waits && *attempts == 0 && std::mem::replace(&mut last[sender], number) > number {
            return Err(format!("message {number} of sender {sender} waits behind one that was sent later"));
        }
    }
    for key in std::mem::take(&mut model.unsure) {
        if !there.contains_key(&key) {
            model.done.insert(key);
        }
    }
    for sender in 0..model.senders.len() {
        compare_sender(model, sender, &there)?;
    }
    model.figures.messages = model.senders.iter().map(|series| series.acked).sum::<u64>() - model.never.len() as u64;
    Ok(())
}

fn compare_sender(model: &mut Model, sender: usize, there: &HashMap<Key, u64>) -> Result<(), String> {
    let Series { acked, tried } = model.senders[sender];
    let is_there = |model: &Model, n: u64| there.contains_key(&(sender, n)) || model.done.contains(&(sender, n));
    for n in 1..=acked {
        if !is_there(model, n) && !model.never.contains(&(sender, n)) {
            return Err(format!("LOST: message {n} of sender {sender}, which was acknowledged"));
        }
    }
    let taken = (acked + 1..=tried).filter(|n| is_there(model, *n)).count() as u64;
    if taken == 0 {
        model.never.extend((acked + 1..=tried).map(|n| (sender, n)));
    } else if taken != tried - acked {
        return Err(format!("a request is there in part: {taken} of the messages {} to {tried} of sender {sender}", acked + 1));
    }
    model.senders[sender] = Series { acked: tried, tried };
    Ok(())
}
