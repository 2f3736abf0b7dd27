//! What the demonstration shows.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Datagrams that Snort 2.9.19 sent for traffic generated for this purpose.
const RECORDING: &[u8] = include_bytes!("../../../data/demo.dgrams.gz");

/// The maps that this Snort was run with.
const LISTS: [(&str, &[u8]); 4] = [
    ("classification.config", include_bytes!("../../../data/classification.config")),
    ("reference.config", include_bytes!("../../../data/reference.config")),
    ("sid-msg.map", include_bytes!("../../../data/sid-msg.map")),
    ("gen-msg.map", include_bytes!("../../../data/gen-msg.map")),
];

/// The rules of this Snort.
#[cfg(feature = "web")]
const RULES: &[u8] = include_bytes!("../../../data/demo.rules");

/// Writes the rules into a directory, and returns their path.
#[cfg(feature = "web")]
pub(super) fn unpack_rules(dir: &Path) -> io::Result<PathBuf> {
    let path = dir.join("demo.rules");
    fs::write(&path, RULES)?;
    Ok(path)
}

/// Writes the lists and the recording into a directory, and returns the path of the recording.
pub(super) fn unpack(dir: &Path) -> io::Result<PathBuf> {
    for (name, bytes) in LISTS {
        fs::write(dir.join(name), bytes)?;
    }
    let recording = dir.join("recording.gz");
    fs::write(&recording, RECORDING)?;
    Ok(recording)
}
