//! The sockets to bind, and their permissions.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, fchown};
use std::path::{Path, PathBuf};
use std::thread;

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::Uid;
use pigear_pipeline::AlertFactory;
use pigear_pipeline::source::unified2::Spool;
use pigear_pipeline::source::unix::{AllowedSenders, Binding, Instances, SocketSettings, Unix};
use tracing::warn;

use super::ListenError;
use super::users::{group_id, user_id};
use crate::config::{InstanceCount, SourceConfig};

/// A socket to be bound.
pub(super) struct Socket {
    pub(super) path: PathBuf,
    /// The number of the socket's packet thread.
    pub(super) thread: Option<u32>,
    /// Snort's log directory, whose owner may send.
    pub(super) log_dir: PathBuf,
}

/// The sockets of a configuration.
pub(super) fn named_by(
    source: &SourceConfig,
    usual_log_dir: impl FnOnce() -> PathBuf,
) -> Result<Vec<Socket>, ListenError> {
    if let Some(path) = &source.from {
        if source.logdir.is_some() || source.instances.is_some() {
            return Err(ListenError::Source(
                "--from names the socket itself; leave out --logdir and --instances",
            ));
        }
        return Ok(vec![Socket::at(path.clone())]);
    }
    let log_dir = source.logdir.clone().unwrap_or_else(usual_log_dir);
    in_log_dir(source, &log_dir)
}

fn in_log_dir(source: &SourceConfig, log_dir: &Path) -> Result<Vec<Socket>, ListenError> {
    let instances = instances(source);
    let threads = match source.instances {
        None => 0,
        Some(InstanceCount::Fixed(count)) => count,
        Some(InstanceCount::Auto) => processors(),
    };
    if instances.id_offset.checked_add(threads.saturating_sub(1)).is_none() {
        return Err(ListenError::Source(
            "--id-offset with --instances goes beyond thread 4294967295, the last that Snort can have",
        ));
    }
    let socket = |thread, path| Socket { path, thread, log_dir: log_dir.to_owned() };
    let single = || socket(None, instances.single(log_dir));
    let several = |count| {
        let several = instances.several(log_dir, count);
        several.map(|(thread, path)| socket(Some(thread), path))
    };
    Ok(match source.instances {
        None => vec![single()],
        Some(InstanceCount::Fixed(_)) => several(threads).collect(),
        Some(InstanceCount::Auto) => std::iter::once(single()).chain(several(threads)).collect(),
    })
}

fn instances(source: &SourceConfig) -> Instances {
    Instances {
        run_prefix: source.run_prefix.clone().unwrap_or_default(),
        id_offset: source.id_offset.unwrap_or_default(),
        id_subdir: source.id_subdir,
    }
}

fn processors() -> u32 {
    thread::available_parallelism().ok().and_then(|n| u32::try_from(n.get()).ok()).unwrap_or(1)
}

/// The name in `--from fd:NAME`.
pub(super) fn descriptor_name(from: &Path) -> Option<&str> {
    from.to_str()?.strip_prefix("fd:")
}

impl Socket {
    /// A socket at a path, beside which Snort logs.
    pub(super) fn at(path: PathBuf) -> Self {
        let log_dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
        let log_dir = log_dir.unwrap_or(Path::new(".")).to_owned();
        Self { path, thread: None, log_dir }
    }

    /// The unified2 log of this socket's packet thread, which is named like the socket.
    pub(super) fn log(&self, source: &SourceConfig, log: &Path) -> PathBuf {
        let dir = log.parent().unwrap_or(Path::new(""));
        match (self.thread, log.file_name().and_then(|name| name.to_str())) {
            (Some(_), Some(name)) => instances(source).file(dir, self.thread, name),
            _ => log.to_owned(),
        }
    }

    /// The log that completes the alerts of this socket. Its directory may be missing: alerts that can't be completed
    /// are still delivered.
    pub(super) fn spool(&self, source: &SourceConfig) -> Result<Option<Spool>, ListenError> {
        let Some(log) = &source.complete_from else { return Ok(None) };
        let path = self.log(source, log);
        let named = Spool::named(&path);
        named.map(Some).map_err(|error| ListenError::Log { path, source: error.into() })
    }

    /// Binds it, unless it is held already.
    pub(super) fn bind(
        self,
        source: &SourceConfig,
        ids: &Ids,
        factory: AlertFactory,
        held: Option<Binding>,
    ) -> Result<Unix, ListenError> {
        if held.as_ref().is_some_and(Binding::is_passed)
            && (source.socket_mode.is_some() || source.socket_group.is_some())
        {
            warn!(
                "{} has the permissions that its socket unit says; --socket-mode and --socket-group have no effect",
                self.path.display()
            );
        }
        let binding = held.map_or_else(|| self.binding(source, ids), Ok)?;
        let allowed = AllowedSenders::of_log_directory(&self.log_dir);
        match allowed {
            Ok(allowed) => Ok(Unix::new(
                binding,
                ids.users.iter().copied().fold(allowed, AllowedSenders::and),
                factory,
            )),
            Err(source) => Err(ListenError::Socket { path: self.path, source: source.into() }),
        }
    }

    /// Binds it.
    pub(super) fn binding(&self, source: &SourceConfig, ids: &Ids) -> Result<Binding, ListenError> {
        let mut settings = SocketSettings { group: ids.group, ..SocketSettings::default() };
        if let Some(mode) = source.socket_mode {
            settings.mode = mode.0;
        }
        let bound = Binding::new(&self.path, settings);
        bound.map_err(|source| ListenError::Socket { path: self.path.clone(), source })
    }

    /// Creates the directory of a packet thread, if it has one, for its socket and its log.
    pub(super) fn make_directory(&self, source: &SourceConfig) -> Result<(), ListenError> {
        let made = if source.id_subdir { self.make_as_snort_would() } else { Ok(()) };
        made.map_err(|error| ListenError::Socket { path: self.path.clone(), source: error.into() })
    }

    /// With the log directory's owner and group.
    fn make_as_snort_would(&self) -> io::Result<()> {
        let dir = self.path.parent().filter(|dir| *dir != self.log_dir && !dir.exists());
        let (Some(dir), Ok(owner)) = (dir, fs::metadata(&self.log_dir)) else { return Ok(()) };
        fs::DirBuilder::new().mode(0o770).create(dir)?;
        if Uid::effective().is_root() {
            // The log directory belongs to Snort's user, who could have placed something else there.
            let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let made = nix::fcntl::open(dir, flags, Mode::empty())?;
            fchown(made, Some(owner.uid()), Some(owner.gid()))?;
        }
        Ok(())
    }
}

/// The users who may send, and the group of the socket.
pub(super) struct Ids {
    users: Vec<u32>,
    group: Option<u32>,
}

impl Ids {
    /// Looks for the names that a source gives.
    pub(super) fn of(source: &SourceConfig) -> Result<Self, ListenError> {
        let users = source.allow_uid.iter().map(|user| user_id(user));
        let users = users.collect::<Result<Vec<_>, _>>()?;
        let group = source.socket_group.as_deref().map(group_id).transpose()?;
        Ok(Self { users, group })
    }
}

/// Checks the numbers among users and groups. Names are not looked for.
pub(super) fn check_numbers(source: &SourceConfig) -> Result<(), ListenError> {
    let is_number = |name: &&String| name.parse::<u32>().is_ok();
    source.allow_uid.iter().filter(is_number).try_for_each(|id| user_id(id).map(drop))?;
    source.socket_group.iter().filter(is_number).try_for_each(|id| group_id(id).map(drop))
}
