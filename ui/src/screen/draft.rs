//! A pipeline file that is being written: to the editor, to the check, and back to the editor with its mistakes.

use std::{path::PathBuf, sync::Arc};

use flexcore_engine::{event::pipeline::Source, pipeline::mistake::PlacedMistake};
use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    effect::{Answer, Intent, Question, Tone},
    link::Checked,
    widget::{Look, ink::Ink, safe_text},
};

/// What is known of the text.
#[derive(Debug, Clone)]
pub(super) enum Stage {
    /// It was not checked as it stands.
    Unchecked,
    /// The check has not answered yet.
    Checking,
    /// These are all its mistakes.
    Mistaken(Vec<PlacedMistake>),
    /// It can be saved.
    Good(Checked),
}

/// A pipeline file that is being written.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    /// What the editor calls it.
    pub(super) file: String,
    /// The text.
    pub(super) text: String,
    /// Where it came from.
    pub(super) path: Option<PathBuf>,
    /// What is known of it.
    pub(super) stage: Stage,
}

impl Draft {
    /// A text that nobody has checked.
    pub(super) fn new(file: String, text: String, path: Option<PathBuf>) -> Self {
        Self { file, text, path, stage: Stage::Unchecked }
    }

    /// To the editor.
    pub(super) fn edit(&self) -> Intent {
        Intent::Edit { name: self.file.clone(), text: self.text.clone() }
    }

    /// To the check.
    pub(super) fn check(&mut self) -> Intent {
        self.stage = Stage::Checking;
        Intent::Ask(Question::Check { text: self.text.clone(), path: self.path.clone() })
    }

    /// Takes what the editor or the check says. `None`: the answer is not about this.
    pub(super) fn take(&mut self, answer: &Answer) -> Option<Vec<Intent>> {
        match answer {
            Answer::Edited(Ok(text)) => {
                self.text.clone_from(text);
                Some(vec![self.check()])
            }
            Answer::Edited(Err(why)) => Some(vec![Intent::Say(Tone::Warn, why.clone())]),
            Answer::Check(Ok(Ok(checked))) => {
                self.stage = Stage::Good(checked.clone());
                Some(Vec::new())
            }
            Answer::Check(Ok(Err(mistakes))) => {
                self.stage = Stage::Mistaken(mistakes.clone());
                Some(Vec::new())
            }
            Answer::Check(Err(error)) => {
                self.stage = Stage::Unchecked;
                Some(vec![Intent::Say(Tone::Bad, format!("not checked: {error}"))])
            }
            _ => None,
        }
    }

    /// What is kept of the text beside its definition.
    pub(super) fn source(&self, checked: &Checked) -> Source {
        let path = self.path.as_ref().map(|path| Arc::from(path.to_string_lossy().as_ref()));
        Source { text: self.text.as_str().into(), path, folder: checked.folder.to_string_lossy().as_ref().into() }
    }

    /// Draws mistakes with the lines that have them, from a mistake on.
    pub(super) fn render_mistakes(&self, buffer: &mut Buffer, area: Rect, look: &Look, first: usize) {
        let Stage::Mistaken(mistakes) = &self.stage else { return };
        let mut ink = Ink::new(buffer, area);
        let mut row = 0;
        for mistake in mistakes.iter().skip(first) {
            if row >= ink.height() {
                return;
            }
            row = self.render_mistake(&mut ink, row, mistake, look);
        }
    }

    fn render_mistake(&self, ink: &mut Ink<'_>, row: u16, placed: &PlacedMistake, look: &Look) -> u16 {
        let place = format!("{}:{}", placed.line, placed.column);
        let column = ink.text(1, row, &place, look.accent);
        let mut row = row;
        let room = usize::from(ink.width().saturating_sub(column + 1)).max(1);
        for line in crate::widget::table::wrap(&placed.mistake.message, room) {
            ink.text(column + 1, row, &line, look.bad);
            row += 1;
        }
        if let Some(line) = self.text.lines().nth(placed.line.saturating_sub(1) as usize) {
            let head = format!("{:>5} {} ", placed.line, look.sign('│', '|'));
            let start = ink.text(1, row, &head, look.dim);
            ink.text(start, row, line, look.text);
            let before: String = line.chars().take(placed.column.saturating_sub(1) as usize).collect();
            let mark = start.saturating_add(safe_text::width(&safe_text::safe(&before)) as u16);
            ink.text(mark, row + 1, "^", look.bad);
            row += 2;
        }
        if let Some(hint) = &placed.mistake.hint {
            for line in crate::widget::table::wrap(hint, usize::from(ink.width().saturating_sub(9)).max(1)) {
                ink.text(9, row, &line, look.good);
                row += 1;
            }
        }
        row + 1
    }
}
