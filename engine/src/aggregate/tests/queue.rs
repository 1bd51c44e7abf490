//! Queues: which commands are fit, declared or not.

use crate::{
    aggregate::{Aggregate as _, Queue, Rejection, queue::Done},
    command::QueueCommand,
    event::queue::PurgeScope,
    id::{MessageId, QueueName, RunId},
    port::queue::{BATCH_MAX, QueueLimits},
    unit::{ByteSize, Duration},
};

fn send(body: &'static str, priority: u8) -> QueueCommand {
    QueueCommand::Send { body: body.into(), priority, delay: Duration::default() }
}

fn commands(limits: QueueLimits) -> Vec<QueueCommand> {
    let message = MessageId(uuid::Uuid::nil());
    vec![
        QueueCommand::Declare { limits },
        send("{}", 9),
        QueueCommand::Purge { scope: PurgeScope::DeadLetters },
        QueueCommand::Redrive { messages: vec![] },
        QueueCommand::EditDeadLetter { message, body: "1".into() },
        QueueCommand::DiscardDeadLetters { messages: vec![message] },
        QueueCommand::ReplayDeadLetters { pipeline: "quakes".parse().unwrap(), run: RunId::fresh(), messages: vec![] },
    ]
}

fn declared(limits: QueueLimits) -> Queue {
    let mut queue = Queue::default();
    queue.evolve(&Queue::record(Done::Declared(limits)));
    queue
}

#[test]
fn every_command_is_fit_in_every_state_and_on_no_queue_of_the_engine() {
    let limits = QueueLimits { messages_max: 7, ..QueueLimits::default() };
    let (own, internal): (QueueName, QueueName) = ("orders".parse().unwrap(), "flexcore.runs".parse().unwrap());
    for state in [Queue::Undeclared, declared(QueueLimits::default())] {
        for command in commands(limits) {
            assert_eq!(state.permit(&own, &command), Ok(()), "{command:?}");
            assert_eq!(state.permit(&internal, &command), Err(Rejection::InternalQueue(internal.clone())));
        }
    }
    assert!(matches!(declared(limits).permit(&own, &QueueCommand::Declare { limits }), Err(Rejection::Nothing(_))));
}

#[test]
fn what_does_not_fit_is_refused_with_its_limit() {
    let small = declared(QueueLimits { body_max: ByteSize(4), ..QueueLimits::default() });
    let declare = |limits| QueueCommand::Declare { limits };
    let many = vec![MessageId::fresh(); BATCH_MAX + 1];
    let cases = [
        (send("[1,2,3]", 0), "the body has 7 bytes: this queue takes at most 4"),
        (send("{", 0), "the body is not JSON: EOF while parsing an object at line 1 column 1"),
        (send("1", 10), "priority 10 is not one: 0 (first) to 9 (last)"),
        (QueueCommand::DiscardDeadLetters { messages: many }, "1001 dead letters at once: at most 1000"),
        (QueueCommand::DiscardDeadLetters { messages: vec![] }, "no dead letter was named"),
        (
            declare(QueueLimits { attempts_max: 0, ..QueueLimits::default() }),
            "attempts_max is 0: the queue could never deliver anything",
        ),
        (declare(QueueLimits { attempts_max: 1_001, ..QueueLimits::default() }), "attempts_max 1001 is more than 1000"),
        (declare(QueueLimits { bytes_max: ByteSize(1), ..QueueLimits::default() }), "body_max 1MiB is more than bytes_max 1"),
    ];
    for (command, message) in cases {
        let refused = small.permit(&"orders".parse().unwrap(), &command).unwrap_err();
        assert_eq!(refused.to_string(), message);
    }
}
