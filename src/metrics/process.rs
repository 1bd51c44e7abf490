//! The process and its disk. What the system does not tell is left out.

use flexcore_engine::vitals::Vitals;

use super::family::Families;

pub(super) fn tell(families: &mut Families, vitals: &Vitals) {
    let process = &vitals.process;
    if process.rss_bytes > 0 {
        families.gauge("flexcore_process_resident_memory_bytes", "Memory in use", process.rss_bytes as f64);
        families.add(
            super::family::Family::counter("flexcore_process_cpu_seconds_total", "Processor time used")
                .with(&[], process.cpu_ms as f64 / 1e3),
        );
        families.gauge("flexcore_process_open_fds", "Open files and sockets", process.open_files as f64);
        families.gauge("flexcore_process_threads", "Threads of the operating system", process.threads as f64);
    }
    if let Some(disk) = &vitals.disk {
        families.gauge("flexcore_disk_free_bytes", "Bytes that may still be written where the data is", disk.free_bytes as f64);
        families.gauge("flexcore_disk_size_bytes", "Bytes of the disk that the data is on", disk.total_bytes as f64);
    }
}
