//! Consoles, wherever their terminal is: what a terminal can do, and so how its console looks; and who is
//! here.

pub mod here;
pub mod look;
