//! Clock changes, bad triggers and long stops, on the wall clocks of four continents.

use proptest::prelude::*;

use super::*;
use crate::{
    pipeline::definition::{CronTrigger, DstFold, DstGap, DstRule, IntervalTrigger},
    unit::Duration,
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn rule(gap: DstGap, fold: DstFold) -> DstRule {
    DstRule { gap, fold }
}

fn cron_with(cron: &str, timezone: &str, dst: DstRule, catch_up: Option<CatchUp>) -> Trigger {
    Trigger::Cron(CronTrigger { cron: cron.into(), timezone: timezone.into(), dst, catch_up })
}

fn cron(cron: &str, timezone: &str, dst: DstRule) -> Schedule {
    Schedule::of(&[cron_with(cron, timezone, dst, None)]).unwrap()
}

fn interval(interval: Duration, catch_up: Option<CatchUp>) -> Trigger {
    Trigger::Interval(IntervalTrigger { interval, catch_up })
}

/// The next ticks as text, in UTC; skipped ones with a minus in front.
fn ticks(schedule: &Schedule, after: &str, count: usize) -> Vec<String> {
    let upcoming = schedule.upcoming(at(after), at(after), count);
    let show = |tick: &Tick| format!("{}{}", if tick.skipped.is_some() { "-" } else { "" }, tick.at.strftime("%d %H:%M:%S"));
    upcoming.iter().map(show).collect()
}

const DEFAULT: DstRule = DstRule { gap: DstGap::Shift, fold: DstFold::First };

#[test]
fn a_time_in_the_gap_runs_right_after_it_or_is_seen_to_be_skipped() {
    // 2026-03-08 02:00 EST becomes 03:00 EDT, at 07:00 UTC.
    let shift = cron("30 2 * * *", "America/New_York", rule(DstGap::Shift, DstFold::First));
    assert_eq!(ticks(&shift, "2026-03-07T00:00:00Z", 3), ["07 07:30:00", "08 07:00:00", "09 06:30:00"]);
    let skip = cron("30 2 * * *", "America/New_York", rule(DstGap::Skip, DstFold::First));
    assert_eq!(ticks(&skip, "2026-03-07T00:00:00Z", 3), ["07 07:30:00", "-08 07:00:00", "09 06:30:00"]);
    assert_eq!(
        skip.next_after(at("2026-03-08T00:00:00Z"), at("2026-01-01T00:00:00Z")).unwrap().skipped,
        Some(SkipReason::DstGap)
    );
}

#[test]
fn a_time_in_the_fold_runs_at_the_first_or_at_both() {
    // 2026-10-25 03:00 CEST becomes 02:00 CET, at 01:00 UTC.
    let first = cron("30 2 * * *", "Europe/Berlin", rule(DstGap::Shift, DstFold::First));
    assert_eq!(ticks(&first, "2026-10-24T12:00:00Z", 2), ["25 00:30:00", "26 01:30:00"]);
    let both = cron("30 2 * * *", "Europe/Berlin", rule(DstGap::Shift, DstFold::Both));
    assert_eq!(ticks(&both, "2026-10-24T12:00:00Z", 3), ["25 00:30:00", "25 01:30:00", "26 01:30:00"]);
}

#[test]
fn the_ends_of_gap_and_fold_belong_to_the_right_side() {
    let skip = rule(DstGap::Skip, DstFold::First);
    // 02:00 is the first time that does not exist, 03:00 the first that does.
    assert_eq!(ticks(&cron("0 2 * * *", "America/New_York", skip), "2026-03-08T00:00:00Z", 1), ["-08 07:00:00"]);
    assert_eq!(ticks(&cron("0 3 * * *", "America/New_York", skip), "2026-03-08T00:00:00Z", 1), ["08 07:00:00"]);
    // Both at once: the run is due.
    assert_eq!(ticks(&cron("0 2,3 * * *", "America/New_York", skip), "2026-03-08T00:00:00Z", 2), ["08 07:00:00", "09 06:00:00"]);
    // 2026-11-01 02:00 EDT becomes 01:00 EST, at 06:00 UTC: 01:00 is twice, 02:00 once.
    let first = cron("0 1,2 * * *", "America/New_York", DEFAULT);
    assert_eq!(ticks(&first, "2026-11-01T00:00:00Z", 2), ["01 05:00:00", "01 07:00:00"]);
}

#[test]
fn several_times_in_one_gap_are_one_tick() {
    let schedule = cron("0,20,40 2,12 * * *", "America/New_York", DEFAULT);
    assert_eq!(ticks(&schedule, "2026-03-08T00:00:00Z", 2), ["08 07:00:00", "08 16:00:00"]);
}

#[test]
fn every_quarter_of_an_hour_stays_even_over_both_changes_whatever_the_rule() {
    let changes = [
        ("America/New_York", ["2026-03-08", "2026-11-01"]),
        ("Europe/Berlin", ["2026-03-29", "2026-10-25"]),
        ("America/Sao_Paulo", ["2018-02-18", "2018-11-04"]),
        ("Australia/Lord_Howe", ["2026-04-05", "2026-10-04"]),
    ];
    for (zone, days) in changes {
        for dst in [DEFAULT, rule(DstGap::Skip, DstFold::Both)] {
            let schedule = cron("*/15 * * * *", zone, dst);
            for day in days {
                let middle = at(&format!("{day}T00:00:00Z"));
                let mut tick = middle - SignedDuration::from_hours(48);
                for _ in 0..4 * 96 {
                    let next = schedule.next_after(tick, tick).unwrap();
                    assert_eq!((next.at.as_second() - tick.as_second(), next.skipped), (900, None), "{zone} after {tick}");
                    tick = next.at;
                }
            }
        }
    }
}

#[test]
fn a_day_that_begins_with_a_gap_begins_after_it() {
    // 2018-11-04 00:00 does not exist in Sao Paulo: the clock went from 23:59 to 01:00, at 03:00 UTC.
    let shift = cron("0 0 * * *", "America/Sao_Paulo", DEFAULT);
    assert_eq!(ticks(&shift, "2018-11-03T12:00:00Z", 2), ["04 03:00:00", "05 02:00:00"]);
    let skip = cron("0 0 * * *", "America/Sao_Paulo", rule(DstGap::Skip, DstFold::First));
    assert_eq!(ticks(&skip, "2018-11-03T12:00:00Z", 2), ["-04 03:00:00", "05 02:00:00"]);
    // And 23:30 was twice on 2018-02-17.
    let both = cron("30 23 * * *", "America/Sao_Paulo", rule(DstGap::Shift, DstFold::Both));
    assert_eq!(ticks(&both, "2018-02-17T12:00:00Z", 3), ["18 01:30:00", "18 02:30:00", "19 02:30:00"]);
}

#[test]
fn a_change_of_half_an_hour_is_a_change() {
    // 2026-10-04 02:00 +10:30 becomes 02:30 +11, at 15:30 UTC of the 3rd.
    let gap = cron("15 2 * * *", "Australia/Lord_Howe", DEFAULT);
    assert_eq!(ticks(&gap, "2026-10-03T00:00:00Z", 2), ["03 15:30:00", "04 15:15:00"]);
    // 2026-04-05 02:00 +11 becomes 01:30 +10:30, at 15:00 UTC of the 4th.
    let fold = cron("45 1 * * *", "Australia/Lord_Howe", rule(DstGap::Shift, DstFold::Both));
    assert_eq!(ticks(&fold, "2026-04-04T00:00:00Z", 3), ["04 14:45:00", "04 15:15:00", "05 15:15:00"]);
}

#[test]
fn leap_days_come_every_four_years_and_not_in_2100() {
    let schedule = cron("0 12 29 2 *", "UTC", DEFAULT);
    let years = |after: &str| -> Vec<i16> {
        let zoned = |tick: Tick| tick.at.to_zoned(jiff::tz::TimeZone::UTC).year();
        schedule.upcoming(at(after), at(after), 2).into_iter().map(zoned).collect()
    };
    assert_eq!(years("2026-01-01T00:00:00Z"), [2028, 2032]);
    assert_eq!(years("2096-03-01T00:00:00Z"), [2104, 2108]);
}

#[test]
fn a_date_that_never_comes_ends_the_schedule() {
    for never in ["0 0 31 2 *", "0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
        let schedule = cron(never, "Europe/Berlin", DEFAULT);
        let (from, to) = (at("2026-01-01T00:00:00Z"), at("2036-01-01T00:00:00Z"));
        assert_eq!(schedule.next_after(from, from), None, "{never}");
        assert_eq!(schedule.missed(from, to, from), Missed::default(), "{never}");
    }
}

#[test]
fn six_fields_have_seconds_first() {
    let schedule = cron("*/20 0 12 * * *", "UTC", DEFAULT);
    let expected = ["01 12:00:00", "01 12:00:20", "01 12:00:40", "02 12:00:00"];
    assert_eq!(ticks(&schedule, "2026-01-01T00:00:00.5Z", 4), expected);
}

#[test]
fn an_interval_counts_from_activation_and_does_not_drift() {
    let schedule = Schedule::of(&[interval(Duration::from_secs(90), None)]).unwrap();
    let anchor = at("2026-01-01T00:00:07.25Z");
    let next = |after: &str| schedule.next_after(at(after), anchor).unwrap().at;
    assert_eq!(next("2025-06-01T00:00:00Z"), anchor, "the activation is the first tick");
    assert_eq!(next("2026-01-01T00:00:07.25Z"), at("2026-01-01T00:01:37.25Z"));
    assert_eq!(next("2026-01-01T00:01:37.25Z"), at("2026-01-01T00:03:07.25Z"));
    assert_eq!(next("2026-01-01T01:00:00Z"), at("2026-01-01T01:00:07.25Z"));
    assert_eq!(schedule.next_after(Timestamp::MAX, anchor), None);
}

#[test]
fn triggers_at_the_same_moment_are_one_tick() {
    let skip = rule(DstGap::Skip, DstFold::First);
    let triggers = [cron_with("30 2 * * *", "America/New_York", skip, None), cron_with("0 7 * * *", "UTC", DEFAULT, None)];
    let schedule = Schedule::of(&triggers).unwrap();
    assert_eq!(ticks(&schedule, "2026-03-08T00:00:00Z", 2), ["08 07:00:00", "09 06:30:00"]);
    assert!(Schedule::of(&[]).unwrap().is_manual());
    assert_eq!(ticks(&Schedule::default(), "2026-03-08T00:00:00Z", 2), Vec::<String>::new());
}

#[test]
fn what_cannot_be_read_is_named_with_what_to_write() {
    let utc = |text: &str| cron_with(text, "UTC", DEFAULT, None);
    let cases = [
        (utc("* * *"), "trigger 2, `cron`: `* * *` has 3 fields (write five (minute hour day month weekday)"),
        (utc(""), "`` has 0 fields"),
        (utc("@daily"), "`@daily` has 1 fields"),
        (utc("61 * * * *"), "`61` is not a minute (write 0 to 59;"),
        (utc("0 61 * * * *"), "`61` is not a minute"),
        (utc("* 24 * * *"), "`24` is not an hour (write 0 to 23;"),
        (utc("* * 0 * *"), "`0` is not a day of the month"),
        (utc("* * * foo *"), "`foo` is not a month (write 1 to 12, or jan to dec;"),
        (utc("* * * * 9"), "`9` is not a weekday"),
        (
            cron_with("* * * * *", "Europe/Berln", DEFAULT, None),
            "`timezone`: there is no time zone `Europe/Berln` (did you mean `Europe/Berlin`?)",
        ),
        (interval(Duration::from_millis(999), None), "`interval`: an interval of 999ms is too short (write at least 1s"),
    ];
    for (trigger, expected) in cases {
        let error = Schedule::of(&[utc("0 0 * * *"), trigger]).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
    let both = [utc("x"), interval(Duration::default(), None)];
    let pointers: Vec<String> =
        Schedule::mistakes(&both).into_iter().map(|bad| crate::pipeline::Mistake::from(bad).pointer).collect();
    assert_eq!(pointers, ["/triggers/0/cron", "/triggers/1/interval"]);
}

#[test]
fn without_catch_up_missed_ticks_are_counted_not_run() {
    let schedule = cron("0 * * * *", "UTC", DEFAULT);
    let (last, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T05:30:00Z"));
    let expected = Missed { run: vec![], skipped: 5, last_skipped: Some(at("2026-01-01T05:00:00Z")) };
    assert_eq!(schedule.missed(last, now, last), expected);
    assert_eq!(schedule.missed(now, now, last), Missed::default());
    assert_eq!(schedule.missed(now, last, last), Missed::default());
}

#[test]
fn catch_up_runs_the_newest_within_its_window() {
    let catch_up = |hours: u64, max| Some(CatchUp { window: Duration::from_secs(hours * 3_600), max });
    let missed = |catch_up| {
        let schedule = Schedule::of(&[cron_with("0 * * * *", "UTC", DEFAULT, catch_up)]).unwrap();
        let (last, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T05:30:00Z"));
        let missed = schedule.missed(last, now, last);
        let hour = |tick: Timestamp| tick.strftime("%H").to_string().parse::<u8>().unwrap();
        (missed.run.into_iter().map(hour).collect::<Vec<_>>(), missed.skipped, missed.last_skipped.map(hour))
    };
    assert_eq!(missed(catch_up(24, 2)), (vec![4, 5], 3, Some(3)));
    assert_eq!(missed(catch_up(2, 9)), (vec![4, 5], 3, Some(3)));
    assert_eq!(missed(catch_up(24, 9)), (vec![1, 2, 3, 4, 5], 0, None));
    assert_eq!(missed(catch_up(24, 0)), (vec![], 5, Some(5)));
    assert_eq!(missed(catch_up(0, 9)), (vec![], 5, Some(5)));
}

#[test]
fn ten_years_of_every_second_are_decided_by_counting() {
    let catch_up = Some(CatchUp { window: Duration::from_secs(9 * 366 * 86_400), max: u32::MAX });
    let (last, now) = (at("2016-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"));
    let seconds = (now.as_second() - last.as_second()) as u64;
    for trigger in [cron_with("* * * * * *", "Europe/Berlin", DEFAULT, catch_up), interval(Duration::from_secs(1), catch_up)] {
        let missed = Schedule::of(&[trigger]).unwrap().missed(last, now, last);
        assert_eq!(missed.run.len(), CATCH_UP_MAX as usize);
        assert_eq!((missed.run[0].as_second(), missed.run.last()), (now.as_second() - 999, Some(&now)));
        assert_eq!(missed.skipped, seconds - 1_000);
        assert_eq!(missed.last_skipped.map(Timestamp::as_second), Some(now.as_second() - 1_000));
    }
}

fn any_schedule() -> impl Strategy<Value = Schedule> {
    let hours = prop::sample::select(vec!["*", "2", "1,2,3", "*/2", "0", "23", "1-4", "0-23"]);
    let minutes = prop::sample::select(vec!["0", "30", "*/15", "7,59", "0,30"]);
    let days = prop::sample::select(vec!["* * *", "1-7 * 0", "25 10 *", "* 3,10,11 *", "L * *", "* * 0#2", "29 2 *"]);
    let zones = prop::sample::select(vec![
        "America/New_York",
        "Europe/Berlin",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "UTC",
        "Pacific/Apia",
        "Asia/Kathmandu",
    ]);
    let gap = prop::sample::select(vec![DstGap::Shift, DstGap::Skip]);
    let fold = prop::sample::select(vec![DstFold::First, DstFold::Both]);
    (minutes, hours, days, zones, gap, fold)
        .prop_map(|(minute, hour, day, zone, gap, fold)| cron(&format!("{minute} {hour} {day}"), zone, rule(gap, fold)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn counting_agrees_with_walking(schedule in any_schedule(), start in 1_200_000_000_i64..1_900_000_000, days in 0_i64..200) {
        let (from, to) = (Timestamp::from_second(start).unwrap(), Timestamp::from_second(start + days * 86_400).unwrap());
        let mut walked = 0;
        let mut tick = schedule.next_after(from, from);
        while let Some(Tick { at, skipped }) = tick.take_if(|tick| tick.at <= to) {
            walked += u64::from(skipped.is_none());
            let next = schedule.next_after(at, from);
            prop_assert!(next.as_ref().is_none_or(|next| next.at > at));
            tick = next;
        }
        prop_assert_eq!(schedule.missed(from, to, from).skipped, walked);
    }
}
