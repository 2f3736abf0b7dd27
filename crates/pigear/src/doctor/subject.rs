use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use super::lines::{as_root, quoted, word};
use crate::config::{Config, InstanceCount, SourceConfig, SourceKind};
use crate::guarded::guarded;
use crate::listen::{ExpectedSocket, expected_sockets};
use crate::output_file::dir;
use crate::registry::Registry;

/// What is looked at.
pub(crate) struct Subject<'a> {
    /// The configuration in force.
    pub(crate) config: Config,
    /// Whether it is that of the file, or there is none; if not, only the machine is looked at.
    pub(crate) is_known: bool,
    /// The configuration file, if one was named.
    pub(crate) file: Option<&'a Path>,
    pub(crate) registry: &'a Registry,
    /// As whom Snort runs, if that is said.
    pub(crate) snort_user: Option<String>,
    /// What is said of variables that set nothing, and are nearly named as settings.
    pub(crate) misspelt: Vec<String>,
    /// Whether a Pigear that was started with these words runs a command, such as `query`, and receives nothing.
    pub(crate) has_command: fn(&[String]) -> bool,
    /// Where the kernel's files are: /proc.
    pub(crate) proc: PathBuf,
}

/// The configuration of the unit for systemd.
const FILE_OF_UNIT: &str = "/etc/pigear/pigear.toml";

/// Where the unit may be.
const UNITS: [&str; 3] = [
    "/etc/systemd/system/pigear.service",
    "/usr/lib/systemd/system/pigear.service",
    "/lib/systemd/system/pigear.service",
];

impl Subject<'_> {
    /// Whether root looks at a configuration that others can change: what it names isn't to be typed by root.
    pub(super) fn is_of_others(&self) -> bool {
        let may_be_theirs = |file: &Path| file.canonicalize().is_ok() && guarded(file).is_none();
        Uid::effective().is_root() && self.file.is_some_and(may_be_theirs)
    }

    /// The sources that are sockets.
    pub(super) fn socket_sources(&self) -> impl Iterator<Item = &SourceConfig> {
        self.config.sources.iter().filter(|source| source.kind == SourceKind::Unix)
    }

    /// All sockets that would be bound.
    pub(super) fn sockets(&self) -> Vec<ExpectedSocket> {
        self.socket_sources().flat_map(|it| expected_sockets(it).unwrap_or_default()).collect()
    }

    /// Whether Snort logs to a directory, which has no links: its socket is there, or a log that is read.
    pub(super) fn is_log_dir(&self, path: &Path) -> bool {
        let sockets = self.sockets().into_iter();
        let dirs = sockets.flat_map(|it| [Some(it.log_dir), it.path.parent().map(Path::to_owned)]);
        let of_source = |source: &SourceConfig| {
            let from = source.from.clone().filter(|_| source.kind == SourceKind::Unified2);
            [from, source.complete_from.clone()].map(|log| log.map(|log| dir(&log).to_owned()))
        };
        let mut dirs = dirs.chain(self.config.sources.iter().flat_map(of_source)).flatten();
        dirs.any(|dir| dir.canonicalize().is_ok_and(|dir| dir == path))
    }

    /// How to start Pigear.
    pub(super) fn start(&self) -> String {
        match self.file {
            Some(file) if is_of_unit(file) => as_root(&["systemctl restart pigear".to_owned()]),
            Some(file) => format!("pigear --config {}", quoted(file)),
            None => format!("pigear{}", self.options().next().unwrap_or_default()),
        }
    }

    /// The sources, as options of a start.
    fn options(&self) -> impl Iterator<Item = String> {
        let named = self.config.sources.iter().filter(|it| it.logdir.is_some());
        named.map(|source| {
            let dir = source.logdir.as_ref().map(|dir| format!("--logdir {}", quoted(dir)));
            let count = match source.instances {
                Some(InstanceCount::Fixed(count)) => Some(format!("--instances={count}")),
                Some(InstanceCount::Auto) => Some("--instances=auto".to_owned()),
                None => None,
            };
            let prefix = source.run_prefix.as_ref();
            let prefix = prefix.map(|prefix| format!("--run-prefix={}", word(prefix)));
            let offset = source.id_offset.map(|offset| format!("--id-offset={offset}"));
            let subdir = source.id_subdir.then(|| "--id-subdir".to_owned());
            let options = [dir, count, prefix, offset, subdir].into_iter().flatten();
            options.flat_map(|option| [" ".to_owned(), option]).collect()
        })
    }

    /// How root looks at the same.
    pub(super) fn look_as_root(&self) -> String {
        let file = self.file.map(|file| format!(" --config {}", quoted(file)));
        let what = file.unwrap_or_else(|| self.log_dirs().collect());
        let user = self.snort_user.as_deref().map(|user| format!(" --snort-user {}", word(user)));
        as_root(&[format!("pigear doctor{what}{}", user.unwrap_or_default())])
    }

    /// The log directories, as arguments.
    fn log_dirs(&self) -> impl Iterator<Item = String> {
        let dirs = self.config.sources.iter().filter_map(|it| it.logdir.as_deref());
        dirs.map(|dir| format!(" --logdir {}", quoted(dir)))
    }
}

fn is_of_unit(file: &Path) -> bool {
    let has_unit = || UNITS.iter().any(|unit| Path::new(unit).exists());
    file == Path::new(FILE_OF_UNIT) && Path::new("/run/systemd/system").exists() && has_unit()
}
