//! What a configuration has to get at: files and TCP ports.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};

use super::ListenError;
use super::check::check;
use super::files::Files;
use super::sockets;
use crate::config::{Config, HandlerConfig, SourceConfig, SourceKind};
use crate::output_file;
use crate::registry::Registry;

/// What a configuration has to get at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Files and directories that are read. Of a file that may be replaced, it is the directory.
    pub read: BTreeSet<PathBuf>,
    /// Directories that are written to.
    pub write: BTreeSet<PathBuf>,
    /// TCP ports to listen on.
    pub bind: BTreeSet<u16>,
    /// TCP ports to connect to; `None` if they can't be known.
    pub connect: Option<BTreeSet<u16>>,
    /// It runs programs.
    pub runs_programs: bool,
}

/// The port of DNS, which is asked over TCP if an answer is long.
const DNS: u16 = 53;

impl Reach {
    /// What this configuration has to get at.
    ///
    /// # Errors
    /// If a file is used twice, or a directory is missing.
    pub fn of(config: &Config, registry: &Registry) -> Result<Self, ListenError> {
        let mut config = config.clone();
        let (confs, names) = check(&mut config, registry)?;
        let mut reach = Self { connect: Some(BTreeSet::new()), ..Self::default() };
        let mut files = Files::of(&config, registry);
        files.add_names(&names);
        for (path, is_written) in files.each() {
            reach.add_file(path, is_written);
        }
        for (source, conf) in config.sources.iter().zip(&confs) {
            reach.read.insert(output_file::dir(conf.path()).to_owned());
            reach.add_source(source, || conf.log_dir())?;
        }
        for handler in &config.handlers {
            let kind = registry.resolve(&handler.kind).unwrap_or(&handler.kind);
            reach.runs_programs |= kind == "exec";
            reach.add_ports(kind, handler);
        }
        if reach.connect.as_ref().is_some_and(|ports| !ports.is_empty()) {
            reach.add_port(Some(DNS));
        }
        reach.bind.extend(config.metrics.map(|address| address.0.port()));
        reach.write.extend(config.privileges.sandbox_write);
        Ok(reach)
    }

    /// What another one has that this one doesn't have.
    #[must_use]
    pub fn lacks(&self, other: &Self) -> Option<String> {
        let path = |path: &PathBuf| path.display().to_string();
        let within =
            |dirs: &BTreeSet<PathBuf>, path: &PathBuf| dirs.iter().any(|dir| path.starts_with(dir));
        let write = other.write.iter().find(|it| !within(&self.write, it)).map(path);
        let is_read = |it: &PathBuf| within(&self.read, it) || within(&self.write, it);
        let read = || other.read.iter().find(|it| !is_read(it)).map(path);
        let port = |port: Option<u16>| port.map(|port| format!("TCP port {port}"));
        let bind = || port(other.bind.difference(&self.bind).next().copied());
        let connect = || match (&self.connect, &other.connect) {
            (None, _) => None,
            (Some(_), None) => Some("any TCP port".to_owned()),
            (Some(own), Some(others)) => port(others.difference(own).next().copied()),
        };
        let programs = || {
            (other.runs_programs && !self.runs_programs)
                .then(|| "programs that exec runs".to_owned())
        };
        write.or_else(read).or_else(bind).or_else(connect).or_else(programs)
    }

    fn add_file(&mut self, path: &Path, is_written: bool) {
        if is_written {
            let target = output_file::target(path).unwrap_or_else(|_| path.to_owned());
            self.write.insert(there(output_file::dir(&target)));
            return;
        }
        self.read.insert(path.to_owned());
        // Editors and updates replace a file by another one, but a whole home or /etc is too much for that.
        let dir = output_file::dir(path);
        let home = env::var_os("HOME").map(PathBuf::from);
        let whole = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
        let is_wide = ["/", "/etc", "/root", "/home"].iter().any(|it| whole == Path::new(it));
        if !is_wide && home.is_none_or(|home| whole != home) {
            self.read.insert(dir.to_owned());
        }
    }

