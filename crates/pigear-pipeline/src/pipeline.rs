//! A pipeline: sources, lanes and handlers, from start to end.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing::error;

use crate::fanout::Fanout;
use crate::handler::{Failure, Handler};
use crate::lane::{self, Lane, LaneEnd, LaneParts, Worker};
use crate::policy::OnError;
use crate::source::Source;
use crate::source_error::SourceError;
use crate::stats::Stats;
use crate::stop::Stop;

mod change;
mod changer;
mod changing;
mod event;
mod lane_config;
mod names;
#[cfg(test)]
mod tests;

pub use change::{ChangeError, ChangedLane, LaneChange, NewLane};
pub use changer::LaneChanger;
use event::Event;
pub use lane_config::LaneConfig;
use names::Names;

/// How long a source may take to end once the lanes are closed: nothing blocks it any more.
const RELEASE_TIMEOUT: Duration = Duration::from_millis(300);

/// Lanes with their handlers, before sources are connected.
pub struct Pipeline {
    /// What an error does.
    pub on_error: OnError,
    /// Ends after this many alerts.
    pub limit: Option<u64>,
    /// How long the lanes may process their queues when the pipeline ends for another reason than the
    /// end of its sources.
    pub drain: Duration,
    lanes: Vec<Worker>,
    stats: Arc<Stats>,
    events: Sender<Event>,
    inbox: Receiver<Event>,
    removed: Names,
}

impl Default for Pipeline {
    /// No lanes; the first error ends it; no limit; five seconds to drain.
    fn default() -> Self {
        let (events, inbox) = channel();
        Self {
            on_error: OnError::Stop,
            limit: None,
            drain: Duration::from_secs(5),
            lanes: Vec::new(),
            stats: Arc::default(),
            events,
            inbox,
            removed: Names::default(),
        }
    }
}

/// Why a pipeline ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PipelineError {
    #[error("{name}")]
    /// A source failed.
    Source {
        /// The name of the source.
        name: String,
        /// The cause.
        source: SourceError,
    },
    #[error("handler {name}")]
    /// A handler failed.
    Handler {
        /// The name of the handler.
        name: String,
        /// The cause.
        source: Failure,
    },
    /// It could not be recorded which alerts a handler is done with.
    #[error("handler {name}: {problem}")]
    Unrecorded {
        /// The name of the handler.
        name: String,
        /// What could not be recorded, and why.
        problem: String,
    },
    /// The deadline came before all alerts of a source that has them still were processed.
    #[error(
        "{alerts} {} not processed; the next run reads {} again from {place}",
        if *alerts == 1 { "alert was" } else { "alerts were" },
        if *alerts == 1 { "it" } else { "them" },
    )]
    LeftInLog {
        /// How many, for the handler with the most.
        alerts: u64,
        /// Where they are: `the log`, for messages.
        place: &'static str,
    },
    /// The system allows no more threads.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

/// A source's stack, in bytes. Pages that are not written to take no memory.
const SOURCE_STACK: usize = 2 << 20;

/// A lane's: filters may be scripts with recursive functions; see [`Filter`](crate::Filter).
const LANE_STACK: usize = 8 << 20;

impl Pipeline {
    /// Adds a handler with its own lane. If the name is taken, a number is appended: `file-2`.
    pub fn add(&mut self, name: &str, handler: Box<dyn Handler>, lane: impl Into<LaneConfig>) {
        let LaneConfig { settings, filters, queue } = lane.into();
        let parts = LaneParts { settings, filters, queue };
        let stats = Arc::clone(&self.stats);
        let worker = lane::open(parts, handler, |account| stats.add_lane(name, account));
        self.lanes.push(worker.knowing(stats));
    }

    /// The counters, which are updated while the pipeline runs.
    #[must_use]
    pub fn stats(&self) -> Arc<Stats> {
        Arc::clone(&self.stats)
    }

    /// What changes the lanes while it runs.
    #[must_use]
    pub fn changer(&self) -> LaneChanger {
        LaneChanger::new(self.events.clone(), self.removed.clone())
    }

