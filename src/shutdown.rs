//! Signals, and stopping in order.
