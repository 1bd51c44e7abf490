//! `flexcore queue …`: queues of a running engine.

use clap::{Args, Subcommand, ValueEnum};
use reqwest::Method;
use serde_json::{Value, json, value::RawValue};

use super::{
    complain,
    remote::{Answer, RemoteArgs, answer, cell},
};
use crate::client::{Body, Client, ClientError, part};

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
    /// Send a message
    Send {
        queue: String,
        /// Its body: JSON
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
pub fn run(args: &QueueArgs) -> color_eyre::Result<i32> {
    let of = |queue: &str, verb: &str| format!("/queues/{}{verb}", part(queue));
    let post = |queue: &str, verb: &str, body: &Value| (Method::POST, of(queue, verb), Some(Body::json(body)));
    let (method, path, body) = match &args.what {
        What::List => (Method::GET, "/queues?limit=1000".to_owned(), None),
        What::Show { queue } => (Method::GET, of(queue, ""), None),
        What::Peek { queue, which, limit } => {
            let which = which.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
            (Method::GET, of(queue, &format!("/peek?which={which}&limit={limit}")), None)
        }
        What::Send { queue, body, priority, delay } => match RawValue::from_string(body.clone()) {
            Ok(body) => {
                let message = Message { body: &body, priority: *priority, delay };
                (Method::POST, of(queue, "/messages"), Some(Body::json(&message)))
            }
            Err(error) => return Ok(complain(&format!("the body is not JSON: {error}; text is written \"in quotes\""))),
        },
        What::Purge { queue, dead } => post(queue, "/purge", &json!({"scope": if *dead { "dead_letters" } else { "messages" }})),
        What::Redrive { queue, messages } => post(queue, "/redrive", &json!({"messages": messages})),
        What::Replay { queue, pipeline, messages } => {
            post(queue, "/replay", &json!({"pipeline": pipeline, "messages": messages}))
        }
        What::Discard { queue, messages } => post(queue, "/discard", &json!({"messages": messages})),
    };
    answer(&args.remote, |client| asked(client, &args.what, method, path, body))
}

#[derive(serde::Serialize)]
struct Message<'a> {
    body: &'a RawValue,
    priority: u8,
    delay: &'a str,
}

async fn asked(client: Client, what: &What, method: Method, path: String, body: Option<Body>) -> Result<Answer, ClientError> {
    let json: Value = client.read(method, &path, body).await?;
    Ok(match what {
        What::List => Answer::table(
            json,
            &[
                ("NAME", &|row| cell(row, "name")),
                ("READY", &|row| cell(row, "ready")),
                ("DELAYED", &|row| cell(row, "delayed")),
                ("LEASED", &|row| cell(row, "leased")),
                ("DEAD", &|row| cell(row, "dead")),
                ("SENT", &|row| cell(row, "sent_total")),
                ("OLDEST", &|row| cell(row, "oldest")),
            ],
        ),
        What::Peek { .. } => Answer::table(
            json,
            &[
                ("ID", &|row| cell(row, "id")),
                ("STATE", &|row| cell(row, "state")),
                ("ATTEMPTS", &|row| cell(row, "attempts")),
                ("SENT", &|row| cell(row, "sent_at")),
                ("ERROR", &|row| cell(row, "error")),
                ("BODY", &|row| flexcore_ui::widget::safe_text::safe(&row["body"].to_string()).to_string()),
            ],
        ),
        What::Show { .. } => {
            let text = format!(
                "{}: {} ready, {} delayed, {} leased, {} dead; {} sent, {} acked, {} returned, {} dropped",
                cell(&json, "name"),
                cell(&json, "ready"),
                cell(&json, "delayed"),
                cell(&json, "leased"),
                cell(&json, "dead"),
                cell(&json, "sent_total"),
                cell(&json, "acked_total"),
                cell(&json, "returned_total"),
                cell(&json, "dropped_total")
            );
            Answer::said(json, text)
        }
        What::Send { .. } => {
            let text = format!("sent: {}", cell(&json["items"][0], "id"));
            Answer::said(json, text)
        }
        What::Replay { .. } => {
            let text = format!("run {}", cell(&json, "run"));
            Answer::said(json, text)
        }
        What::Purge { .. } | What::Redrive { .. } | What::Discard { .. } => {
            let text = cell(&json, "note");
            Answer::said(json, text)
        }
    })
}
