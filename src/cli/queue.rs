//! `flexcore queue …`: queues of a running engine.

use std::{io, path::Path};

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json, value::RawValue};

use super::{
    remote::{Ask, RemoteArgs, ask, cell, filtered, of, table},
    stage::Stage,
    why::{self, WhyArgs},
};
use crate::client::{Body, part};

/// Queues of a running engine.
#[derive(Debug, Args)]
pub struct QueueArgs {
    #[command(flatten)]
    remote: RemoteArgs,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Which {
    Waiting,
    Leased,
    Dead,
}

#[derive(Debug, Subcommand)]
enum What {
    /// All queues
    List,
    /// One queue with its figures
    Show { queue: String },
    /// Why it is so: what refused its dead letters, or which pipelines use it and what they do
    Why {
        queue: String,
        #[command(flatten)]
        then: WhyArgs,
    },
    /// Make it, or give it other limits; what is left out has its default
    Declare {
        queue: String,
        /// Messages in all states but dead
        #[arg(long)]
        messages_max: Option<u64>,
        /// Bytes of bodies in all states but dead, like 64MiB
        #[arg(long, value_name = "SIZE")]
        bytes_max: Option<String>,
        /// Deliveries before a message becomes a dead letter
        #[arg(long)]
        attempts_max: Option<u32>,
        /// The wait before the second delivery; doubles with each
        #[arg(long, value_name = "DURATION")]
        backoff: Option<String>,
        /// Messages that are not delivered within this time are dropped
        #[arg(long, value_name = "DURATION")]
        ttl: Option<String>,
    },
    /// Look at messages; they stay as they are
    Peek {
        queue: String,
        /// Which messages
        #[arg(long, value_enum, default_value = "waiting")]
        which: Which,
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Receive messages: they are yours until acked, or until the lease ends
    Receive {
        queue: String,
        /// At most so many
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
        max: u16,
        /// For how long
        #[arg(long, default_value = "30s", value_name = "DURATION")]
        lease: String,
        /// How long to wait for the first one, at most 30s
        #[arg(long, default_value = "0s", value_name = "DURATION")]
        wait: String,
    },
    /// A received message is done
    Ack {
        queue: String,
        message: String,
        /// Which delivery of it, as it was received
        #[arg(long)]
        delivery: u32,
    },
    /// A received message is not done: it comes again, or becomes a dead letter
    Nack {
        queue: String,
        message: String,
        /// Which delivery of it, as it was received
        #[arg(long)]
        delivery: u32,
        /// Not before this has passed
        #[arg(long, value_name = "DURATION")]
        delay: Option<String>,
        /// Why, for the others
        #[arg(long, default_value = "")]
        error: String,
    },
    /// A received message takes longer
    Extend {
        queue: String,
        message: String,
        /// Which delivery of it, as it was received
        #[arg(long)]
        delivery: u32,
        /// For how long from now on
        #[arg(long, default_value = "30s", value_name = "DURATION")]
        lease: String,
    },
    /// Dead letters, oldest first
    Dead {
        queue: String,
        /// At most so many
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
        limit: u16,
    },
    /// Change the body of a dead letter
    Edit {
        queue: String,
        message: String,
        /// Its new body: JSON; - is standard input
        body: String,
    },
    /// Send a message
    Send {
        queue: String,
        /// Its body: JSON; - is standard input
        body: String,
        /// 0 (first) to 9 (last)
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(0..=9))]
        priority: u8,
        /// Not before this has passed, like 10s
        #[arg(long, default_value = "0s")]
        delay: String,
    },
    /// Empty it
    Purge {
        queue: String,
        /// Dead letters instead of messages
        #[arg(long)]
        dead: bool,
    },
    /// Make dead letters messages again
    Redrive {
        queue: String,
        /// Ids; none: all
        messages: Vec<String>,
    },
    /// Process dead letters of a pipeline again
    Replay {
        queue: String,
        /// Whose they are
        #[arg(long)]
        pipeline: String,
        /// Ids; none: all
        messages: Vec<String>,
    },
    /// Give dead letters up
    Discard {
        queue: String,
        /// Ids
        #[arg(required = true)]
        messages: Vec<String>,
    },
}

/// Asks and prints.
pub(super) fn run(args: &QueueArgs, stage: &mut Stage<'_>) -> io::Result<i32> {
    match asked(&args.what, stage) {
        Ok(asked) => ask(&args.remote, asked, stage, |json| told(&args.what, json)),
        Err(why) => Ok(stage.complain(&why)),
    }
}

