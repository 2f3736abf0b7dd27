//! What a configuration would use, for those who only look.

use std::path::PathBuf;

use super::ListenError;
use super::check::SnortConf;
use super::sockets::{descriptor_name, named_by};
use crate::config::{Config, SourceConfig};
use crate::names::NameFiles;

/// A socket that would be bound.
pub(crate) struct ExpectedSocket {
    pub(crate) path: PathBuf,
    /// Snort's log directory.
    pub(crate) log_dir: PathBuf,
}

/// The sockets that a source would bind; none if systemd passes them.
pub(crate) fn expected_sockets(source: &SourceConfig) -> Result<Vec<ExpectedSocket>, ListenError> {
    if source.from.as_deref().and_then(descriptor_name).is_some() {
        return Ok(Vec::new());
    }
    let conf = SnortConf::of(source)?;
    let sockets = named_by(source, || conf.log_dir())?.into_iter();
    Ok(sockets.map(|it| ExpectedSocket { path: it.path, log_dir: it.log_dir }).collect())
}

/// The log directory of a source that names none.
pub(crate) fn usual_log_dir(source: &SourceConfig) -> Option<PathBuf> {
    SnortConf::of(source).ok().map(|conf| conf.log_dir())
}

/// The files with names, those beside Snort's configuration included.
pub(crate) fn names_in_force(config: &Config) -> Result<NameFiles, ListenError> {
    let confs = config.sources.iter().map(SnortConf::of).collect::<Result<Vec<_>, _>>()?;
    Ok(confs.iter().fold(config.names.clone(), |names, conf| conf.complete(names)))
}
