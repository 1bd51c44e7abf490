//! FlexCore's engine. It decides, remembers and runs; it opens no socket and draws nothing.
//!
//! ```text
//!  key · HTTP · tick · message
//!         │ Command                                   ┌────────── Subscription ──────────┐
//!         ▼                                           │                                  ▼
//!  Engine::submit ──▶ aggregate.decide ──▶ Event ──▶ log ──▶ projections ──▶ console · HTTP · metrics
//!         ▲                                           │
//!         └────────── worker ◀── queue ◀── dispatcher ┘     a run: source ═▶ transform ═▶ sink, batches forward, acks back
//! ```

pub mod aggregate;
pub mod alert;
pub mod command;
pub mod event;
pub mod flow;
pub mod handle;
pub mod id;
pub mod moment;
pub mod pipeline;
pub mod port;
pub mod projection;
pub mod queue;
pub mod retry;
pub mod runtime;
mod segment;
pub mod store;
pub mod subscription;
#[cfg(feature = "testing")]
pub mod testing;
mod turn;
pub mod unit;
pub mod vitals;