    fn add_source(
        &mut self,
        source: &SourceConfig,
        usual_log_dir: impl FnOnce() -> PathBuf,
    ) -> Result<(), ListenError> {
        let from = source.from.as_deref().and_then(Path::to_str).unwrap_or_default();
        match source.kind {
            SourceKind::Unix if sockets::descriptor_name(Path::new(from)).is_none() => {
                for socket in sockets::named_by(source, usual_log_dir)? {
                    self.write.insert(there(output_file::dir(&socket.path)));
                }
            }
            SourceKind::Unix | SourceKind::Unified2 | SourceKind::Play => {}
            SourceKind::Nats | SourceKind::Kafka | SourceKind::Resolved(_) => {
                self.connect = None;
                // The settings are behind the servers.
                let values = from.split(['?', '&']).filter_map(|word| word.split_once('='));
                let files = values.map(|(_, value)| Path::new(value)).filter(|path| path.is_file());
                files.for_each(|path| self.add_file(path, false));
            }
        }
        Ok(())
    }

    fn add_ports(&mut self, kind: &str, handler: &HandlerConfig) {
        let text = |key| handler.keys.text(key).unwrap_or_default();
        match kind {
            "print" | "file" | "pcap" | "record" | "null" | "socket" => {}
            "web" => {
                let listen = handler.keys.text("listen").unwrap_or("127.0.0.1:8080");
                self.bind
                    .extend(listen.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()));
            }
            "http" => self.add_port(if is_proxied() { None } else { port_of(text("url")) }),
            "syslog" if text("target").starts_with("udp:") || !text("target").contains("://") => {}
            "syslog" => self.add_port(port_of(text("target"))),
            _ => self.connect = None,
        }
    }

    fn add_port(&mut self, port: Option<u16>) {
        match (port, &mut self.connect) {
            (Some(port), Some(ports)) => drop(ports.insert(port)),
            (None, ports) => *ports = None,
            (_, None) => {}
        }
    }
}

/// The nearest directory that is there.
fn there(dir: &Path) -> PathBuf {
    let dirs =
        dir.ancestors().map(|dir| if dir.as_os_str().is_empty() { Path::new(".") } else { dir });
    dirs.into_iter().find(|dir| dir.is_dir()).unwrap_or(Path::new(".")).to_owned()
}

/// Whether requests may go through a proxy.
fn is_proxied() -> bool {
    let variables = ["http_proxy", "https_proxy", "all_proxy"];
    variables
        .iter()
        .any(|name| env::var_os(name).is_some() || env::var_os(name.to_uppercase()).is_some())
}

/// The port of a URL.
fn port_of(url: &str) -> Option<u16> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let behind = host.rsplit_once(']').map_or(host, |(_, behind)| behind);
    match behind.rsplit_once(':') {
        Some((_, port)) => port.parse().ok(),
        None => match scheme {
            "http" => Some(80),
            "https" => Some(443),
            "tcp" => Some(601),
            "tls" => Some(6514),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_of_a_url_is_found() {
        let ports = [
            ("https://siem.example/alerts", Some(443)),
            ("http://user:secret@siem.example:8088/a?b=c:9", Some(8088)),
            ("http://[::1]/x", Some(80)),
            ("http://[::1]:8080", Some(8080)),
            ("tls://log.example", Some(6514)),
            ("ftp://x", None),
            ("", None),
        ];
        for (url, port) in ports {
            assert_eq!(port_of(url), port, "{url}");
        }
    }

    #[test]
    fn what_one_configuration_has_to_get_at_and_another_does_not_is_named() {
        let reach = |config: &str| {
            let config = Config::parse_text(config);
            Reach::of(&config, &Registry::builtin()).unwrap()
        };
        let file = |path: &str| format!("[[handler]]\ntype = \"file\"\npath = \"{path}\"\n");
        let http = |url: &str| format!("[[handler]]\ntype = \"http\"\nurl = \"{url}\"\n");
        let [one, other] = [reach(&file("/tmp/a")), reach(&file("/var/b"))];
        assert_eq!(one.lacks(&reach(&file("/tmp/b"))), None);
        assert_eq!(one.lacks(&other).as_deref(), Some("/var"));
        let posts = reach(&http("http://127.0.0.1:8088/"));
        assert_eq!(one.lacks(&posts).as_deref(), Some("TCP port 53"));
        assert_eq!(
            posts.lacks(&reach(&http("http://127.0.0.1:9/"))).as_deref(),
            Some("TCP port 9")
        );
        assert!(one.lacks(&reach("[[handler]]\ntype = \"exec\"\ncommand = \"true\"\n")).is_some());
    }
}