fn asked(what: &What, stage: &mut Stage<'_>) -> Result<Ask, String> {
    let post = |queue: &str, verb: &str, body: &Value| Ask::post(of("queues", queue, verb), body);
    let answer =
        |queue: &str, message: &str, verb: &str, body: &Value| post(queue, &format!("messages/{}/{verb}", part(message)), body);
    let peek = |queue: &str, which: &str, limit: u16| Ask::get(of("queues", queue, &format!("peek?which={which}&limit={limit}")));
    Ok(match what {
        What::List => Ask::get(filtered("queues", 1_000, &[])),
        What::Show { queue } => Ask::get(of("queues", queue, "")),
        What::Why { queue, then } => then.asked("queues", queue)?,
        What::Declare { queue, messages_max, bytes_max, attempts_max, backoff, ttl } => {
            let limits = json!({"messages_max": messages_max, "bytes_max": bytes_max, "attempts_max": attempts_max, "backoff": backoff, "ttl": ttl});
            Ask::new(Method::PUT, of("queues", queue, ""), Some(Body::json(&limits)))
        }
        What::Peek { queue, which, limit } => {
            let which = which.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            peek(queue, &which, *limit)
        }
        What::Dead { queue, limit } => peek(queue, "dead", *limit),
        What::Receive { queue, max, lease, wait } => post(queue, "receive", &json!({"max": max, "lease": lease, "wait": wait})),
        What::Ack { queue, message, delivery } => answer(queue, message, "ack", &json!({"delivery": delivery})),
        What::Nack { queue, message, delivery, delay: None, error } => {
            answer(queue, message, "nack", &json!({"delivery": delivery, "error": error}))
        }
        What::Nack { queue, message, delivery, delay, error } => {
            answer(queue, message, "nack", &json!({"delivery": delivery, "delay": delay, "error": error}))
        }
        What::Extend { queue, message, delivery, lease } => {
            answer(queue, message, "extend", &json!({"delivery": delivery, "lease": lease}))
        }
        What::Edit { queue, message, body } => {
            let path = of("queues", queue, &format!("dead/{}", part(message)));
            Ask::new(Method::PUT, path, Some(Body::json(&json_of(body, stage)?)))
        }
        What::Send { queue, body, priority, delay } => {
            let message = Message { body: &json_of(body, stage)?, priority: *priority, delay };
            Ask::post(of("queues", queue, "messages"), &message)
        }
        What::Purge { queue, dead } => post(queue, "purge", &json!({"scope": if *dead { "dead_letters" } else { "messages" }})),
        What::Redrive { queue, messages } => post(queue, "redrive", &json!({"messages": messages})),
        What::Replay { queue, pipeline, messages } => post(queue, "replay", &json!({"pipeline": pipeline, "messages": messages})),
        What::Discard { queue, messages } => post(queue, "discard", &json!({"messages": messages})),
    })
}

#[derive(serde::Serialize)]
struct Message<'a> {
    body: &'a RawValue,
    priority: u8,
    delay: &'a str,
}

/// As it is written: a number keeps its digits.
fn json_of(body: &str, stage: &mut Stage<'_>) -> Result<Box<RawValue>, String> {
    let body = if body == "-" { stage.text(Path::new(body))?.trim().to_owned() } else { body.to_owned() };
    let wrong = |error| format!("the body is not JSON: {error}; text is written \"in quotes\"");
    RawValue::from_string(body).map_err(wrong)
}

fn told(what: &What, json: &Value) -> String {
    match what {
        What::List => table(
            json,
            &[
                ("NAME", "name"),
                ("READY", "ready"),
                ("DELAYED", "delayed"),
                ("LEASED", "leased"),
                ("DEAD", "dead"),
                ("SENT", "sent_total"),
                ("OLDEST", "oldest"),
            ],
        ),
        What::Peek { .. } | What::Dead { .. } => table(
            json,
            &[
                ("ID", "id"),
                ("STATE", "state"),
                ("ATTEMPTS", "attempts"),
                ("SENT", "sent_at"),
                ("ERROR", "error"),
                ("BODY", "body"),
            ],
        ),
        What::Why { .. } => why::told(json),
        What::Receive { .. } => table(json, &[("ID", "id"), ("DELIVERY", "delivery"), ("UNTIL", "until"), ("BODY", "body")]),
        What::Show { .. } | What::Declare { .. } => format!(
            "{}: {} ready, {} delayed, {} leased, {} dead; {} sent, {} acked, {} returned, {} dropped",
            cell(json, "name"),
            cell(json, "ready"),
            cell(json, "delayed"),
            cell(json, "leased"),
            cell(json, "dead"),
            cell(json, "sent_total"),
            cell(json, "acked_total"),
            cell(json, "returned_total"),
            cell(json, "dropped_total")
        ),
        What::Send { .. } => format!("sent: {}", cell(json, "items/0/id")),
        What::Ack { message, .. } => format!("{message} is done"),
        What::Nack { message, .. } => format!("{message} is given back"),
        What::Extend { message, .. } => format!("{message} is yours until {}", cell(json, "until")),
        What::Replay { .. } => format!("run {}", cell(json, "run")),
        What::Purge { .. } | What::Redrive { .. } | What::Discard { .. } | What::Edit { .. } => cell(json, "note"),
    }
}
