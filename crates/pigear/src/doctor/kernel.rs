//! How many alerts the kernel lets wait in a socket.

use std::fs;
use std::path::Path;

use super::check::Check;
use super::finding::Finding;
use super::lines::as_root;
use super::subject::Subject;

/// What the kernel accounts for an alert of Snort 2.9 (65,863 bytes) or Snort 3: the buffer is rounded up.
const ALERT_BYTES: u64 = 66 * 1024;

/// Fewer waiting alerts than this don't last for a moment without the processor.
const FEW: u64 = 64;

pub(super) struct Queue;

impl Check for Queue {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn is_of_machine(&self) -> bool {
        true
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let (length, buffer) = ("net/unix/max_dgram_qlen", "net/core/wmem_default");
        let number = |name| number(&subject.proc.join("sys").join(name));
        match (number(length), number(buffer)) {
            (Some(length), Some(buffer)) => vec![of(length, buffer)],
            _ => vec![Finding::note(
                "net.unix.max_dgram_qlen or net.core.wmem_default can't be read",
                "They say how many alerts can wait for Pigear.",
            )],
        }
    }
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn of(length: u64, buffer: u64) -> Finding {
    // The kernel takes a datagram as long as less than the limit is used, whatever its own size.
    let (by_number, by_bytes) = (length.saturating_add(1), buffer.div_ceil(ALERT_BYTES).max(1));
    let waiting = by_number.min(by_bytes);
    let found = format!(
        "net.unix.max_dgram_qlen = {length} and net.core.wmem_default = {buffer}: about {waiting} alerts of one Snort can wait"
    );
    if waiting >= FEW {
        return Finding::ok(found);
    }
    let why = "If more come before Pigear has taken them, Snort drops them or waits. Snort takes the values when it starts.";
    let (length, buffer) = (length.max(512), buffer.max(512 * ALERT_BYTES));
    let line = format!("sysctl -w net.unix.max_dgram_qlen={length} net.core.wmem_default={buffer}");
    Finding::note(found, why)
        .advise("restart Pigear and Snort after it; to keep it, put both with = into lines of /etc/sysctl.d/pigear.conf")
        .typed(as_root(&[line]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Severity;

    #[test]
    fn the_smaller_of_the_limits_decides() {
        assert!(of(10, 1 << 40).found.contains("about 11 alerts"));
        assert!(of(512, 212_992).found.contains("about 4 alerts"));
        assert!(of(512, 0).found.contains("about 1 alerts"));
    }

    #[test]
    fn the_advice_mends_it() {
        assert_eq!(of(512, 512 * ALERT_BYTES).status, Severity::Ok);
        let advice = of(10, 212_992).line.unwrap();
        let expected =
            format!("net.unix.max_dgram_qlen=512 net.core.wmem_default={}", 512 * ALERT_BYTES);
        assert!(advice.contains(&expected), "{advice}");
    }
}
