//! The counters, as a JSON file for others to read.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use pigear_pipeline::Snapshot;

/// Replaces the file in one step, so that whoever reads it never sees half of it.
pub(crate) fn write(path: &Path, snapshot: &Snapshot) -> io::Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    serde_json::to_writer(&mut file, snapshot)?;
    file.write_all(b"\n")?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    file.persist(path)?;
    Ok(())
}
