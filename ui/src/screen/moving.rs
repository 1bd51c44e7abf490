//! What keys for moving mean to lists, texts and trees: the same everywhere.

use crate::{
    effect::{Intent, Tone},
    keymap::Action,
    widget::{Window, json_tree::JsonTree, text_view::TextView},
};

/// Columns of one step sideways.
const SHIFT: isize = 8;

/// Moves a selection; false: the action does not move.
pub(super) fn walk(action: Action, window: &mut Window, len: usize) -> bool {
    match action {
        Action::Up => window.step(-1, len),
        Action::Down => window.step(1, len),
        Action::Top => window.top(),
        Action::Bottom => window.bottom(len),
        Action::HalfUp => window.page(-1, true, len),
        Action::HalfDown => window.page(1, true, len),
        Action::PageUp => window.page(-1, false, len),
        Action::PageDown => window.page(1, false, len),
        _ => return false,
    }
    true
}

/// Scrolls a text; false: the action does not scroll.
pub(super) fn scroll(action: Action, view: &mut TextView) -> bool {
    match action {
        Action::Up => view.scroll(-1),
        Action::Down => view.scroll(1),
        Action::Left => view.shift(-SHIFT),
        Action::Right => view.shift(SHIFT),
        Action::Top => view.top(),
        Action::Bottom => view.bottom(),
        Action::HalfUp => view.page(-1, true),
        Action::HalfDown => view.page(1, true),
        Action::PageUp => view.page(-1, false),
        Action::PageDown => view.page(1, false),
        Action::Wrap => view.toggle_wrap(),
        _ => return false,
    }
    true
}

/// Moves in a tree, folds it, copies from it; `None`: the action is not one for a tree.
pub(super) fn climb(action: Action, tree: &mut JsonTree) -> Option<Vec<Intent>> {
    let (window, len) = tree.window();
    if walk(action, window, len) {
        return Some(Vec::new());
    }
    match action {
        Action::Left => tree.fold(),
        Action::Right => tree.unfold(),
        Action::Fold => tree.toggle(),
        Action::FoldAll => tree.toggle_all(),
        Action::CopyValue | Action::CopyName => return Some(vec![Intent::Copy { what: "value", text: tree.value() }]),
        Action::CopyPath => return Some(vec![Intent::Copy { what: "path", text: tree.path() }]),
        Action::HitNext | Action::HitPrevious if !tree.next_hit(action == Action::HitNext) => {
            return Some(vec![Intent::Say(Tone::Info, "nothing found: / looks for something".into())]);
        }
        Action::HitNext | Action::HitPrevious => {}
        _ => return None,
    }
    Some(Vec::new())
}
