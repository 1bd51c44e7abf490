//! Contracts of every port, scripted steps and the manual clock.

pub mod clock;
pub mod queue_contract;
pub mod steps;
pub mod store_contract;
