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
pub(super) struct Watch(Option<Inotify>);

impl Watch {
    pub(super) fn on(dir: &Path) -> Self {
        let watch =
            Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK).and_then(|watch| {
                let events = AddWatchFlags::IN_CREATE
                    | AddWatchFlags::IN_MODIFY
                    | AddWatchFlags::IN_MOVED_TO
                    | AddWatchFlags::IN_CLOSE_WRITE;
                watch.add_watch(dir, events).map(|_| watch)
            });
        if let Err(error) = &watch {
            debug!("{} is looked at now and then: {error}", dir.display());
        }
        Self(watch.ok())
    }

    /// Waits until something is written, but no longer than this.
    pub(super) fn wait(&self, longest: Duration) {
        let Some(watch) = &self.0 else { return std::thread::sleep(longest) };
        let timeout = PollTimeout::try_from(longest).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(watch.as_fd(), PollFlags::POLLIN)];
        // Interrupted is as good as woken, and what was told is read away.
        let _ = poll(&mut fds, timeout);
        while watch.read_events().is_ok_and(|events| !events.is_empty()) {}
    }
}
