//! FlexCore's console: keys and facts in, frames and effects out. It knows the engine's types, and an engine only through
//! [`link::Link`]: in this process, or far away.

pub mod link;
pub mod widget;
