//! What a terminal is made of: keys in, frames out, and everything put back as it was. No part of it draws.

pub mod canvas;
pub mod decode;
pub mod desk;
pub mod key;
pub mod output;
mod panic;
pub mod tty;
