//! What a start refuses, for those who only look: the functions that a start calls.

use std::path::PathBuf;
use std::sync::Arc;

use pigear_alert::maps::Names;
use pigear_pipeline::NamesCell;

use super::check::{SnortConf, check};
use super::files::Files;
use super::metrics::MetricsServer;
use super::opening::Opening;
use super::prepare::check_stats;
use super::sockets::named_by;
use super::{HeldSockets, ListenError, lanes};
use crate::config::{Config, SourceConfig, SourceKind};
use crate::probed::Ports;
use crate::registry::{BuildError, Registry};

/// What a start of this configuration would refuse, besides mistakes in the configuration itself, its sockets, the
/// store and files with names and rules. Nothing is left behind.
pub(crate) fn refusals(config: &Config, registry: &Registry, ports: Ports) -> Vec<ListenError> {
    let mut config = config.clone();
    let checked = check(&mut config, registry).err();
    let is_missing = |error: &ListenError| matches!(error, ListenError::Directories { .. });
    let mut refused: Vec<_> = checked.into_iter().filter(is_missing).collect();
    if refused.is_empty() {
        refused.extend(check_stats(config.stats.as_ref()).err());
    }
    refused.extend(of_sources(&config, registry));
    registry.on_error().set(config.on_error);
    for handler in &config.handlers {
        let looked = lanes::look(&config, handler, registry, ports);
        // What is wrong with keys is a mistake in the configuration.
        let is_of_machine = |error: &ListenError| {
            matches!(error, ListenError::Handler { problem: BuildError::Failed { .. }, .. })
        };
        refused.extend(looked.err().filter(is_of_machine));
    }
    if ports == Ports::MustBeFree {
        refused.extend(MetricsServer::bind(&config, registry).err());
    }
    refused
}

/// Logs and recordings that can't be read, as sources or to complete alerts.
fn of_sources(config: &Config, registry: &Registry) -> Vec<ListenError> {
    let names = Arc::new(NamesCell::new(Names::default()));
    let held = HeldSockets::default();
    let opening = Opening { names: &names, registry, held: &held, is_only: false };
    let is_read = |kind: &SourceKind| matches!(kind, SourceKind::Unified2 | SourceKind::Play);
    let read = config.sources.iter().filter(|source| is_read(&source.kind));
    let find = |source| {
        let conf = SnortConf::of(source).ok()?;
        opening.find(source, || conf.log_dir()).err()
    };
    let completed = config.sources.iter().filter(|source| source.kind == SourceKind::Unix);
    read.filter_map(find).chain(completed.filter_map(of_completing)).collect()
}

fn of_completing(source: &SourceConfig) -> Option<ListenError> {
    let conf = SnortConf::of(source).ok()?;
    let sockets = named_by(source, || conf.log_dir()).ok()?;
    sockets.iter().find_map(|socket| socket.spool(source).err())
}

/// The files that a configuration writes to.
pub(crate) fn written_files(config: &Config, registry: &Registry) -> Vec<PathBuf> {
    Files::of(config, registry).needed().map(std::path::Path::to_owned).collect()
}
