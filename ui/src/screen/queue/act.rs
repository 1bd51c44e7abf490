//! What can be done with a queue. Everything that changes something asks first, and says how many messages it is about.

use bytes::Bytes;
use flexcore_engine::{
    command::QueueCommand, event::queue::PurgeScope, id::MessageId, port::queue::PRIORITY_MAX, projection::why::Subject,
    unit::Duration,
};
use serde_json::Value;

use super::{QueueScreen, TABS, Tab, Trial};
use crate::{
    effect::{Answer, Change, Intent, Tone},
    keymap::Action,
    model::{
        ask,
        facts::Facts,
        sheet::{Confirmation, Grade},
    },
    screen::{Place, form_sheet::FormSheet},
    widget::form::{Field, Form, Kind},
};

/// Which dead letters are meant.
struct Meant {
    /// Empty: all.
    messages: Vec<MessageId>,
    /// In words.
    words: String,
}

impl QueueScreen {
    pub(super) fn act(&mut self, action: Action, facts: &Facts) -> Vec<Intent> {
        match action {
            Action::SendMessage => vec![self.send()],
            Action::Purge if TABS[self.tab] == Tab::Dead => vec![self.purge_dead(facts)],
            Action::Purge => vec![self.purge(facts)],
            Action::Redrive => vec![self.redrive(facts)],
            Action::Replay => vec![self.replay(facts)],
            Action::Discard => vec![self.discard(facts)],
            Action::EditMessage => vec![self.edit()],
            Action::DryRun => vec![self.try_letter(facts)],
            Action::GoPipeline => match self.pipeline(facts) {
                Some(name) => vec![Intent::Open(Place::Pipeline(name))],
                None => vec![say("no pipeline has this queue for its dead letters")],
            },
            Action::Why => vec![Intent::Open(Place::Why(Subject::Queue(self.name.clone())))],
            Action::CopyName => vec![self.copy()],
            _ => Vec::new(),
        }
    }

    fn copy(&self) -> Intent {
        match self.selected() {
            Some(message) => Intent::Copy { what: "body", text: String::from_utf8_lossy(&message.body).into_owned() },
            None => Intent::Copy { what: "name", text: self.name.to_string() },
        }
    }

    /// The marked ones, else the one under the cursor; when all that there are are marked, all.
    fn meant(&self, facts: &Facts) -> Option<Meant> {
        if TABS[self.tab] != Tab::Dead {
            return None;
        }
        let all = self.messages.as_ref().map_or(0, Vec::len);
        let dead = self.stats(facts).map_or(all as u64, |stats| stats.dead);
        match self.marked.len() {
            0 => self.selected().map(|message| Meant { messages: vec![message.id], words: "1 dead letter".into() }),
            marked if marked == all => Some(Meant { messages: Vec::new(), words: format!("all {dead} dead letters") }),
            marked => Some(Meant { messages: self.marked.clone(), words: format!("{marked} dead letters") }),
        }
    }

    fn confirm(&self, verb: &str, effects: Vec<String>, grade: Grade, change: Change) -> Intent {
        Intent::Confirm(Confirmation { title: format!("{verb}: queue {}", self.name), effects, grade, changes: vec![change] })
    }

    fn purge(&self, facts: &Facts) -> Intent {
        match ask::about_queues(Action::Purge, std::slice::from_ref(&self.name), facts) {
            Ok(confirmation) => Intent::Confirm(confirmation),
            Err(why) => Intent::Say(Tone::Warn, why),
        }
    }

    fn purge_dead(&self, facts: &Facts) -> Intent {
        let dead = self.stats(facts).map_or(0, |stats| stats.dead);
        if dead == 0 {
            return say("there are no dead letters");
        }
        let change = Change::queue(&self.name, QueueCommand::Purge { scope: PurgeScope::DeadLetters });
        let effects = vec![format!("all {dead} dead letters are lost for good")];
        self.confirm("Purge dead letters", effects, Grade::Type(self.name.to_string()), change)
    }

    fn redrive(&self, facts: &Facts) -> Intent {
        let Some(meant) = self.meant(facts) else { return choose() };
        if self.pipeline(facts).is_some_and(|name| facts.models.board.pipelines.contains_key(&name)) {
            return say("these are records of a pipeline: R replays them in it");
        }
        let change = Change::queue(&self.name, QueueCommand::Redrive { messages: meant.messages });
        let effects = vec![format!("{} become ready messages of this queue, their attempts forgotten", meant.words)];
        self.confirm("Redrive", effects, Grade::Yes, change)
    }

    fn replay(&self, facts: &Facts) -> Intent {
        let Some(meant) = self.meant(facts) else { return choose() };
        let row = self.pipeline(facts).and_then(|name| facts.models.board.pipelines.get(&name));
        let Some(row) = row else { return say("no pipeline has this queue for its dead letters: U redrives them") };
        let current = row.current();
        let effects = vec![
            format!("{} go through {} again, from the step that refused them", meant.words, row.name),
            format!("one run of revision {} ({}); what fails again comes back here", current.number, current.revision.short()),
        ];
        let change = Change::Replay { queue: self.name.clone(), pipeline: row.name.clone(), messages: meant.messages };
        self.confirm("Replay", effects, Grade::Yes, change)
    }

