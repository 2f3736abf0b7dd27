//! What the process takes of the machine, under the names that all programs have for it.

use std::fs;

use jiff::Timestamp;
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};

use super::exposition::Exposition;

pub(super) fn write(to: &mut Exposition, started: Timestamp) {
    to.gauge("process_start_time_seconds", "When the program was started, since 1970.")
        .sample(&[], started.as_duration().as_secs_f64());
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
    let micros = |time: nix::sys::time::TimeVal| {
        std::time::Duration::from_micros(
            u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or_default(),
        )
    };
    let cpu = usage.map(|usage| micros(usage.user_time()) + micros(usage.system_time()));
    to.counter("process_cpu_seconds", "Time of processors that the program took.")
        .maybe(&[], cpu.map(|time| time.as_secs_f64()));
    to.gauge("process_resident_memory_bytes", "Memory that the program takes.")
        .maybe(&[], resident_memory());
    to.gauge("process_open_fds", "Open file descriptors.")
        .maybe(&[], fs::read_dir("/proc/self/fd").ok().map(Iterator::count));
    let most = getrlimit(Resource::RLIMIT_NOFILE).ok();
    to.gauge("process_max_fds", "The most file descriptors that may be open.")
        .maybe(&[], most.map(|(soft, _)| soft));
}

fn resident_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}
