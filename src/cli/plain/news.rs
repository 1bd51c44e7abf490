//! What happened since the last prompt that needs a look: failures, warnings, and how runs ended.

use std::fmt::Write;

use flexcore_engine::{
    event::{Envelope, Event},
    port::store::READ_EVENTS_MAX,
    projection::describe::{Severity, describe},
};
use flexcore_ui::widget::{figures, safe_text::safe};
use reqwest::Method;
use serde::Deserialize;

use crate::{
    cli::told,
    client::{Client, ClientError},
    http::wire::events::EventPage,
};

/// The most lines of news before one prompt; the newest are told.
const LINES_MAX: usize = 20;
/// The most pages that are looked through before one prompt.
const PAGES_MAX: usize = 50;

/// How far the log was read.
#[derive(Debug, Default)]
pub(super) struct News {
    seen: u64,
    /// That the engine does not answer was said.
    is_lost: bool,
}

#[derive(Deserialize)]
struct Head {
    position: u64,
}

impl News {
    /// What is there already is no news.
    pub(super) async fn begin(&mut self, client: &Client) {
        self.seen = client.read(Method::GET, "/info", None).await.map_or(self.seen, |head: Head| head.position);
    }

    /// Lines, oldest first.
    pub(super) async fn tell(&mut self, client: &Client) -> String {
        match self.gather(client).await {
            Ok(lines) => {
                let back = if std::mem::take(&mut self.is_lost) { "the engine answers again\n" } else { "" };
                format!("{back}{lines}").trim_end().to_owned()
            }
            Err(_) if self.is_lost => String::new(),
            Err(error) => {
                self.is_lost = true;
                format!("the engine does not answer: {}", told(&error))
            }
        }
    }

    async fn gather(&mut self, client: &Client) -> Result<String, ClientError> {
        let head: Head = client.read(Method::GET, "/info", None).await?;
        let (first, mut lines) = (self.seen, Vec::new());
        if head.position < self.seen {
            lines.push("the engine has begun anew, with another log".to_owned());
            self.seen = 0;
        }
        for _ in 0..PAGES_MAX {
            if self.seen >= head.position {
                break;
            }
            let page = match self.page(client).await {
                Err(ClientError::Refused(problem)) if problem.status == 410 => break,
                page => page?,
            };
            lines.extend(page.items.into_iter().filter_map(|event| line(&Envelope::try_from(event).ok()?)));
            let Some(next) = page.next.filter(|next| *next > self.seen) else { break };
            self.seen = next;
        }
        let mut text = String::new();
        if self.seen < head.position {
            let _ = writeln!(text, "more happened than is told here: `events --since {}` lists it", first + 1);
            self.seen = head.position;
        }
        let left_out = lines.len().saturating_sub(LINES_MAX);
        if left_out > 0 {
            let _ = writeln!(text, "{left_out} earlier ones are left out: `events --since {}` lists them", first + 1);
        }
        Ok(text + &lines.split_off(left_out).join("\n"))
    }

    async fn page(&self, client: &Client) -> Result<EventPage, ClientError> {
        client.read(Method::GET, &format!("/events?after={}&limit={READ_EVENTS_MAX}", self.seen), None).await
    }
}

/// What is told of an event, if anything.
fn line(envelope: &Envelope) -> Option<String> {
    let said = describe(envelope);
    let word = match said.severity {
        Severity::Error => "error: ",
        Severity::Warn => "warning: ",
        Severity::Info if matches!(envelope.decode(), Some(Ok(Event::RunEnded(_)))) => "",
        Severity::Info => return None,
    };
    Some(format!("{}Z {word}{}: {}", figures::time(envelope.event.at), safe(&said.subject), safe(&said.text)))
}