    /// Runs until all sources have ended, `limit` alerts were received, an error ends it, the output of
    /// every handler was closed by its reader, or `stop` is requested.
    ///
    /// If all sources have ended, the lanes have unlimited time to process their queues. Otherwise, or if
    /// `stop` is requested meanwhile, the sources are stopped, and the lanes have the time of `drain`;
    /// but those with an [interactive](crate::Needs::interactive) handler have unlimited time after the
    /// last of `limit` alerts too. A handler that is still busy at the deadline is abandoned on its
    /// thread; its alerts and its queue count as dropped.
    ///
    /// # Errors
    /// The first error of a source; of a handler, if errors end the pipeline.
    pub fn run(self, sources: Vec<Box<dyn Source>>, stop: &Stop) -> Result<(), PipelineError> {
        let (events, inbox) = (self.events, self.inbox);
        let lanes: Vec<_> = self.lanes.iter().map(|worker| Arc::clone(worker.lane())).collect();
        let pushed_to = lanes.iter().filter(|lane| lane.is_pushed_to()).cloned().collect();
        let (on_error, drain) = (self.on_error, self.drain);
        let stats = Arc::clone(&self.stats);
        let fanout = Fanout::new(pushed_to, self.stats, on_error, self.limit, stop.clone());
        let fanout = Arc::new(fanout);
        let mut supervisor = Supervisor {
            inbox,
            on_error,
            drain,
            fanout: Arc::clone(&fanout),
            stats,
            events: events.clone(),
            sources: 0,
            lanes: Vec::new(),
            removed: self.removed,
            is_ending: false,
            sources_resume: None,
            quit: false,
            source_failure: None,
            failure: None,
            left_in_log: 0,
        };
        if let Some(place) = place_of_rest(&sources) {
            supervisor.sources_resume = Some(place);
            for lane in &lanes {
                lane.set_sources_resume(place);
            }
        }
        for (worker, lane) in self.lanes.into_iter().zip(lanes) {
            match spawn_lane(worker, on_error, events.clone()) {
                Ok(()) => supervisor.lanes.push(lane),
                Err(error) => supervisor.fail(PipelineError::Thread(error)),
            }
        }
        for source in sources {
            match spawn_source(source, Arc::clone(&fanout), stop.clone(), events.clone()) {
                Ok(()) => supervisor.sources += 1,
                Err(error) => supervisor.fail(PipelineError::Thread(error)),
            }
        }
        stop.on_request(move || {
            // The receiver is gone once the pipeline has ended.
            let _ = events.send(Event::StopRequested);
        });
        supervisor.until_it_is_time_to_end(stop);
        stop.end();
        supervisor.finish(drain, stop);
        match (supervisor.failure, supervisor.left_in_log) {
            (Some(failure), _) => Err(failure),
            (None, 0) => Ok(()),
            (None, alerts) => {
                let place = supervisor.sources_resume.unwrap_or(SEVERAL_PLACES);
                Err(PipelineError::LeftInLog { alerts, place })
            }
        }
    }
}

/// What several places are called.
const SEVERAL_PLACES: &str = "where they were";

/// Where alerts stay that are not settled, if all sources read them again in the next run.
fn place_of_rest(sources: &[Box<dyn Source>]) -> Option<&'static str> {
    let places: Option<Vec<_>> = sources.iter().map(|source| source.resumes_from()).collect();
    let places = places?;
    let (first, others) = places.split_first()?;
    Some(if others.iter().all(|other| other == first) { first } else { SEVERAL_PLACES })
}

fn spawn_lane(worker: Worker, on_error: OnError, events: Sender<Event>) -> io::Result<()> {
    let lane = Arc::clone(worker.lane());
    let name = lane.name().to_owned();
    spawn(name.clone(), LANE_STACK, move || {
        let end = catch_unwind(AssertUnwindSafe(|| worker.run(on_error)));
        let end = end.unwrap_or_else(|_| lane.broke());
        let _ = events.send(Event::LaneEnded(name, end));
    })
}

fn spawn_source(
    source: Box<dyn Source>,
    fanout: Arc<Fanout>,
    stop: Stop,
    events: Sender<Event>,
) -> io::Result<()> {
    let name = source.name();
    spawn("source".to_owned(), SOURCE_STACK, move || {
        let run = AssertUnwindSafe(|| source.run(&fanout, &stop));
        let end = catch_unwind(run).unwrap_or(Err(SourceError::Panicked));
        let _ = events.send(Event::SourceEnded(name, end));
    })
}

fn spawn(name: String, stack: usize, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name).stack_size(stack).spawn(work).map(drop)
}

/// How long sources may take to stop. They stop by themselves, unless they wait for room in a lane.
const SOURCE_STOP_TIMEOUT: Duration = Duration::from_secs(2);

/// Supervises the threads of a pipeline.
struct Supervisor {
    inbox: Receiver<Event>,
    on_error: OnError,
    drain: Duration,
    fanout: Arc<Fanout>,
    stats: Arc<Stats>,
    events: Sender<Event>,
    /// How many sources still run.
    sources: usize,
    /// The lanes that still run.
    lanes: Vec<Arc<Lane>>,
    /// The names of those that were removed, and still process what they have.
    removed: Names,
    is_ending: bool,
    /// Where all sources read alerts again that are not settled, if they do.
    sources_resume: Option<&'static str>,
    /// A handler's user wants the program to end.
    quit: bool,
    /// What ended a source while others go on.
    source_failure: Option<PipelineError>,
    failure: Option<PipelineError>,
    /// How many alerts were not processed that sources have still.
    left_in_log: u64,
}

