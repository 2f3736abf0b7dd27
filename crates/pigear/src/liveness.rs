//! What is wrong with a thread that receives datagrams, or with its socket.

use std::time::Duration;

use pigear_pipeline::{Motion, Pulse};

/// How long a thread may take to take a turn, which takes microseconds.
const MOST: Duration = Duration::from_secs(5);

/// What is wrong with a thread, if anything is.
pub(crate) fn problem(thread: &Pulse) -> Option<String> {
    named(thread.name(), thread.motion())
}

/// Why nothing can arrive at its socket, if that is so.
pub(crate) fn cut_off(thread: &Pulse) -> Option<String> {
    thread.cut_off().map(|it| it.text)
}

fn named(name: &str, motion: Motion) -> Option<String> {
    match motion {
        Motion::Silent(since) if since >= MOST => {
            Some(format!("{name}: nothing received for {}s", since.as_secs()))
        }
        Motion::Ended => Some(format!("{name}: no longer received from")),
        Motion::Silent(_) | Motion::Moves => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_may_not_be_silent_for_long_and_not_end() {
        for (motion, problem) in [
            (Motion::Moves, None),
            (Motion::Silent(Duration::from_millis(4_999)), None),
            (Motion::Silent(MOST), Some("socket: nothing received for 5s")),
            (Motion::Ended, Some("socket: no longer received from")),
        ] {
            assert_eq!(named("socket", motion).as_deref(), problem, "{motion:?}");
        }
    }
}
