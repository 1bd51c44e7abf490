//! Webhooks: a real server, an engine on a clock that the test moves.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use flexcore::{
    alerts::Webhook,
    notify::{DELIVERY, LETTERS_MAX, Notifier, SIGNATURE, TIMESTAMP, signature},
    step::EnvFileSecrets,
};
use flexcore_engine::{
    alert::{About, AlertId, Firing, Severity},
    command::{AlertCommand, Command, Request},
    event::Event,
    handle::Engine,
    id::{Actor, Position},
    port::{
        clock::Clock,
        store::{Filter, READ_EVENTS_MAX},
    },
    queue::memory::MemoryQueues,
    store::memory::{Limits, MemoryLog},
    subscription::FOR_NOTHING,
    testing::clock::ManualClock,
};
use serde_json::{Value, json};
use tokio::sync::{Mutex, mpsc};

use super::world::Server;

/// What came: its headers and body.
type Delivery = (HeaderMap, Bytes);

/// A server that answers as it is told, then 204.
struct Receiver {
    url: String,
    came: mpsc::UnboundedReceiver<Delivery>,
}

#[derive(Clone)]
struct Desk {
    answers: Arc<Mutex<VecDeque<u16>>>,
    came: mpsc::UnboundedSender<Delivery>,
}

async fn receive(State(desk): State<Desk>, headers: HeaderMap, body: Bytes) -> (StatusCode, [(&'static str, &'static str); 1]) {
    let answer = desk.answers.lock().await.pop_front().unwrap_or(204);
    // Nobody listens at the end of a test.
    let _ = desk.came.send((headers, body));
    (StatusCode::from_u16(answer).unwrap(), [("retry-after", if answer == 429 { "300" } else { "0" })])
}

impl Receiver {
    async fn answering(answers: &[u16]) -> Self {
        let (came, receiver) = mpsc::unbounded_channel();
        let desk = Desk { answers: Arc::new(Mutex::new(answers.iter().copied().collect())), came };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/in", listener.local_addr().unwrap());
        let router = Router::new().route("/in", post(receive)).with_state(desk);
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, came: receiver }
    }

    async fn next(&mut self) -> (HeaderMap, Value) {
        let (headers, body) = self.came.recv().await.unwrap();
        (headers, serde_json::from_slice(&body).unwrap())
    }

    fn webhook(&self, more: &Value) -> Webhook {
        let mut webhook = json!({"name": "ops", "url": self.url});
        webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(webhook).unwrap()
    }
}

struct World {
    engine: Engine,
    clock: ManualClock,
    secrets: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let clock = ManualClock::new("2026-01-31T12:00:00Z".parse().unwrap()).without_sleeps_up_to(FOR_NOTHING);
        let store = Arc::new(MemoryLog::new(Limits::default()));
        let engine = Engine::new(store, Arc::new(MemoryQueues::new(clock.shared())), clock.shared());
        Self { engine, clock, secrets: tempfile::tempdir().unwrap() }
    }

    /// A notifier that has begun.
    async fn notifier(&self, webhook: Webhook) -> Notifier {
        let notifier = self.notifying(vec![webhook]);
        self.outcome("begun").await;
        notifier
    }

    fn notifying(&self, webhooks: Vec<Webhook>) -> Notifier {
        let secrets = EnvFileSecrets { folder: Some(self.secrets.path().to_owned()), command: Vec::new() };
        Notifier::start(self.engine.clone(), Arc::new(secrets), "box-1", webhooks)
    }

    /// What became of a target's events, in order, once there is so much of it.
    async fn settled(&self, target: &str, count: usize) -> Vec<(Position, String)> {
        let filter = Filter { types: vec!["alert.notified".into()], ..Filter::default() };
        loop {
            let head = self.engine.store().head();
            let page = self.engine.store().read(Position(0), &filter, READ_EVENTS_MAX).await.unwrap();
            let notified = page.events.iter().filter_map(|envelope| match envelope.decode() {
                Some(Ok(Event::AlertNotified(notified))) if notified.target == target => {
                    Some((notified.position, notified.outcome))
                }
                _ => None,
            });
            let settled: Vec<_> = notified.collect();
            if settled.len() >= count {
                return settled;
            }
            self.engine.store().wait_past(head).await;
        }
    }

    async fn silence(&self, id: &str) {
        let length = flexcore_engine::unit::Duration::from_secs(3_600);
        self.submit(id, AlertCommand::Silence { length, reason: String::new() }).await;
    }

    async fn submit(&self, id: &str, command: AlertCommand) -> Position {
        let command = Command::Alert(id.parse::<AlertId>().unwrap(), command);
        let request = Request::new(command, Actor::Engine, self.clock.now());
        self.engine.submit(request).await.unwrap().last
    }

    async fn raise(&self, id: &str, severity: Severity) -> Position {
        let about = About::Queue("orders".parse().unwrap());
        let since = self.clock.now();
        let firing = Firing { severity, summary: "it is so: 3".into(), value: 3.0, limit: 2.0, about, since };
        self.submit(id, AlertCommand::Raise { firing }).await
    }

    /// Waits until the log says that this became of a delivery, and says of which event.
    async fn outcome(&self, outcome: &str) -> Position {
        let filter = Filter { types: vec!["alert.notified".into()], ..Filter::default() };
        loop {
            let head = self.engine.store().head();
            let page = self.engine.store().read(Position(0), &filter, READ_EVENTS_MAX).await.unwrap();
            let found = page.events.iter().rev().find_map(|envelope| match envelope.decode() {
                Some(Ok(Event::AlertNotified(notified))) if notified.outcome.contains(outcome) => Some(notified.position),
                _ => None,
            });
            match found {
                Some(position) => return position,
                None => self.engine.store().wait_past(head).await,
            }
        }
    }
}

