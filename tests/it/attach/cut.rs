//! A line that breaks at any byte: nothing is missed, nothing comes twice, and a command is carried out once.

use flexcore::attach::RemoteLink;
use flexcore_engine::{
    command::{Command, QueueCommand},
    id::{Position, QueueName},
    projection::ReadModels,
    unit::Duration,
};
use flexcore_ui::link::{Link, LinkError};

use super::world::{Dice, Engine, Gate, attach};
use crate::http::world::COPY;

/// Folds as a console does, and begins anew only when it is told to.
struct Folder {
    link: RemoteLink,
    models: Option<ReadModels>,
    breaks: u32,
}

impl Folder {
    /// One step: `Err` when the line broke.
    async fn step(&mut self) -> Result<(), LinkError> {
        let Some(models) = &mut self.models else {
            self.models = Some(self.link.models().await?);
            return Ok(());
        };
        if !self.link.resumes(models.position).await? {
            self.models = None;
            return Ok(());
        }
        loop {
            let before = models.position;
            let page = self.link.follow(before).await?;
            for (event, expected) in page.events.iter().zip(before.0 + 1..) {
                assert_eq!(event.position, Position(expected), "no gap, and none twice");
                models.apply(event);
            }
            // What is said to be seen was said.
            assert_eq!(page.seen, models.position);
            if self.breaks.is_multiple_of(2) {
                return Ok(());
            }
        }
    }
}

/// Cuts after anything from the first byte to more than the read models have.
fn cuts(seed: u64) -> impl FnMut() -> Option<u64> + Send + 'static {
    let mut dice = Dice(seed);
    move || {
        let most = [200, 2_000, 20_000, 200_000][dice.below(4) as usize];
        Some(dice.below(most))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_read_models_are_those_of_the_engine_wherever_the_line_breaks() {
    for seed in [1, 22, 333] {
        let engine = Engine::new().await;
        engine.server.pipeline(COPY).await;
        let gate = Gate::new(engine.folder.path(), engine.socket(), || None);
        let link = attach(&gate.path).await.unwrap();
        gate.cut(cuts(seed));
        let mut folder = Folder { link, models: None, breaks: 0 };
        let work = async {
            for _ in 0..40 {
                engine.server.ended_run("copy").await;
            }
        };
        let mut work = std::pin::pin!(work);
        let mut is_over = false;
        while !is_over || folder.breaks < 100 {
            tokio::select! {
                () = &mut work, if !is_over => is_over = true,
                done = folder.step() => folder.breaks += u32::from(done.is_err()),
                // With nothing to follow, the cuts are made by asking.
                () = tokio::time::sleep(std::time::Duration::from_millis(50)) => folder.breaks += 1,
            }
        }
        gate.open();
        loop {
            let head = engine.server.app.engine.store().head();
            if folder.models.as_ref().is_some_and(|models| models.position >= head) {
                break;
            }
            let _ = folder.step().await;
        }
        let models = folder.models.unwrap();
        assert_eq!(models, engine.server.app.engine.models_at(models.position).await.unwrap(), "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_carried_out_once_wherever_the_line_breaks() {
    let engine = Engine::new().await;
    let direct = engine.attach().await;
    let gate = Gate::new(engine.folder.path(), engine.socket(), || None);
    let link = attach(&gate.path).await.unwrap();
    let mut dice = Dice(7);
    gate.cut(move || Some(900 + dice.below(3_000)));
    let queue: QueueName = "orders".parse().unwrap();
    for number in 0..60 {
        let body = bytes::Bytes::from(format!("{{\"n\":{number}}}"));
        let send = || QueueCommand::Send { body: body.clone(), priority: 5, delay: Duration::from_millis(0) };
        // While there is no connection, a command is refused and nothing of it is sent.
        loop {
            match link.submit(Command::Queue(queue.clone(), send())).await {
                Ok(_) => break,
                Err(no) => assert!(no.to_string().starts_with("not done, and nothing was sent: "), "{no}"),
            }
            let _ = link.resumes(Position(0)).await;
        }
    }
    let peeked = direct.peek(queue, flexcore_engine::port::queue::Peek::Waiting, 0, 1_000).await.unwrap();
    let numbers: Vec<_> = peeked.iter().map(|message| String::from_utf8_lossy(&message.body).into_owned()).collect();
    let wanted: Vec<_> = (0..60).map(|number| format!("{{\"n\":{number}}}")).collect();
    assert_eq!(numbers, wanted, "each once, in order");
}