    fn discard(&self, facts: &Facts) -> Intent {
        let Some(meant) = self.meant(facts) else { return choose() };
        if meant.messages.is_empty() {
            return self.purge_dead(facts);
        }
        let change = Change::queue(&self.name, QueueCommand::DiscardDeadLetters { messages: meant.messages });
        self.confirm("Discard", vec![format!("{} are lost for good", meant.words)], Grade::Yes, change)
    }

    fn send(&self) -> Intent {
        let name = self.name.clone();
        let form = Form::new(vec![
            Field::new("body", Kind::Json).described("the message").required(),
            Field::new("priority", Kind::Integer).described("0 first, 9 last").default_value(Some(0.into())),
            Field::new("delay", Kind::Integer).described("seconds before it is delivered").default_value(Some(0.into())),
        ]);
        let sheet = FormSheet::new(
            format!("Send a message to {}", self.name),
            vec!["one message more in the queue; receivers get it in its turn".into()],
            form,
            move |values| {
                let number = |key: &str| values.get(key).and_then(Value::as_u64).unwrap_or(0);
                let body = Bytes::from(values.get("body").unwrap_or(&Value::Null).to_string());
                let priority = number("priority").min(u64::from(PRIORITY_MAX)) as u8;
                let delay = Duration::from_secs(number("delay").min(365 * 86_400));
                vec![Change::queue(&name, QueueCommand::Send { body, priority, delay })]
            },
        );
        Intent::Sheet(Box::new(sheet))
    }

    fn edit(&mut self) -> Intent {
        let dead = TABS[self.tab] == Tab::Dead;
        let Some((id, body)) = self.selected().filter(|_| dead).map(|message| (message.id, message.body.clone())) else {
            return choose();
        };
        let text = match self.edited.take().filter(|(edited, _)| *edited == id) {
            Some((_, text)) => text,
            None => pretty(&body),
        };
        self.editing = Some(id);
        Intent::Edit { name: format!("{}.json", id.short()), text }
    }

    fn try_letter(&mut self, facts: &Facts) -> Intent {
        let row = self.pipeline(facts).and_then(|name| facts.models.board.pipelines.get(&name));
        let Some(row) = row else { return say("no pipeline has this queue for its dead letters") };
        let Some(message) = self.selected().filter(|_| TABS[self.tab] == Tab::Dead) else { return choose() };
        match Trial::of(message, row, facts) {
            Ok((trial, question)) => {
                self.trial = Some(trial);
                question
            }
            Err(why) => Intent::Say(Tone::Warn, why),
        }
    }

    pub(super) fn take_trial(&mut self, answer: Answer) -> Vec<Intent> {
        match answer {
            Answer::DryRun(result) => {
                if let Some(trial) = &mut self.trial {
                    trial.take(result.map_err(|error| error.to_string()));
                }
                Vec::new()
            }
            Answer::Edited(Ok(text)) => vec![self.edited(text)],
            Answer::Edited(Err(why)) => vec![Intent::Say(Tone::Warn, why)],
            _ => Vec::new(),
        }
    }

    /// Asks whether the edited body shall be kept. What is not JSON is kept for the next time in the editor.
    fn edited(&mut self, text: String) -> Intent {
        let Some(message) = self.editing.take() else { return say("nothing is being edited") };
        match serde_json::from_str::<Value>(&text) {
            Ok(value) => {
                let body = Bytes::from(value.to_string());
                let before = self.messages.iter().flatten().find(|known| known.id == message);
                if before.and_then(|known| serde_json::from_slice::<Value>(&known.body).ok()) == Some(value) {
                    return Intent::Say(Tone::Info, "nothing was changed".into());
                }
                let size = body.len();
                let change = Change::queue(&self.name, QueueCommand::EditDeadLetter { message, body });
                let effects = vec![
                    format!("the body of dead letter {} is replaced ({size} bytes)", message.short()),
                    "it stays a dead letter: d tries it, R replays it".into(),
                ];
                self.confirm("Keep the edited body", effects, Grade::Yes, change)
            }
            Err(error) => {
                self.edited = Some((message, text));
                Intent::Say(Tone::Bad, format!("not JSON: {error}; E edits it again"))
            }
        }
    }
}

fn pretty(body: &Bytes) -> String {
    let value = serde_json::from_slice::<Value>(body).ok();
    let pretty = value.and_then(|value| serde_json::to_string_pretty(&value).ok());
    pretty.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned()) + "\n"
}

fn say(text: &str) -> Intent {
    Intent::Say(Tone::Warn, text.into())
}

fn choose() -> Intent {
    say("choose a dead letter first: 3 shows them")
}
