//! What a link to an engine elsewhere answers is what one in its process answers.

use flexcore::{attach::RemoteLink, local_link::LocalLink};
use flexcore_engine::{
    command::{Command, PipelineCommand, QueueCommand},
    id::{Position, QueueName, RunId, StreamName},
    port::{queue::Peek, store::Filter},
    projection::why::Reading,
    unit::Duration,
};
use flexcore_ui::link::{At, LineState, Link, LinkError};

use super::world::Engine;
use crate::http::world::{COPY, FAILS, LIVE};

/// An engine with something of everything, asked both ways.
struct Both {
    engine: Engine,
    near: LocalLink,
    far: RemoteLink,
}

impl Both {
    async fn new() -> Self {
        let engine = Engine::new().await;
        for pipeline in [COPY, FAILS, LIVE] {
            engine.server.pipeline(pipeline).await;
        }
        engine.server.ended_run("copy").await;
        engine.server.ended_run("fails").await;
        let far = engine.attach().await;
        Self { near: LocalLink::new(engine.server.app.clone()), far, engine }
    }

    async fn run_of(&self, name: &str) -> RunId {
        let models = self.near.models().await.unwrap();
        models.runs.runs.values().find(|run| run.pipeline.as_str() == name).unwrap().id
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_read_the_same_past_and_present() {
    let both = Both::new().await;
    let (near, far) = (&both.near, &both.far);
    let models = far.models().await.unwrap();
    let position = models.position;
    assert_eq!(models, near.models_at(At::Position(position)).await.unwrap());
    assert_eq!(far.models_at(At::Position(Position(5))).await.unwrap(), near.models_at(At::Position(Position(5))).await.unwrap());
    let filter = Filter { stream_prefix: Some("run/".into()), types: vec!["run.queued".into(), "run.failed".into()] };
    let (before, back) = (position.next(), |link: &dyn Link| link.read_back(position.next(), filter.clone(), 3));
    let (theirs, ours) = (back(far).await.unwrap(), back(near).await.unwrap());
    assert_eq!((theirs.events.len(), &*theirs.events, theirs.seen), (3, &*ours.events, ours.seen), "{before}");
    let pipeline = StreamName::pipeline(&"live".parse().unwrap());
    let activated = vec!["pipeline.activated".to_owned()];
    for (types, before, count) in
        [(vec![], position.next(), 3), (activated.clone(), position.next(), 1), (activated, Position(2), 0)]
    {
        let reading = Reading { stream: pipeline.clone(), types, max: 3 };
        let theirs = far.events_of(reading.clone(), before).await.unwrap();
        assert_eq!(theirs, near.events_of(reading, before).await.unwrap());
        assert!(theirs.iter().all(|event| event.stream == pipeline && event.position < before));
        assert_eq!(theirs.len(), count, "{before}");
    }
    let (theirs, ours) = (far.read_on(Position(2), 4).await.unwrap(), near.read_on(Position(2), 4).await.unwrap());
    assert_eq!((&*theirs.events, theirs.seen), (&*ours.events, ours.seen));
    let vitals = far.vitals(None).await.unwrap();
    let newer = far.vitals(Some(vitals.at)).await.unwrap();
    assert!(newer.at > vitals.at && newer.node == "here");
    assert!(far.resumes(position).await.unwrap());
    assert_eq!(*far.line().unwrap().borrow(), LineState::Up);
    assert_eq!((far.read_only(), near.place(), far.place()), (false, None, Some("attached".into())));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_look_into_queues_and_runs_alike() {
    let both = Both::new().await;
    let (near, far) = (&both.near, &both.far);
    let queue: QueueName = "orders".parse().unwrap();
    for (body, delay) in [("{\"a\":1.50}", 0), ("[\"\\u001b\"]", 3_600_000)] {
        let send = QueueCommand::Send { body: body.into(), priority: 3, delay: Duration::from_millis(delay) };
        far.submit(Command::Queue(queue.clone(), send)).await.unwrap();
    }
    both.engine.server.post("/api/v1/queues/orders/receive", &serde_json::json!({"max": 1}), 200.try_into().unwrap()).await;
    for which in [Peek::Waiting, Peek::Leased, Peek::Dead] {
        let theirs = far.peek(queue.clone(), which, 0, 10).await.unwrap();
        assert_eq!(theirs, near.peek(queue.clone(), which, 0, 10).await.unwrap());
        assert_eq!(theirs.len(), usize::from(which != Peek::Dead), "{which:?}");
    }
    let failed = both.run_of("fails").await;
    let lines = far.run_log(failed, 0, 100).await.unwrap();
    assert!(!lines.is_empty());
    assert_eq!(lines, near.run_log(failed, 0, 100).await.unwrap());
    let live = both.run_of("live").await;
    let steps = |taps: Vec<flexcore_ui::link::Tap>| taps.into_iter().map(|tap| tap.step).collect::<Vec<_>>();
    assert_eq!(steps(far.taps(live).await.unwrap()), steps(near.taps(live).await.unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn both_check_plan_and_try_alike() {
    let both = Both::new().await;
    let (near, far) = (&both.near, &both.far);
    let path = Some("/tmp/x/copy.yaml".into());
    let (theirs, ours) = (far.check(COPY.into(), path.clone()).await.unwrap(), near.check(COPY.into(), path).await.unwrap());
    let (theirs, ours) = (theirs.unwrap(), ours.unwrap());
    assert_eq!((theirs.revision, &theirs.definition, &theirs.folder), (ours.revision, &ours.definition, &ours.folder));
    let wrong = far.check("name: x\nstepz: 1\n".into(), None).await.unwrap().unwrap_err();
    assert_eq!(wrong, near.check("name: x\nstepz: 1\n".into(), None).await.unwrap().unwrap_err());
    let definition = theirs.definition.clone();
    assert_eq!(far.plan(definition.clone()).await.unwrap(), near.plan(definition).await.unwrap());
    let params = serde_json::Map::new();
    let (theirs, ours) = (far.dry_run(theirs, params.clone()).await.unwrap(), near.dry_run(ours, params).await.unwrap());
    assert_eq!(theirs, ours);
    assert_eq!(far.ticks("copy".parse().unwrap(), 3).await.unwrap(), near.ticks("copy".parse().unwrap(), 3).await.unwrap());
    let no = LinkError::Refused("there is no pipeline `none`".into());
    assert_eq!(far.ticks("none".parse().unwrap(), 3).await.unwrap_err(), no);
    assert_eq!(far.templates(), near.templates());
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_as_they_are_here() {
    let both = Both::new().await;
    let pause = |name: &str| Command::Pipeline(name.parse().unwrap(), PipelineCommand::Pause { reason: "x".into() });
    both.far.submit(pause("copy")).await.unwrap();
    for name in ["copy", "none"] {
        let theirs = both.far.submit(pause(name)).await.unwrap_err();
        assert_eq!(theirs, both.near.submit(pause(name)).await.unwrap_err());
    }
    let tick = PipelineCommand::SkipTick {
        tick: jiff::Timestamp::UNIX_EPOCH,
        reason: flexcore_engine::event::pipeline::SkipReason::Paused,
        count: 1,
    };
    let inner = both.far.submit(Command::Pipeline("copy".parse().unwrap(), tick)).await.unwrap_err();
    assert_eq!(inner.to_string(), "not done: only the engine itself does this");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_there_is_no_connection_everything_is_refused_at_once_and_nothing_is_sent() {
    let both = Both::new().await;
    let Both { engine, far, near } = both;
    drop(near);
    let position = far.models().await.unwrap().position;
    let mut line = far.line().unwrap();
    drop(far.vitals(None).await.unwrap());
    engine.server.listening.stop(Duration::from_millis(100)).await;
    line.wait_for(|state| *state == LineState::Down).await.unwrap();
    let resume = Command::Pipeline("copy".parse().unwrap(), PipelineCommand::Resume);
    let told = far.submit(resume).await.unwrap_err().to_string();
    assert!(told.starts_with("not done, and nothing was sent: "), "{told}");
    assert!(matches!(far.taps(RunId::fresh()).await, Err(LinkError::Gone(_))));
    let told = far.resumes(position).await.unwrap_err().to_string();
    assert!(told.contains("no engine runs at "), "{told}");
}