#[tokio::test]
async fn a_webhook_is_told_once_and_signed_of_what_is_raised_and_resolved() {
    let (world, mut receiver) = (World::new(), Receiver::answering(&[]).await);
    std::fs::write(world.secrets.path().join("OPS_KEY_FILE"), "hunter2\n").unwrap();
    let webhook = receiver.webhook(&json!({"secret": "${secret:OPS_KEY_FILE}"}));
    world.raise("before", Severity::Critical).await;
    let notifier = world.notifier(webhook.clone()).await;
    let raised = world.raise("queue-old/orders", Severity::Warning).await;
    let (headers, body) = receiver.came.recv().await.unwrap();
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let at: i64 = header(TIMESTAMP).parse().unwrap();
    assert_eq!((at, header(SIGNATURE)), (world.clock.now().as_second(), signature("hunter2", at, &body)));
    let told: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((told["id"].as_str().unwrap(), &told["type"]), (header(DELIVERY).as_str(), &json!("alert.raised")));
    assert_eq!(told["text"], "box-1: warning queue-old/orders: it is so: 3");
    assert_eq!((&told["queue"], &told["alert"]["value"]), (&json!("orders"), &json!(3.0)));
    assert_eq!(world.outcome("delivered").await, raised);
    // A process that begins anew goes on behind what was told.
    drop(notifier);
    let _again = world.notifier(webhook).await;
    world.submit("queue-old/orders", AlertCommand::Resolve { reason: "over".into() }).await;
    assert_eq!(receiver.next().await.1["type"], "alert.resolved");
}

#[tokio::test]
async fn what_is_not_taken_is_tried_again_later_and_what_is_refused_is_not() {
    let (world, mut receiver) = (World::new(), Receiver::answering(&[503, 500, 200, 404]).await);
    let _notifier = world.notifier(receiver.webhook(&json!({}))).await;
    let first = world.raise("a", Severity::Info).await;
    let (_, tried) = receiver.next().await;
    for least in [Duration::from_millis(800), Duration::from_millis(1_600)] {
        world.clock.wait_for_sleepers(1).await;
        let before = world.clock.now();
        let woken = world.clock.advance_to_next().unwrap();
        assert!(woken.duration_since(before) >= jiff::SignedDuration::try_from(least).unwrap());
        assert_eq!(receiver.next().await.1, tried);
    }
    assert_eq!(world.outcome("delivered").await, first);
    let second = world.raise("b", Severity::Info).await;
    receiver.next().await;
    assert_eq!(world.outcome("given up: it answered 404").await, second);
}

