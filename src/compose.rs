//! The one place that puts the parts together, and the only file that names adapters.
