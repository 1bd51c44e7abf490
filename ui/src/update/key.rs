//! From a key press to an action: what lies on top takes it first, then the table.

use tui_input::{Input as Line, InputRequest};

use super::{act, navigate, overlay};
use crate::{
    effect::Effect,
    keymap::Meaning,
    model::{Model, overlay::Overlay},
    screen::Input,
    terminal::key::{Code, Key},
};

/// The longest pasted text, in bytes; the rest is cut.
const PASTE_BYTES_MAX: usize = 256 << 10;

pub(super) fn press(model: &mut Model, key: Key) -> Vec<Effect> {
    model.messages.dismiss();
    if key != Key::ctrl('c') && key != Key::char('q') {
        model.leaving = false;
    }
    if model.overlay.is_some() {
        return overlay::press(model, key);
    }
    if model.top().is_some_and(|opened| opened.screen.types_text()) {
        if key == Key::ctrl('c') {
            navigate::back(model);
            return Vec::new();
        }
        return navigate::tell_top(model, Input::Key(key));
    }
    by_the_table(model, key)
}

fn by_the_table(model: &mut Model, key: Key) -> Vec<Effect> {
    model.pending.push(key.pressed());
    let scopes = model.scopes();
    let mut meaning = model.keymap.meaning(scopes, &model.pending);
    if meaning == Meaning::Nothing && model.pending.len() > 1 {
        model.pending = vec![key.pressed()];
        meaning = model.keymap.meaning(scopes, &model.pending);
    }
    match meaning {
        Meaning::Prefix => Vec::new(),
        Meaning::Nothing => {
            model.pending.clear();
            if let Some(typed) = key.typed().filter(|typed| !typed.is_control()) {
                let text = format!("{typed} means nothing here: ? shows the keys, : everything by name");
                model.messages.aside(model.now, text);
            }
            Vec::new()
        }
        Meaning::Action(action) => {
            model.pending.clear();
            act::by_key(model, action, key.repeat)
        }
    }
}

pub(super) fn paste(model: &mut Model, text: &str) -> Vec<Effect> {
    let mut end = text.len().min(PASTE_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    if matches!(model.overlay, Some(Overlay::Filter { .. } | Overlay::Moment { .. } | Overlay::Palette(_) | Overlay::Confirm(_)))
    {
        let line: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
        return line.trim().chars().flat_map(|char| overlay::press(model, Key::char(char))).collect();
    }
    if model.overlay.is_none() && model.top().is_some_and(|opened| opened.screen.types_text()) {
        return navigate::tell_top(model, Input::Paste(text));
    }
    Vec::new()
}

/// Edits a one-line text. `false`: not a key of line editing.
pub fn edit_line(line: &mut Line, key: Key) -> bool {
    let request = match (key.code, key.ctrl, key.alt) {
        (Code::Char('a'), true, _) | (Code::Home, ..) => InputRequest::GoToStart,
        (Code::Char('e'), true, _) | (Code::End, ..) => InputRequest::GoToEnd,
        (Code::Char('u'), true, _) => InputRequest::DeleteLine,
        (Code::Char('w'), true, _) | (Code::Backspace, _, true) => InputRequest::DeletePrevWord,
        (Code::Char('b'), _, true) | (Code::Left, true, _) => InputRequest::GoToPrevWord,
        (Code::Char('f'), _, true) | (Code::Right, true, _) => InputRequest::GoToNextWord,
        (Code::Char(char), false, false) => InputRequest::InsertChar(char),
        (Code::Char('h'), true, _) | (Code::Backspace, ..) => InputRequest::DeletePrevChar,
        (Code::Delete, ..) => InputRequest::DeleteNextChar,
        (Code::Left, ..) => InputRequest::GoToPrevChar,
        (Code::Right, ..) => InputRequest::GoToNextChar,
        _ => return false,
    };
    line.handle(request);
    true
}