#[tokio::test]
async fn who_never_takes_anything_is_given_up_and_who_is_silenced_is_not_told() {
    let (world, mut receiver) = (World::new(), Receiver::answering(&[500; 3]).await);
    let _notifier = world.notifier(receiver.webhook(&json!({"attempts": 3, "severity": "warning", "rules": ["queue-*"]}))).await;
    world.raise("queue-old/info", Severity::Info).await;
    world.raise("other", Severity::Critical).await;
    let given_up = world.raise("queue-old/a", Severity::Warning).await;
    for tried in 1..=3 {
        assert_eq!(receiver.next().await.1["alert"]["name"], "queue-old/a");
        if tried < 3 {
            world.clock.wait_for_sleepers(1).await;
            world.clock.advance_to_next();
        }
    }
    assert_eq!(world.outcome("given up: it answered 500 Internal Server Error, 3 tries").await, given_up);
    world.silence("queue-old/b").await;
    let silenced = world.raise("queue-old/b", Severity::Warning).await;
    assert_eq!(world.outcome("silenced").await, silenced);
    let told = world.raise("queue-old/c", Severity::Warning).await;
    assert_eq!(receiver.next().await.1["alert"]["name"], "queue-old/c");
    assert_eq!(world.outcome("delivered").await, told);
}

