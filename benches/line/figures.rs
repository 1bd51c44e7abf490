//! What a process uses, and shares of many figures.

#![allow(dead_code, reason = "each bench uses its part")]

use std::fs;

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
