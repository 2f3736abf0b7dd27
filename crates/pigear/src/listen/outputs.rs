//! The files that handlers write: each file has one handler.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::ListenError;
use crate::config::HandlerConfig;

/// The kinds of handlers that write to the file `path`.
const WRITERS: [&str; 3] = ["file", "pcap", "record"];

/// The files that handlers write.
#[derive(Default)]
pub(super) struct Outputs(Vec<(String, PathBuf)>);

impl Outputs {
    /// Adds the file of a handler that is not built yet. Those before it have created theirs.
    ///
    /// # Errors
    /// If another handler writes to the same file, under any of its names: their records would be mixed, and
    /// each would rotate the other's file.
    pub(super) fn add(
        &mut self,
        name: &str,
        kind: &str,
        handler: &HandlerConfig,
    ) -> Result<(), ListenError> {
        let Some(path) = handler.keys.text("path").filter(|_| WRITERS.contains(&kind)) else {
            return Ok(());
        };
        let path = PathBuf::from(path);
        if let Some((other, _)) = self.0.iter().find(|(_, other)| is_same(other, &path)) {
            let problem = format!(
                "handler {name}: handler {other} writes to the same file, {}; give each its own",
                path.display()
            );
            return Err(ListenError::Output(problem));
        }
        self.0.push((name.to_owned(), path));
        Ok(())
    }
}

/// Whether two paths name the same regular file. Terminals, FIFOs and the like may be shared.
fn is_same(one: &Path, other: &Path) -> bool {
    let found = |path| fs::metadata(path).ok();
    match (found(one), found(other)) {
        (Some(one), Some(other)) => {
            one.is_file() && (one.dev(), one.ino()) == (other.dev(), other.ino())
        }
        _ => one == other,
    }
}
