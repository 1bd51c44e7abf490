//! What every implementation of queues must do.
