//! The figures of a queue: depth, rates, what becomes of what waits, limits.

use flexcore_engine::{id::QueueName, port::queue::QueueStats};
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    text::{Line, Span},
};

use super::QueueScreen;
use crate::{
    model::facts::Facts,
    screen::parts,
    theme::Theme,
    widget::{
        figures::{self, Drain},
        ink::Ink,
        spark::{bar, spark},
    },
};

/// The lines above the parts.
pub(super) fn lines(
    screen: &QueueScreen,
    stats: Option<&QueueStats>,
    facts: &Facts,
    theme: Theme,
    columns: u16,
) -> Vec<Line<'static>> {
    let look = theme.look();
    let Some(stats) = stats else {
        return vec![Line::styled("This queue holds nothing yet: its first message, or a declaration, makes it.", look.dim)];
    };
    vec![depth(screen, stats, facts, theme, columns), totals(stats, theme), limits(stats, theme)]
}

/// What the log tells of a queue: that it was declared, by whom, and its limits.
pub(super) fn view_past(name: &QueueName, facts: &Facts, theme: Theme, area: Rect, buffer: &mut Buffer) {
    let look = theme.look();
    let mut lines = vec![Line::styled("What was in a queue is not in the log: messages are no events.", look.dim)];
    match facts.models.queues.queues.get(name) {
        None => lines.push(Line::styled("It was not declared then; that it existed cannot be told.", look.dim)),
        Some(row) => {
            let at = format!("{} by {}", figures::moment(row.declared_at), row.declared_by);
            let limits = &row.limits;
            let (messages, bytes) = (figures::count(limits.messages_max), limits.bytes_max.to_string());
            let ttl = limits.ttl.map_or_else(String::new, |ttl| ttl.to_string());
            let tries = limits.attempts_max.to_string();
            let pairs = [("declared", at), ("at most", format!("{messages} messages, {bytes}")), ("tries", tries), ("ttl", ttl)];
            lines.push(parts::pairs(pairs, &look));
        }
    }
    parts::lines(&mut Ink::new(buffer, area), 1, 1, &lines);
}

fn depth(screen: &QueueScreen, stats: &QueueStats, facts: &Facts, theme: Theme, columns: u16) -> Line<'static> {
    let look = theme.look();
    let known = facts.figures.queue(&screen.name);
    let (rate_in, rate_out) = known.map_or((0.0, 0.0), |figures| (figures.in_per_s, figures.out_per_s));
    let depth = stats.ready + stats.delayed + stats.leased;
    let drain = Drain::of(depth, rate_in, rate_out);
    let style = match drain {
        Drain::Grows => look.bad,
        Drain::In(_) | Drain::Empty => look.good,
        Drain::Still | Drain::Steady => look.text,
    };
    let oldest = stats.oldest.map_or_else(String::new, |at| figures::age(facts.now, at));
    let mut line = parts::pairs(
        [
            ("depth", figures::count(depth)),
            ("in", format!("{}/s", figures::rate(rate_in))),
            ("out", format!("{}/s", figures::rate(rate_out))),
            ("oldest", oldest),
        ],
        &look,
    );
    line.spans.push(Span::styled(format!("{}   ", drain.word()), style));
    let room = usize::from(columns.saturating_sub(line.width() as u16 + 2)).min(60);
    let history = known.into_iter().flat_map(|figures| figures.depth_history.iter()).map(|depth| *depth as f64);
    line.spans.push(Span::styled(spark(history, room, 0.0, theme.ascii).trim_start().to_owned(), look.accent));
    line
}

fn totals(stats: &QueueStats, theme: Theme) -> Line<'static> {
    let counted = |count: u64| if count == 0 { String::new() } else { figures::count(count) };
    parts::pairs(
        [
            ("sent", figures::count(stats.sent_total)),
            ("acked", figures::count(stats.acked_total)),
            ("returned", counted(stats.returned_total)),
            ("leases ended", counted(stats.expired_leases_total)),
            ("dropped", counted(stats.dropped_total)),
            ("dead in all", counted(stats.dead_total)),
        ],
        &theme.look(),
    )
}

fn limits(stats: &QueueStats, theme: Theme) -> Line<'static> {
    let limits = &stats.limits;
    let held = stats.ready + stats.delayed + stats.leased;
    let full = format!(
        "{} {} of {}",
        bar(held, limits.messages_max, 8, theme.ascii),
        figures::count(held),
        figures::count(limits.messages_max)
    );
    let bytes = format!("{} of {}", figures::bytes(stats.bytes), limits.bytes_max);
    let ttl = limits.ttl.map_or_else(String::new, |ttl| ttl.to_string());
    let tries = limits.attempts_max.to_string();
    parts::pairs([("full", full), ("bytes", bytes), ("tries", tries), ("ttl", ttl)], &theme.look())
}

/// The names of the parts, with how many are in each.
pub(super) fn tab_names(stats: Option<&QueueStats>) -> Vec<String> {
    let count = |of: fn(&QueueStats) -> u64| stats.map_or(0, of);
    vec![
        format!("1 Messages {}", figures::count(count(|stats| stats.ready + stats.delayed))),
        format!("2 Leases {}", figures::count(count(|stats| stats.leased))),
        format!("3 Dead letters {}", figures::count(count(|stats| stats.dead))),
    ]
}
