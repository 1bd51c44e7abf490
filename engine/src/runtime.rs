//! What keeps runs going: dispatcher, workers, scheduler, reaper.

pub mod schedule;
