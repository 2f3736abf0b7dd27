use crate::config::Config;
use crate::names::NameFiles;

/// The configuration in force.
pub(super) struct InForce {
    pub(super) config: Config,
    /// The files of names, also those that were found.
    pub(super) names: NameFiles,
}
