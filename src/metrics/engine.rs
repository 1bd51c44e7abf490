//! The log, commands, readers, workers and checks.

use flexcore_engine::vitals::{CheckState, Vitals};

use super::family::{Families, Family};

pub(super) fn tell(families: &mut Families, vitals: &Vitals) {
    let info = [("version", env!("CARGO_PKG_VERSION")), ("node", vitals.node.as_str()), ("store", vitals.store_kind.as_str())];
    families.add(Family::gauge("flexcore_info", "What runs; always 1").with(&info, 1.0));
    families.gauge("flexcore_start_time_seconds", "When the engine started", seconds(vitals.started_at));
    log(families, vitals);
    let commands = Family::counter("flexcore_commands_total", "Commands by what became of them")
        .with(&[("result", "accepted")], vitals.commands.accepted as f64)
        .with(&[("result", "rejected")], vitals.commands.rejected as f64)
        .with(&[("result", "failed")], vitals.commands.failed as f64);
    families.add(commands);
    families.gauge("flexcore_workers", "Runs that may work at once", f64::from(vitals.workers));
    families.gauge("flexcore_workers_busy", "Runs that work now", f64::from(vitals.workers_busy));
    families.gauge("flexcore_event_loop_lag_seconds", "How late the last figures were taken", vitals.lag_ms as f64 / 1e3);
    families.add(checks(vitals));
}

fn log(families: &mut Families, vitals: &Vitals) {
    let (store, appends) = (&vitals.store, &vitals.appends);
    families.counter("flexcore_events_appended_total", "Events this process appended to the log", appends.events);
    families.counter("flexcore_append_failures_total", "Appends that the log could not take", appends.failed);
    let mut took = Family::histogram("flexcore_append_duration_seconds", "How long appends to the log took");
    took.latencies(&[], &appends.took);
    families.add(took);
    if let Some(syncs) = &vitals.syncs {
        let mut took = Family::histogram("flexcore_fsync_duration_seconds", "How long syncs of the log's disk took");
        took.latencies(&[], syncs);
        families.add(took);
    }
    families.gauge("flexcore_log_head_position", "The newest event's position", store.head.0 as f64);
    families.gauge("flexcore_log_events", "Events that are kept", store.kept() as f64);
    families.gauge("flexcore_log_bytes", "Bytes of the events that are kept", store.bytes as f64);
    families.counter(
        "flexcore_log_dropped_total",
        "Events that retention has dropped",
        store.head.0.saturating_sub(store.kept()),
    );
    families.gauge("flexcore_log_streams", "Streams that the log knows", store.streams as f64);
    families.add(readers(vitals));
}

/// Readers of the same name are told as the one that is furthest behind.
fn readers(vitals: &Vitals) -> Family {
    let mut lags = std::collections::BTreeMap::<&str, u64>::new();
    for reader in &vitals.readers {
        let lag = lags.entry(reader.name.as_str()).or_default();
        *lag = reader.lag.max(*lag);
    }
    let mut family = Family::gauge("flexcore_subscription_lag_events", "Events between a reader of the log and its head");
    for (name, lag) in &lags {
        family.sample(&[("reader", name)], *lag as f64);
    }
    family
}

fn checks(vitals: &Vitals) -> Family {
    let mut family = Family::gauge("flexcore_check_state", "What was looked at: 0 ok, 1 warns, 2 fails, -1 not looked at yet");
    for check in &vitals.checks {
        let value = match check.state() {
            CheckState::Ok => 0.0,
            CheckState::Warn => 1.0,
            CheckState::Fail => 2.0,
            CheckState::Unknown => -1.0,
        };
        family.sample(&[("check", check.name())], value);
    }
    family
}

pub(super) fn seconds(at: jiff::Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1e3
}
