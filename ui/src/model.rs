//! Everything that the console knows and shows. Update changes it, view reads it, nobody else touches it.

pub mod events;
pub mod facts;
pub mod figures;
pub mod sheet;
