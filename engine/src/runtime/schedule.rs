//! When a pipeline is due.
