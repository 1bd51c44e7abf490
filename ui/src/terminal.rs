//! What a terminal is made of: keys in, frames out, and everything put back as it was. No part of it draws.

pub mod key;
