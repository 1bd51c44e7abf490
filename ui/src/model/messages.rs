//! What was said to the operator: shown for a moment, kept for the messages pane.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::effect::Tone;

/// The most messages kept.
pub const MESSAGES_MAX: usize = 200;
/// How long a message stands in the footer.
const SHOWN: SignedDuration = SignedDuration::from_secs(6);

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// When.
    pub at: Timestamp,
    /// How it is meant.
    pub tone: Tone,
    /// What.
    pub text: String,
}

/// What was said.
#[derive(Debug, Clone, Default)]
pub struct Messages {
    all: VecDeque<Message>,
    dismissed: bool,
    /// A word about the last key: shown, and not worth keeping.
    aside: Option<Message>,
}

impl Messages {
    /// Says something.
    pub fn say(&mut self, at: Timestamp, tone: Tone, text: impl Into<String>) {
        self.aside = None;
        self.all.push_back(Message { at, tone, text: text.into() });
        self.dismissed = false;
        while self.all.len() > MESSAGES_MAX {
            self.all.pop_front();
        }
    }

    /// Says something about a key that was pressed; it is not kept.
    pub fn aside(&mut self, at: Timestamp, text: impl Into<String>) {
        self.aside = Some(Message { at, tone: Tone::Info, text: text.into() });
    }

    /// Newest last.
    pub fn all(&self) -> &VecDeque<Message> {
        &self.all
    }

    /// What stands in the footer now. What did not work stands until a key is pressed.
    pub fn toast(&self, now: Timestamp) -> Option<&Message> {
        let is_shown = |message: &&Message| message.tone == Tone::Bad || now.duration_since(message.at) < SHOWN;
        if let Some(aside) = self.aside.as_ref().filter(is_shown) {
            return Some(aside);
        }
        self.all.back().filter(|_| !self.dismissed).filter(is_shown)
    }

    /// Whether what stands in the footer goes by itself.
    pub fn will_pass(&self, now: Timestamp) -> bool {
        self.toast(now).is_some_and(|message| message.tone != Tone::Bad)
    }

    /// It stands in the footer again: the key was only the same one, held.
    pub fn recall(&mut self) {
        self.dismissed = false;
    }

    /// A key was pressed: what stood there was read.
    pub fn dismiss(&mut self) {
        self.aside = None;
        self.dismissed = true;
    }
}
