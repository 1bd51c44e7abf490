//! FlexCore's console: keys and facts in, frames and effects out. It knows the engine's types, and an engine only through
//! [`link::Link`]: in this process, or far away.
//!
//! ```text
//!  bytes ─▶ key ─▶ keymap ─▶ action ─┐                       ┌─▶ view(&Model) ─▶ frame ─▶ one write
//!  pages, figures, answers ──────────┴─▶ update(&mut Model) ─┴─▶ effects ─▶ spawned, answer as messages
//! ```

pub mod effect;
pub mod keymap;
pub mod link;
pub mod model;
pub mod msg;
pub mod run;
pub mod screen;
pub mod terminal;
#[cfg(feature = "testing")]
pub mod testing;
pub mod theme;
pub mod update;
pub mod view;
pub mod widget;
