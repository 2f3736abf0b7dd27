use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use tracing::debug;

/// Notices when something is written in a directory.
///
/// The kernel tells at once, where it can; on some file systems, as those of other machines, it
/// can't. So whoever waits looks again after a while, told or not.
pub(super) struct DirWatcher(Option<Inotify>);

impl DirWatcher {
    pub(super) fn on(dir: &Path) -> Self {
        let watcher =
            Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).and_then(|watcher| {
                let events = AddWatchFlags::IN_CREATE
                    | AddWatchFlags::IN_MODIFY
                    | AddWatchFlags::IN_MOVED_TO
                    | AddWatchFlags::IN_CLOSE_WRITE;
                watcher.add_watch(dir, events).map(|_| watcher)
            });
        if let Err(error) = &watcher {
            debug!("{} is looked at now and then: {error}", dir.display());
        }
        Self(watcher.ok())
    }

    /// Waits until something is written, but no longer than this.
    pub(super) fn wait(&self, longest: Duration) {
        let Some(watcher) = &self.0 else { return std::thread::sleep(longest) };
        let timeout = PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(watcher.as_fd(), PollFlags::POLLIN)];
        // Interrupted is as good as woken, and what was told is read away.
        let _ = poll(&mut fds, timeout);
        while watcher.read_events().is_ok_and(|events| !events.is_empty()) {}
    }
}
