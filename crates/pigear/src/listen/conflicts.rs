//! Settings that are right each alone, and exclude each other: two servers at one address, two sources of one socket,
//! two writers of one file, lanes that a store could not have.
//!
//! A start and `pigear config check` both call this, so they refuse the same in the same words.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::ListenError;
use super::conflict::{Conflict, Place, TableId};
use super::files::Files;
use super::lane_check::check_lane;
use super::lanes::keys_of;
use super::sockets;
use crate::config::{Config, HandlerConfig, SourceConfig, SourceKind};
#[cfg(feature = "kafka")]
use crate::fleet::kafka;
use crate::output_file;
use crate::registry::{Registry, Requirements};

/// All conflicts of a configuration that can be found without opening anything.
#[cfg(feature = "command")]
pub(crate) fn conflicts(
    config: &Config,
    registry: &Registry,
    usual_log_dir: impl Fn(&SourceConfig) -> Option<PathBuf>,
) -> Vec<Conflict> {
    let mut found = of_lanes(config, registry);
    found.extend(of_addresses(config, registry));
    found.extend(of_sockets(&config.sources, |source, _| usual_log_dir(source)));
    found.extend(of_topics(config));
    found.extend(Files::of(config, registry).conflicts());
    found
}

/// Handlers that contradict the store, or that there is none.
pub(super) fn of_lanes(config: &Config, registry: &Registry) -> Vec<Conflict> {
    let has_store = config.store.path.is_some();
    let of_handler = |(index, handler)| {
        let name = name_of(handler, registry);
        let requirements = requirements(config, handler, registry);
        let problem = check_lane(handler, name, has_store, requirements).err()?;
        let place = Place { table: TableId::Handler(index), key: problem.key };
        Some(Conflict { place, error: problem.error })
    };
    config.handlers.iter().enumerate().filter_map(of_handler).collect()
}

/// Servers at one address.
pub(super) fn of_addresses(config: &Config, registry: &Registry) -> Vec<Conflict> {
    let metrics = config.metrics.map(|address| {
        let place = Place { table: TableId::Top, key: "metrics" };
        (place, "metrics".to_owned(), address.0)
    });
    let of_handler = |(index, handler)| {
        let address = requirements(config, handler, registry)?.listens?;
        let place = Place { table: TableId::Handler(index), key: "listen" };
        Some((place, format!("handler {}", name_of(handler, registry)), address))
    };
    let servers = config.handlers.iter().enumerate().filter_map(of_handler);
    let mut by_port: HashMap<u16, Vec<(String, SocketAddr)>> = HashMap::new();
    let mut found = Vec::new();
    for (place, who, address) in metrics.into_iter().chain(servers) {
        // The system chooses a free one.
        if address.port() == 0 {
            continue;
        }
        let before = by_port.entry(address.port()).or_default();
        match before.iter().find(|(_, other)| overlap(address.ip(), other.ip())) {
            Some((other, others)) => found.push(Conflict {
                place,
                error: ListenError::Address(format!(
                    "{who} would listen on {address}, as {other} does on {others}; give each its own address"
                )),
            }),
            None => before.push((who, address)),
        }
    }
    found
}

/// Whether two servers with one port can't have these addresses.
fn overlap(one: IpAddr, other: IpAddr) -> bool {
    let takes_all = |ip: IpAddr, other: IpAddr| {
        ip.is_unspecified() && (ip.is_ipv4() == other.is_ipv4() || ip.is_ipv6() && takes_ipv4())
    };
    one == other || takes_all(one, other) || takes_all(other, one)
}

/// Whether a server at `[::]` gets what is for IPv4, too.
fn takes_ipv4() -> bool {
    let only_ipv6 = fs::read_to_string("/proc/sys/net/ipv6/bindv6only");
    only_ipv6.is_ok_and(|only| only.trim() == "0")
}

