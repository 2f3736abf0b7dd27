use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::registry::Registry;

/// What is looked at.
pub(crate) struct Subject<'a> {
    /// The configuration in force; the default one if the file can't be used.
    pub(crate) config: Config,
    /// The configuration file, if one was named.
    pub(crate) file: Option<&'a Path>,
    pub(crate) registry: &'a Registry,
    /// Where the kernel's files are: /proc.
    pub(crate) proc: PathBuf,
}
