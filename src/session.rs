//! Consoles, wherever their terminal is: what a terminal can do, and so how its console looks.

pub mod look;