/// Sources that would bind one socket. The log directory of a source that names none is asked for with its number.
pub(super) fn of_sockets(
    sources: &[SourceConfig],
    usual_log_dir: impl Fn(&SourceConfig, usize) -> Option<PathBuf>,
) -> Vec<Conflict> {
    let mut taken: HashMap<PathBuf, usize> = HashMap::new();
    let mut found = Vec::new();
    let all = sources.iter().enumerate().filter(|(_, source)| source.kind == SourceKind::Unix);
    let is_only = all.clone().count() < 2;
    for (index, source) in all.filter(|_| !is_only) {
        let is_usual = source.from.is_none() && source.logdir.is_none();
        let usual = if is_usual { usual_log_dir(source, index) } else { Some(PathBuf::new()) };
        // Where it is not known, that is an error elsewhere, and so are wrong settings.
        let Some(usual) = usual else { continue };
        let mut other = None;
        for socket in sockets::named_by(source, || usual).unwrap_or_default() {
            let before = *taken.entry(under_one_name(&socket.path)).or_insert(index);
            other = other.or_else(|| (before != index).then_some((socket.path, before)));
        }
        let Some((path, before)) = other else { continue };
        let key = if source.from.is_some() { "from" } else { "logdir" };
        found.push(Conflict {
            place: Place { table: TableId::Source(index), key },
            error: ListenError::SocketTwice { path, other: before + 1 },
        });
    }
    found
}

/// Sources whose places in topics would have one name in the store, though they are of two clusters.
pub(super) fn of_topics(config: &Config) -> Vec<Conflict> {
    let mut found = Vec::new();
    #[cfg(feature = "kafka")]
    if config.store.path.is_some() {
        let of_kafka = |source: &&SourceConfig| source.kind == SourceKind::Kafka;
        let all = config.sources.iter().enumerate().filter(|(_, source)| of_kafka(source));
        let mut before: Vec<(usize, kafka::Reads)> = Vec::new();
        for (index, source) in all {
            // What is wrong alone is an error elsewhere.
            let Some(reads) = source.from.as_deref().and_then(Path::to_str).and_then(kafka::reads)
            else {
                continue;
            };
            if let Some((other, _)) = before.iter().find(|(_, others)| others.excludes(&reads)) {
                let problem = format!(
                    "the store would keep how far {:?} was read under one name with that of source {}, which has \
                    other brokers; give one of them a name of its own with name=NAME, or both the same brokers, if \
                    they are of one cluster",
                    reads.name,
                    other + 1
                );
                let error = ListenError::From { name: "kafka", problem };
                found.push(Conflict {
                    place: Place { table: TableId::Source(index), key: "from" },
                    error,
                });
            }
            before.push((index, reads));
        }
    }
    found
}

/// The same for all paths to a file that need not be there.
fn under_one_name(path: &Path) -> PathBuf {
    let dir = output_file::dir(path);
    let dir = fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
    path.file_name().map_or_else(|| path.to_owned(), |name| dir.join(name))
}

/// A handler's name, or its kind.
pub(crate) fn name_of<'a>(handler: &'a HandlerConfig, registry: &'a Registry) -> &'a str {
    let kind = || registry.resolve(&handler.kind).unwrap_or(&handler.kind);
    handler.name.as_deref().unwrap_or_else(kind)
}

fn requirements(
    config: &Config,
    handler: &HandlerConfig,
    registry: &Registry,
) -> Option<Requirements> {
    let kind = registry.resolve(&handler.kind).ok()?;
    if registry.resolver(kind).is_some() {
        return None;
    }
    registry.requirements(kind, keys_of(config, handler, kind, registry))
}

#[cfg(test)]
mod tests {
    #[test]
    fn addresses_overlap_if_one_stands_for_the_other() {
        let overlap = |one: &str, other: &str| {
            let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(super::overlap(one, other), super::overlap(other, one));
            super::overlap(one, other)
        };
        assert!(overlap("127.0.0.1", "127.0.0.1") && overlap("0.0.0.0", "127.0.0.1"));
        assert!(overlap("::", "::1") && overlap("::", "::"));
        assert!(!overlap("127.0.0.1", "127.0.0.2") && !overlap("::1", "127.0.0.1"));
        assert!(!overlap("0.0.0.0", "::1"));
    }
}