impl Supervisor {
    /// Waits until everything has ended, or the rest is not wanted any more.
    fn until_it_is_time_to_end(&mut self, stop: &Stop) {
        while self.failure.is_none() && !self.quit && (self.sources > 0 || !self.lanes.is_empty()) {
            // A source that saw a request may say that it has ended before the request itself comes here.
            if stop.is_requested() {
                return;
            }
            if self.sources == 0 {
                self.lanes.iter().for_each(|lane| lane.close());
            }
            match self.inbox.recv() {
                Ok(Event::StopRequested) | Err(_) => return,
                Ok(event) => self.note(event),
            }
            if self.lanes.is_empty() {
                return;
            }
        }
    }

    /// Waits for the sources, then for the lanes, and abandons those that are busy at the deadline.
    fn finish(&mut self, drain: Duration, stop: &Stop) {
        self.is_ending = true;
        let begin = Instant::now();
        let deadline = begin + SOURCE_STOP_TIMEOUT;
        while self.sources > 0 && self.note_before(deadline) {}
        let in_haste = self.is_in_haste(stop);
        // The sources have used a part of the time, but never all of it.
        let left = drain.saturating_sub(begin.elapsed()).max(drain / 2);
        self.drain(left, |lane| in_haste || !lane.is_interactive());
        while !self.lanes.is_empty() && !self.is_in_haste(stop) {
            let Ok(event) = self.inbox.recv() else { break };
            self.note(event);
        }
        self.drain(drain, |_| true);
        let deadline = Instant::now() + RELEASE_TIMEOUT;
        while self.sources > 0 && self.note_before(deadline) {}
    }

    /// Whether interactive handlers have to keep to the deadline too.
    fn is_in_haste(&self, stop: &Stop) -> bool {
        stop.is_asked() || self.quit || self.failure.is_some()
    }

    /// Closes all lanes, gives these this much time, and abandons those that are still busy then.
    fn drain(&mut self, time: Duration, which: impl Fn(&Arc<Lane>) -> bool) {
        let deadline = Instant::now() + time;
        // A little earlier, so that a handler that returns then can still finish in order.
        let by = deadline.checked_sub(time / 10).unwrap_or(deadline);
        self.lanes.iter().filter(|lane| which(lane)).for_each(|lane| lane.end_by(by));
        // Only now: a lane that sees that nothing more comes knows how long it may take.
        self.lanes.iter().for_each(|lane| lane.close());
        while self.lanes.iter().any(&which) && self.note_before(deadline) {}
        for lane in self.lanes.iter().filter(|lane| which(lane)) {
            self.left_in_log = self.left_in_log.max(lane.leave_behind());
        }
        self.lanes.retain(|lane| !which(lane));
    }

    /// Processes the next event; false if none comes before the deadline.
    fn note_before(&mut self, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        self.inbox.recv_timeout(left).map(|event| self.note(event)).is_ok()
    }

    fn note(&mut self, event: Event) {
        let failure = match event {
            Event::StopRequested => None,
            Event::Change(change, reply) => {
                // Who asked may have gone.
                let _ = reply.send(self.change(change));
                None
            }
            Event::SourceEnded(name, end) => {
                self.sources -= 1;
                self.note_source(name, end)
            }
            Event::LaneEnded(name, end) => {
                self.lanes.retain(|lane| lane.name() != name);
                self.removed.remove(&name);
                self.quit |= matches!(end, LaneEnd::Quit);
                match end {
                    LaneEnd::Failed(source) => Some(PipelineError::Handler { name, source }),
                    LaneEnd::Unrecorded(problem) => {
                        Some(PipelineError::Unrecorded { name, problem })
                    }
                    LaneEnd::LeftInLog(alerts) => {
                        self.left_in_log = self.left_in_log.max(alerts);
                        None
                    }
                    LaneEnd::Done | LaneEnd::ReaderGone | LaneEnd::Quit => None,
                }
            }
        };
        if let Some(failure) = failure {
            self.fail(failure);
        }
    }

    /// Sources fail alone, if errors don't end the pipeline: the first failure counts once the last source
    /// has ended.
    fn note_source(&mut self, name: String, end: Result<(), SourceError>) -> Option<PipelineError> {
        if let Err(source) = end {
            if self.on_error == OnError::GoOn && self.sources > 0 {
                let error: &dyn std::error::Error = &source;
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                error!("source {name}: {source}{cause}; the other sources go on");
            }
            self.source_failure.get_or_insert(PipelineError::Source { name, source });
        }
        let counts = self.on_error == OnError::Stop || self.sources == 0;
        if counts { self.source_failure.take() } else { None }
    }

    /// The first failure is the one that counts.
    fn fail(&mut self, failure: PipelineError) {
        self.failure.get_or_insert(failure);
    }
}