/// What was told, by the name of the alert.
async fn named(receiver: &mut Receiver) -> String {
    receiver.next().await.1["alert"]["name"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn nothing_is_settled_before_what_came_before_it_so_a_crash_loses_nothing() {
    let (world, mut receiver, mut other) = (World::new(), Receiver::answering(&[500]).await, Receiver::answering(&[]).await);
    let webhooks = vec![receiver.webhook(&json!({})), other.webhook(&json!({"name": "other"}))];
    let notifier = world.notifying(webhooks.clone());
    world.settled("other", 1).await;
    let first = world.raise("a", Severity::Info).await;
    assert_eq!((named(&mut receiver).await, named(&mut other).await), ("a".into(), "a".into()));
    world.silence("b").await;
    let silenced = world.raise("b", Severity::Info).await;
    let last = world.raise("c", Severity::Info).await;
    // Whoever is told of the last has been past the one before.
    assert_eq!(named(&mut other).await, "c");
    world.settled("other", 4).await;
    assert_eq!(world.settled("ops", 1).await.len(), 1, "the first is not told yet");
    drop(notifier);
    let _again = world.notifying(webhooks);
    assert_eq!((named(&mut receiver).await, named(&mut receiver).await), ("a".into(), "c".into()));
    let settled = world.settled("ops", 4).await;
    let expected = [(first, "delivered"), (silenced, "silenced"), (last, "delivered")];
    assert_eq!(settled[1..], expected.map(|(position, outcome)| (position, outcome.to_owned())));
}

#[tokio::test]
async fn what_is_too_much_is_given_up_behind_what_waits() {
    let (world, mut receiver, mut other) = (World::new(), Receiver::answering(&[500]).await, Receiver::answering(&[]).await);
    let _notifier = world.notifying(vec![receiver.webhook(&json!({})), other.webhook(&json!({"name": "other"}))]);
    world.settled("other", 1).await;
    let mut last = Position(0);
    for number in 0..LETTERS_MAX + 3 {
        last = world.raise(&format!("a/{number}"), Severity::Info).await;
        // The other one shows how far both are.
        named(&mut other).await;
    }
    world.settled("other", 1 + LETTERS_MAX + 3).await;
    assert_eq!(world.settled("ops", 1).await.len(), 1, "the first is not told yet");
    named(&mut receiver).await;
    world.clock.wait_for_sleepers(1).await;
    world.clock.advance_to_next();
    for number in 0..LETTERS_MAX {
        assert_eq!(named(&mut receiver).await, format!("a/{number}"));
    }
    let settled = world.settled("ops", 1 + LETTERS_MAX + 1).await;
    assert!(settled.is_sorted_by_key(|(position, _)| *position));
    let beyond = format!("given up: {LETTERS_MAX} others waited when this and 2 before it came");
    assert_eq!(settled.last(), Some(&(last, beyond)));
}

#[tokio::test]
async fn a_webhook_that_is_taken_out_and_set_again_is_a_new_one() {
    let (world, mut receiver) = (World::new(), Receiver::answering(&[500]).await);
    let webhook = receiver.webhook(&json!({}));
    let notifier = world.notifier(webhook.clone()).await;
    world.raise("waits", Severity::Info).await;
    named(&mut receiver).await;
    notifier.exchange(Vec::new());
    assert_eq!(world.settled("ops", 2).await[1].1, "removed");
    world.raise("meanwhile", Severity::Info).await;
    notifier.exchange(vec![webhook.clone()]);
    assert_eq!(world.settled("ops", 3).await[2].1, "begun");
    world.raise("then", Severity::Info).await;
    assert_eq!(named(&mut receiver).await, "then");
    assert_eq!(world.settled("ops", 4).await[3].1, "delivered");
    drop(notifier);
    // The same for one that was not set when the process before this one ended.
    let without = world.notifying(Vec::new());
    assert_eq!(world.settled("ops", 5).await[4].1, "removed");
    drop(without);
    world.raise("unheard", Severity::Info).await;
    let _again = world.notifying(vec![webhook]);
    assert_eq!(world.settled("ops", 6).await[5].1, "begun");
    world.raise("last", Severity::Info).await;
    assert_eq!(named(&mut receiver).await, "last");
}

#[tokio::test]
async fn without_a_secret_nothing_looks_signed_and_an_empty_one_signs_nothing() {
    let (world, mut receiver) = (World::new(), Receiver::answering(&[]).await);
    let notifier = world.notifier(receiver.webhook(&json!({}))).await;
    world.raise("plain", Severity::Info).await;
    let (headers, _) = receiver.next().await;
    assert!(headers.get(TIMESTAMP).is_none() && headers.get(SIGNATURE).is_none() && headers.get(DELIVERY).is_some());
    std::fs::write(world.secrets.path().join("KEY_FILE"), "\n").unwrap();
    notifier.exchange(vec![receiver.webhook(&json!({"name": "signed", "secret": "${secret:KEY_FILE}", "attempts": 1}))]);
    world.settled("signed", 1).await;
    let refused = world.raise("signed", Severity::Info).await;
    assert_eq!(world.outcome("given up: its secret is empty").await, refused);
    assert!(receiver.came.try_recv().is_err());
}

#[tokio::test]
async fn who_asks_for_time_gets_it() {
    let (world, mut receiver) = (World::new(), Receiver::answering(&[429]).await);
    let _notifier = world.notifier(receiver.webhook(&json!({}))).await;
    world.raise("a", Severity::Info).await;
    receiver.next().await;
    world.clock.wait_for_sleepers(1).await;
    let before = world.clock.now();
    let woken = world.clock.advance_to_next().unwrap();
    assert_eq!(woken.duration_since(before), jiff::SignedDuration::from_secs(300));
    assert_eq!(named(&mut receiver).await, "a");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_tells_of_its_failure_and_of_its_recovery() {
    let mut receiver = Receiver::answering(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in.ndjson");
    let text = format!(
        "name: fragile\nnotify:\n  - {{on: [run.failed, run.recovered], webhook: {{url: '{}'}}}}\nsteps:\n  \
         - {{name: read, uses: file.read, with: {{path: {}}}}}\n  - {{name: out, uses: drop}}\n",
        receiver.url,
        input.display()
    );
    let server = Server::new().await;
    server.pipeline(&text).await;
    assert_eq!(server.ended_run("fragile").await["state"], "failed");
    let (_, failed) = receiver.next().await;
    assert_eq!(
        (&failed["type"], &failed["run"]["number"], &failed["run"]["step"]),
        (&json!("run.failed"), &json!(1), &json!("read"))
    );
    std::fs::write(&input, "{}\n").unwrap();
    assert_eq!(server.ended_run("fragile").await["state"], "succeeded");
    let (_, recovered) = receiver.next().await;
    assert_eq!((&recovered["type"], &recovered["pipeline"]), (&json!("run.recovered"), &json!("fragile")));
    assert_eq!(server.ended_run("fragile").await["state"], "succeeded");
    std::fs::remove_file(&input).unwrap();
    assert_eq!(server.ended_run("fragile").await["state"], "failed");
    assert_eq!(receiver.next().await.1["run"]["number"], 4);
}
