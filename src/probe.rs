//! What this process uses, read from `/proc`. On a system without it the figures are zero, which the console shows as
//! unknown: nothing is guessed.

use std::{fs, path::Path};

use flexcore_engine::vitals::{DiskVitals, ProcessVitals};

/// Clock ticks a second in `/proc`: Linux promises programs this number, whatever the kernel's own is.
const TICKS_PER_SECOND: u64 = 100;

/// Reads the figures of this moment.
pub fn read() -> ProcessVitals {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    // The second field is the program's name in parentheses, which may hold spaces: fields count after it.
    let fields: Vec<&str> = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect()).unwrap_or_default();
    let field = |index: usize| fields.get(index - 3).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
    ProcessVitals {
        rss_bytes: kibibytes(&status, "VmRSS:") << 10,
        cpu_ms: (field(14) + field(15)) * 1_000 / TICKS_PER_SECOND,
        threads: field(20),
        open_files: fs::read_dir("/proc/self/fd").map(|entries| entries.count() as u64).unwrap_or_default(),
    }
}

/// Reads how much room there is where a folder is: what this user may still write, not what the system keeps for itself.
pub fn disk(folder: &Path) -> Result<DiskVitals, String> {
    let name = folder.display();
    let told = rustix::fs::statvfs(folder).map_err(|error| format!("how much room {name} has cannot be found out: {error}"))?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
    Ok(DiskVitals { folder: name.to_string(), free_bytes: bytes(told.f_bavail), total_bytes: bytes(told.f_blocks) })
}

fn kibibytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_room_and_one_that_is_not_there_says_so() {
        let vitals = disk(&std::env::temp_dir()).unwrap();
        assert!(vitals.total_bytes >= vitals.free_bytes && vitals.total_bytes > 0, "{vitals:?}");
        let error = disk(Path::new("/no/such/folder")).unwrap_err();
        assert!(error.contains("/no/such/folder"), "{error}");
    }

    #[test]
    fn a_process_uses_memory_threads_and_files() {
        let vitals = read();
        assert!(vitals.rss_bytes > 100_000, "{vitals:?}");
        assert!(vitals.threads >= 1 && vitals.open_files >= 3, "{vitals:?}");
    }
}
