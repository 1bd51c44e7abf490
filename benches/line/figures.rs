//! What a process uses, and shares of many figures.

#![allow(dead_code, reason = "each bench uses its part")]

use std::{fs, thread, time::Duration};

/// What a process has used so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    pub(crate) rss_mb: f64,
    pub(crate) cpu_ms: f64,
    /// How often one of its threads waited and went on.
    pub(crate) wakes: f64,
}

impl Usage {
    pub(crate) fn of(pid: u32) -> Self {
        let mut wakes = 0.0;
        let mut cpu_ns = 0.0;
        for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let read = |name: &str| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
            wakes += field(&read("status"), "voluntary_ctxt_switches:");
            cpu_ns += read("schedstat").split(' ').next().and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        }
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        Self { rss_mb: field(&status, "VmRSS:") * 1.024e-3, cpu_ms: cpu_ns / 1e6, wakes }
    }
}

/// Wake-ups and milliseconds of processor a second, of a process that is watched for a time.
pub(crate) fn watch(pid: u32, watched: Duration) -> (f64, f64) {
    let before = Usage::of(pid);
    thread::sleep(watched);
    let (after, seconds) = (Usage::of(pid), watched.as_secs_f64());
    ((after.wakes - before.wakes) / seconds, (after.cpu_ms - before.cpu_ms) / seconds)
}

fn field(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// The figure below which such a share of them lies.
pub(crate) fn share(figures: &mut [f64], share: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let at = (figures.len() as f64 * share).ceil() as usize;
    figures[at.clamp(1, figures.len()) - 1]
}
