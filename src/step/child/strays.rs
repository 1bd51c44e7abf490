//! Children of a process that is no more: ended at the next start, before their runs are tried again. A process is only taken
//! for one of ours when its number, the time it started and the mark in its environment all say so; signals go by a handle
//! of the process itself, so that none reaches another one that got its number meanwhile.

use std::{
    fs, io,
    os::fd::OwnedFd,
    path::Path,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};

use super::{
    MARK,
    register::{self, Child},
};

/// What they may take to end after they were asked to.
const GRACE: Duration = Duration::from_secs(5);
/// Looked at again after the signal that nobody can refuse, for as long.
const KILLED_WITHIN: Duration = Duration::from_secs(1);

/// Ends what an earlier process of this data directory left running; one sentence for each. Waits for them.
pub fn end_strays(data: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(register::folder(data)) else { return Vec::new() };
    let mut told = Vec::new();
    for entry in entries.flatten() {
        let child = fs::read(entry.path()).ok().and_then(|text| serde_json::from_slice::<Child>(&text).ok());
        told.extend(child.and_then(|child| end(&child)));
        // Found or not, it is settled. Should the file stay, the next start looks again.
        let _ = fs::remove_file(entry.path());
    }
    told
}

fn end(child: &Child) -> Option<String> {
    let group = members(child);
    if group.is_empty() {
        return None;
    }
    let Child { program, pipeline, step, run, pid, .. } = child;
    signal(&group, Signal::TERM);
    let asked = gone_within(&group, GRACE);
    if !asked {
        signal(&group, Signal::KILL);
        gone_within(&group, KILLED_WITHIN);
    }
    let how = if asked { "ended" } else { "was killed" };
    Some(format!("`{program}` ({pid}) of step {step} of {pipeline}, run {run}, outlived its engine and {how}"))
}

/// Handles of the processes of a child's group that are its own.
fn members(child: &Child) -> Vec<OwnedFd> {
    if child.boot != boot() {
        return Vec::new();
    }
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| handle(pid, child)).collect()
}

/// A handle first, then the look: what is looked at is what the handle holds.
fn handle(pid: i32, child: &Child) -> Option<OwnedFd> {
    let (group, started) = stat(pid)?;
    let possible = if pid == child.pid { started == child.started } else { group == child.pid && started >= child.started };
    if !possible {
        return None;
    }
    let handle = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    (stat(pid) == Some((group, started)) && has_mark(pid, &child.run)).then_some(handle)
}

fn has_mark(pid: i32, run: &str) -> bool {
    let mark = format!("{MARK}={run}");
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
}

fn signal(group: &[OwnedFd], signal: Signal) {
    for process in group {
        // An error means that it is gone.
        let _ = pidfd_send_signal(process, signal);
    }
}

/// Waits until all are gone; says whether they are.
fn gone_within(group: &[OwnedFd], time: Duration) -> bool {
    let deadline = Instant::now() + time;
    group.iter().all(|process| is_gone_by(process, deadline).unwrap_or(false))
}

fn is_gone_by(process: &OwnedFd, deadline: Instant) -> io::Result<bool> {
    let rest = deadline.saturating_duration_since(Instant::now());
    let timeout = Timespec { tv_sec: rest.as_secs().cast_signed(), tv_nsec: i64::from(rest.subsec_nanos()) };
    Ok(poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&timeout))? > 0)
}

/// When a process started.
pub(super) fn started(pid: i32) -> Option<u64> {
    stat(pid).map(|(_, started)| started)
}

/// The group of a process, and when it started.
fn stat(pid: i32) -> Option<(i32, u64)> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold any character.
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let group = fields.nth(2)?.parse().ok()?;
    Some((group, fields.nth(16)?.parse().ok()?))
}

/// Names the time since the machine began.
pub(super) fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::process::{CommandExt, ExitStatusExt},
        process::Command,
    };

    use super::*;

    /// A process that nobody ends, with a mark, and its record.
    fn stray(data: &Path, mark: &str, on_record: impl FnOnce(&mut Child)) -> std::process::Child {
        let process = Command::new("sleep").arg("1000").env(MARK, mark).process_group(0).spawn().unwrap();
        let pid = process.id().cast_signed();
        // The environment is that of the program only once it has begun.
        while !has_mark(pid, mark) {
            std::thread::yield_now();
        }
        let text = |text: &str| text.to_owned();
        let (run, boot) = (text("run-1"), boot());
        let started = started(pid).unwrap();
        let mut child = Child { pid, started, boot, run, pipeline: text("p"), step: text("s"), program: text("sleep") };
        on_record(&mut child);
        fs::create_dir_all(register::folder(data)).unwrap();
        fs::write(register::folder(data).join(pid.to_string()), serde_json::to_vec(&child).unwrap()).unwrap();
        process
    }

    #[test]
    fn what_an_earlier_process_left_is_ended_and_told() {
        let data = tempfile::tempdir().unwrap();
        let mut left = stray(data.path(), "run-1", |_| {});
        let told = end_strays(data.path());
        assert_eq!(told, [format!("`sleep` ({}) of step s of p, run run-1, outlived its engine and ended", left.id())]);
        assert_eq!(left.wait().unwrap().signal(), Some(Signal::TERM.as_raw()));
        assert_eq!(fs::read_dir(register::folder(data.path())).unwrap().count(), 0);
    }

    #[test]
    fn a_process_of_another_run_time_or_machine_is_a_strangers() {
        let data = tempfile::tempdir().unwrap();
        let strangers = [
            stray(data.path(), "another-run", |_| {}),
            stray(data.path(), "run-1", |child| child.started += 1),
            stray(data.path(), "run-1", |child| child.boot = "before the machine began again".into()),
        ];
        assert_eq!(end_strays(data.path()), Vec::<String>::new());
        for mut stranger in strangers {
            assert_eq!(stranger.try_wait().unwrap(), None, "it was ended");
            stranger.kill().unwrap();
            stranger.wait().unwrap();
        }
    }
}
