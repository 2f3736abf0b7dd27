use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tracing::debug;

/// Watches a directory for changes.
///
/// It uses inotify where the file system supports that; others, such as network file systems, are
/// polled: a waiting thread checks after a while in any case.
pub(super) struct DirWatcher {
    dir: PathBuf,
    interest: Interest,
    inotify: Option<Inotify>,
}

/// Which changes to report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// Names that are created or removed.
    Entries,
    /// Also files that are written, or whose permissions change.
    Content,
}

/// Changes in a directory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Names that were created or removed, and those of files whose permissions have changed.
    pub(super) entries: BTreeSet<OsString>,
    /// Files that were written.
    pub(super) written: BTreeSet<OsString>,
    /// Other changes: to the directory itself, or more than the kernel could report.
    pub(super) others: bool,
}

impl Interest {
    fn events(self) -> AddWatchFlags {
        let entries = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE
            | AddWatchFlags::IN_DELETE_SELF
            | AddWatchFlags::IN_MOVE_SELF
            | AddWatchFlags::IN_ONLYDIR;
        match self {
            Self::Entries => entries,
            Self::Content => entries | AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_ATTRIB,
        }
    }
}

impl DirWatcher {
    pub(super) fn on(dir: &Path, interest: Interest) -> Self {
        let mut watcher = Self { dir: dir.to_owned(), interest, inotify: None };
        watcher.watch_again();
        watcher
    }

    /// Watches the directory that is at the path now, which may be another one than before.
    pub(super) fn watch_again(&mut self) {
        let flags = InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK;
        let inotify = Inotify::init(flags).and_then(|inotify| {
            inotify.add_watch(&self.dir, self.interest.events()).map(|_| inotify)
        });
        if let Err(error) = &inotify {
            debug!("cannot watch {}, polling it instead: {error}", self.dir.display());
        }
        self.inotify = inotify.ok();
    }

    /// Whether the kernel reports changes.
    pub(super) fn is_told(&self) -> bool {
        self.inotify.is_some()
    }

    /// Waits for a change, at most this long.
    pub(super) fn wait(&self, longest: Duration) {
        let Some(inotify) = &self.inotify else { return std::thread::sleep(longest) };
        wait_for(&mut [PollFd::new(inotify.as_fd(), PollFlags::POLLIN)], longest);
    }

    /// The same, but also returns when `other` can be read or was closed; true if so.
    pub(super) fn wait_or(&self, other: BorrowedFd<'_>, longest: Duration) -> bool {
        let mut fds = vec![PollFd::new(other, PollFlags::POLLIN)];
        let inotify = self.inotify.as_ref();
        fds.extend(inotify.map(|inotify| PollFd::new(inotify.as_fd(), PollFlags::POLLIN)));
        wait_for(&mut fds, longest);
        fds.first().and_then(PollFd::any).unwrap_or(false)
    }

    /// The changes since the last call, if the kernel reports them.
    pub(super) fn changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        let lost =
            AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_MOVE_SELF | AddWatchFlags::IN_UNMOUNT;
        let mut is_lost = false;
        while let Some(events) = self.inotify.as_ref().and_then(|it| it.read_events().ok()) {
            for event in events {
                is_lost |= event.mask.intersects(lost);
                match event.name {
                    Some(name) if event.mask == AddWatchFlags::IN_MODIFY => {
                        changes.written.insert(name);
                    }
                    Some(name) => {
                        changes.entries.insert(name);
                    }
                    None => changes.others = true,
                }
            }
        }
        if is_lost {
            self.inotify = None;
        }
        changes
    }
}

/// An interrupted wait counts as a wake-up.
fn wait_for(fds: &mut [PollFd<'_>], longest: Duration) {
    let timeout = PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX);
    let _ = poll(fds, timeout);
}
