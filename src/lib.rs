//! FlexCore's shell: everything that touches the world, and the one place that puts the parts together.

pub mod adopt;
pub mod alerts;
pub mod backup;
pub mod cli;
#[cfg(feature = "listener")]
pub mod client;
pub mod compose;
pub mod config;
pub mod data_dir;
pub mod definition;
pub mod event_json;
#[cfg(feature = "listener")]
pub mod http;
#[cfg(not(feature = "listener"))]
#[path = "http_absent.rs"]
pub mod http;
pub mod local_link;
#[cfg(feature = "listener")]
pub mod metrics;
#[cfg(feature = "http")]
pub mod notify;
pub mod probe;
pub mod session;
pub mod shutdown;
pub mod step;
pub mod telemetry;
