//! What systemd is told: that Pigear is ready, reloads or ends, its counters, and that it is alive.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};
use std::{env, io};

use pigear_pipeline::{Motion, Pulse, SourceConnection, Stats};
use sd_notify::NotifyState;
use tracing::{debug, error, warn};

/// How often the counters are told.
const STATUS_INTERVAL: Duration = Duration::from_secs(5);

/// How many times within systemd's patience the threads are checked.
const CHECKS: u32 = 4;

/// Systemd counts in seconds; a thread needs some time to take its turn.
const SHORTEST_WATCH: Duration = Duration::from_millis(50);

/// What systemd is told about this process. Clones share it; without systemd, it does nothing.
#[derive(Clone, Default)]
pub(in crate::command) struct Service {
    news: Option<Sender<News>>,
}

/// What is to be told.
enum News {
    /// A reload has begun.
    Reloading,
    /// A reload has ended, well or not: what is to be said about it.
    Reloaded(Option<String>),
    Stopping,
}

/// What the thread looks at.
pub(in crate::command) struct Watched {
    pub(in crate::command) stats: Arc<Stats>,
    /// Makes the status line.
    pub(in crate::command) status: Box<dyn Fn(&Stats) -> String + Send>,
}

impl Service {
    /// Tells systemd that Pigear is ready, and from now on how it is. Does nothing without systemd.
    pub(in crate::command) fn start(watched: Watched) -> Self {
        if env::var_os("NOTIFY_SOCKET").is_none() {
            return Self::default();
        }
        let (news, inbox) = channel();
        // Zero is no watchdog, as systemd has it.
        let patience = sd_notify::watchdog_enabled().filter(|patience| !patience.is_zero());
        let watch = patience.map(|patience| (patience / CHECKS).max(SHORTEST_WATCH));
        let teller = Teller { watched, watch, stuck: false, failed: false, note: None };
        let work = move || teller.run(&inbox);
        match thread::Builder::new().name("systemd".to_owned()).spawn(work) {
            Ok(_) => Self { news: Some(news) },
            Err(problem) => {
                warn!("cannot tell systemd how it is: {problem}");
                Self::default()
            }
        }
    }

    /// A reload has begun.
    pub(in crate::command) fn reloading(&self) {
        self.tell(News::Reloading);
    }

    /// A reload has ended. A problem becomes a part of the status.
    pub(in crate::command) fn reloaded(&self, problem: Option<String>) {
        self.tell(News::Reloaded(problem));
    }

    /// Pigear ends. Doesn't block.
    pub(in crate::command) fn stopping(&self) {
        self.tell(News::Stopping);
    }

    fn tell(&self, news: News) {
        if let Some(inbox) = &self.news {
            // Its thread only ends with the process.
            let _ = inbox.send(news);
        }
    }
}

/// The state of the thread.
struct Teller {
    watched: Watched,
    /// How often to say that Pigear is alive, if systemd wants to know.
    watch: Option<Duration>,
    /// A thread that must not wait doesn't move.
    stuck: bool,
    /// Telling failed, which was said.
    failed: bool,
    /// What the status line begins with.
    note: Option<String>,
}

impl Teller {
    fn run(mut self, inbox: &Receiver<News>) {
        let interval = self.watch.map_or(STATUS_INTERVAL, |watch| watch.min(STATUS_INTERVAL));
        self.tell(&[NotifyState::Ready]);
        let mut next = Instant::now();
        loop {
            if next <= Instant::now() {
                self.tell_how_it_is();
                next = Instant::now() + interval;
            }
            match inbox.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(News::Reloading) => {
                    let now = NotifyState::monotonic_usec_now().ok();
                    let states: Vec<_> = [NotifyState::Reloading].into_iter().chain(now).collect();
                    self.tell(&states);
                }
                Ok(News::Reloaded(problem)) => {
                    self.note = problem;
                    self.tell(&[NotifyState::Ready]);
                    self.tell_status();
                }
                Ok(News::Stopping) => self.tell(&[NotifyState::Stopping]),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn tell_how_it_is(&mut self) {
        self.tell_status();
        if self.watch.is_some() && self.is_alive() {
            self.tell(&[NotifyState::Watchdog]);
        }
    }

    fn tell_status(&mut self) {
        let Watched { stats, status, .. } = &self.watched;
        let cut_off = stats.receivers().into_iter().filter_map(|it| it.cut_off()).map(|it| it.text);
        let connections = stats.connections();
        let unconnected = connections.iter().filter_map(SourceConnection::problem);
        let parts: Vec<_> =
            cut_off.chain(unconnected).chain(self.note.clone()).chain([status(stats)]).collect();
        let status = parts.join("; ").replace('\n', " ");
        self.tell(&[NotifyState::Status(&status)]);
    }

    /// Whether all threads move that must never wait. A lane that makes Snort wait does so on purpose.
    fn is_alive(&mut self) -> bool {
        let stats = &self.watched.stats;
        // Others may wake it, too: what was woken just now may still take its turn.
        let least = self.watch.unwrap_or_default() / 2;
        let is_silent =
            |pulse: &Pulse| matches!(pulse.motion(), Motion::Silent(since) if since >= least);
        let stuck: Vec<_> = stats.receivers().into_iter().filter(is_silent).collect();
        let is_stuck = !stuck.is_empty() && !stats.has_waiting_source();
        if is_stuck && !self.stuck {
            let names = stuck.iter().map(Pulse::name).collect::<Vec<_>>().join(", ");
            error!(
                "the thread that receives from {names} is stuck; systemd restarts Pigear if it stays so"
            );
        }
        self.stuck = is_stuck;
        !is_stuck
    }

    fn tell(&mut self, states: &[NotifyState]) {
        match sd_notify::notify(states) {
            Ok(()) => self.failed = false,
            Err(problem) => self.say(&problem),
        }
    }

    fn say(&mut self, problem: &io::Error) {
        if self.failed {
            debug!("cannot tell systemd how it is: {problem}");
        } else {
            warn!("cannot tell systemd how it is: {problem}");
        }
        self.failed = true;
    }
}
