//! Checks what a configuration names before anything is opened.

use std::path::{Path, PathBuf};

use tracing::debug;

use super::ListenError;
use super::conflict::refuse;
use super::conflicts;
use super::defaults::SNORT_CONF;
use super::directories;
use super::files::Files;
use super::lane_check::check_store;
use super::lanes;
use super::source_check::check_source;
use crate::config::{Config, HandlerConfig, SourceConfig};
use crate::input_file::MAX_CONFIG;
use crate::names::NameFiles;
use crate::registry::Registry;
use crate::snort_conf::{self, Included, LOG_DIR};

/// Where Snort 3 has its configuration.
const SNORT_DIRS: [&str; 2] = ["/etc/snort", "/usr/local/etc/snort"];

/// Completes a configuration with what it leaves out, and checks the files that it names. Returns Snort's
/// configurations and the files of names.
pub(super) fn check(
    config: &mut Config,
    registry: &Registry,
) -> Result<(Vec<SnortConf>, NameFiles), ListenError> {
    if config.sources.is_empty() {
        config.sources.push(SourceConfig::default());
    }
    if config.handlers.is_empty() {
        config.handlers.push(HandlerConfig::new("print"));
    }
    config.sources.iter().try_for_each(check_source)?;
    check_store(&config.store)?;
    config.handlers.iter().try_for_each(|handler| lanes::check(config, handler, registry))?;
    refuse(conflicts::of_lanes(config, registry))?;
    refuse(conflicts::of_addresses(config, registry))?;
    refuse(conflicts::of_topics(config))?;
    let mut files = Files::of(config, registry);
    let mut missing = files.missing_directories();
    missing.extend(directories::missing_of_sandbox(&config.privileges));
    if !missing.is_empty() {
        return Err(ListenError::Directories { missing });
    }
    refuse(files.conflicts())?;
    let snort_confs = config.sources.iter().map(SnortConf::of).collect::<Result<Vec<_>, _>>()?;
    let log_dir = |_: &_, index| snort_confs.get(index).map(SnortConf::log_dir);
    refuse(conflicts::of_sockets(&config.sources, log_dir))?;
    let names = config.names.clone();
    let names = snort_confs.iter().fold(names, |names, conf| conf.complete(names));
    files.add_names(&names);
    refuse(files.conflicts())?;
    Ok((snort_confs, names))
}

/// Snort's own configuration, if there is one.
pub(super) struct SnortConf {
    path: PathBuf,
    text: Option<String>,
    /// Whether it is at its usual place, and not configured.
    is_usual: bool,
}

impl SnortConf {
    /// A configured file must exist; the default one may be missing.
    pub(super) fn of(source: &SourceConfig) -> Result<Self, ListenError> {
        let is_usual = source.snort_conf.is_none();
        let path = source.snort_conf.clone().unwrap_or_else(|| SNORT_CONF.into());
        match Included::read(&path, MAX_CONFIG) {
            Ok(included) => Ok(Self { path, text: Some(included.text), is_usual }),
            Err(error) if !is_usual => Err(ListenError::SnortConf { path, source: error }),
            Err(error) => {
                debug!("{} is not used: {error}", path.display());
                Ok(Self { path, text: None, is_usual })
            }
        }
    }

    /// Adds the files that it names, and those beside it, where none was configured. Snort 3 has no
    /// `snort.conf`, but the same directories.
    pub(super) fn complete(&self, files: NameFiles) -> NameFiles {
        let files = match &self.text {
            Some(text) => files.or_of(&self.path, text),
            None => files,
        };
        let usual = SNORT_DIRS.map(Path::new);
        let dirs =
            self.path.parent().into_iter().chain(usual.into_iter().filter(|_| self.is_usual));
        dirs.fold(files, NameFiles::or_in)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn log_dir(&self) -> PathBuf {
        self.text.as_deref().and_then(snort_conf::log_dir).unwrap_or_else(|| LOG_DIR.into())
    }
}
