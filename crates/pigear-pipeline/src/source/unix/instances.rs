//! The sockets of a Snort 3 with several packet threads.

use std::path::{Path, PathBuf};

/// Name of the socket in Snort's log directory (`UNSOCK_FILE`).
const SOCKET: &str = "snort_alert";

/// How Snort names its socket, or its packet threads' sockets:
/// `LOGDIR/[RUN_PREFIX][ID][_ or /]snort_alert`. The id is there if Snort has several threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instances {
    /// Snort's `--run-prefix`.
    pub run_prefix: String,
    /// Snort's `--id-offset`: the number of the first thread.
    pub id_offset: u32,
    /// Snort's `--id-subdir`: a directory a thread.
    pub id_subdir: bool,
}

impl Instances {
    /// The socket of a Snort with one packet thread.
    #[must_use]
    pub fn single(&self, log_dir: &Path) -> PathBuf {
        self.file(log_dir, None, SOCKET)
    }

    /// The sockets of a Snort with `count` packet threads, each with its thread's number.
    pub fn several(&self, log_dir: &Path, count: u32) -> impl Iterator<Item = (u32, PathBuf)> {
        let ids = (0..count).filter_map(|thread| self.id_offset.checked_add(thread));
        ids.map(|id| (id, self.file(log_dir, Some(id), SOCKET)))
    }

    /// The path of a file named `snort_alert` or otherwise, of a packet thread with a number, or of a
    /// Snort with one thread.
    #[must_use]
    pub fn file(&self, log_dir: &Path, thread: Option<u32>, name: &str) -> PathBuf {
        let prefix = &self.run_prefix;
        let separator = if self.id_subdir { '/' } else { '_' };
        log_dir.join(match thread {
            Some(id) => format!("{prefix}{id}{separator}{name}"),
            None => format!("{prefix}{name}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(instances: &Instances) -> Vec<String> {
        let several = instances.several(Path::new("/log"), 2);
        several.map(|(id, path)| format!("{id} {}", path.display())).collect()
    }

    #[test]
    fn each_thread_has_its_number_before_the_name() {
        let instances = Instances::default();
        assert_eq!(paths(&instances), ["0 /log/0_snort_alert", "1 /log/1_snort_alert"]);
        assert_eq!(instances.single(Path::new("/log")), Path::new("/log/snort_alert"));
    }

    #[test]
    fn numbers_end_where_they_cannot_be_greater() {
        let instances = Instances { id_offset: u32::MAX, ..Instances::default() };
        assert_eq!(paths(&instances), ["4294967295 /log/4294967295_snort_alert"]);
    }

    #[test]
    fn prefix_offset_and_directories_are_as_snort_makes_them() {
        let instances =
            Instances { run_prefix: "inline_".to_owned(), id_offset: 4, id_subdir: true };
        let expected = ["4 /log/inline_4/snort_alert", "5 /log/inline_5/snort_alert"];
        assert_eq!(paths(&instances), expected);
        assert_eq!(instances.single(Path::new("/log")), Path::new("/log/inline_snort_alert"));
    }
}
