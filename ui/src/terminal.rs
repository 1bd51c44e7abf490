//! What a terminal is made of: keys in, frames out, and everything put back as it was. No part of it draws.

pub mod canvas;
pub mod decode;
pub mod depth;
pub mod desk;
pub(crate) mod encode;
pub mod key;
mod lex;
pub mod output;
pub mod pace;
mod panic;
mod scroll;
pub mod tty;
