//! What every implementation of the log must do.
