//! The progress of reading a log, shown to a waiting user.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use pigear_pipeline::source::unified2::Progress;

/// The time below which no bar is shown.
const MIN_DURATION: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(200);

/// Shows a bar on the terminal until the result is dropped; not if alerts go to the terminal.
pub(super) fn show(progress: Vec<Progress>) -> Option<Sender<()>> {
    let has_room = io::stderr().is_terminal() && !io::stdout().is_terminal();
    if !has_room || progress.is_empty() {
        return None;
    }
    let (shown, ended) = channel();
    let show = move || {
        if ended.recv_timeout(MIN_DURATION) == Err(RecvTimeoutError::Timeout) {
            let bar = bar(progress.iter().map(Progress::there).sum());
            while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                bar.set_position(progress.iter().map(Progress::read).sum());
            }
            bar.finish_and_clear();
        }
    };
    // Without a thread there is no bar.
    thread::Builder::new().name("progress".to_owned()).spawn(show).ok().map(|_| shown)
}

fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    let form = "reading {bar:30} {bytes} of {total_bytes}, {eta} left";
    ProgressStyle::with_template(form).map_or(bar.clone(), |style| bar.with_style(style))
}
