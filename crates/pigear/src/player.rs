//! Sends recorded alerts to a socket, as Snort does.

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use pigear_pipeline::Stop;
use pigear_pipeline::recording::{Reader, RecordingError};
use serde::Serialize;

use crate::keys::Time;

/// The most datagrams that are kept in memory. A recording that has no more is read once, and replaying it
/// costs no more than sending.
const MAX_IN_MEMORY: usize = 1_000;

/// The maximum delay that is reported, in nanoseconds.
const AN_HOUR: u64 = 3_600_000_000_000;

/// How to play.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PlaySettings {
    /// Alerts a second to each socket; 0 for as many as the readers accept.
    pub rate: f64,
    /// Ends after this many alerts to each socket.
    pub count: Option<u64>,
    /// Starts over at the recording's end.
    pub repeat: bool,
}

/// The results.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlayReport {
    /// Alerts that the sockets accepted.
    pub sent: u64,
    /// Alerts that were lost: a socket was missing, had no reader, or didn't permit writing.
    pub refused: u64,
    /// The error of the first of these; of several sockets also which one it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused_because: Option<String>,
    /// The duration.
    pub seconds: f64,
    /// How long sends were blocked.
    pub held_up_us: HeldUp,
    /// The sockets that accepted nothing, although something was to be sent, each with its error.
    #[serde(skip)]
    pub unreached: Vec<String>,
    /// Why the recording could not be read to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
}

/// How long sends were blocked, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HeldUp {
    /// The median.
    pub p50: f64,
    /// The 99th percentile.
    pub p99: f64,
    /// The 99.9th percentile.
    #[serde(rename = "p99.9")]
    pub p999: f64,
    /// The maximum.
    pub max: f64,
}

/// Why a recording can't be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// The recording can't be read.
    #[error("cannot read {}", path.display())]
    Recording {
        /// The recording.
        path: PathBuf,
        /// The cause.
        source: RecordingError,
    },
    /// The recording has no datagrams.
    #[error("{} has no datagrams", path.display())]
    Empty {
        /// The recording.
        path: PathBuf,
    },
    /// The system provides no socket.
    #[error("cannot open a socket")]
    Socket(#[source] io::Error),
}

/// Plays a recording to the sockets at `targets` until its end, `count` alerts, or `stop`.
///
/// Sends as Snort does: one unnamed socket, and for each alert a `sendto` to the path, which blocks while
/// the reader is behind. A failed send is counted, and the next one follows. Each of several sockets gets
/// every alert, at the rate and in the time between those of the others.
///
/// A recording that ends in the middle of a datagram, as one of a program that was killed, is played up to there.
///
/// # Errors
/// If nothing of the recording can be read.
pub fn play(
    recording: &Path,
    targets: &[PathBuf],
    settings: PlaySettings,
    stop: &Stop,
) -> Result<PlayReport, PlayError> {
    let mut reel = Reel::open(recording)?;
    let mut sender = Sender::new(targets).map_err(PlayError::Socket)?;
    let sockets = f64::from(u32::try_from(targets.len()).unwrap_or(u32::MAX));
    let (mut pace, waiter) = (Pace::new(settings.rate * sockets), StopWaiter::new(stop));
    let started = Instant::now();
    let mut n = 0;
    while !stop.is_requested() && settings.count.is_none_or(|count| n < count) {
        let Some(datagram) = reel.next(settings.repeat)? else { break };
        for target in &mut sender.targets {
            pace.wait(&waiter);
            if stop.is_requested() {
                break;
            }
            target.send(&sender.socket, datagram, &mut sender.held_up, stop);
        }
        n += 1;
    }
    Ok(PlayReport { cut: reel.cut, ..sender.report(started.elapsed()) })
}

/// A recording that can be read more than once.
struct Reel {
    path: PathBuf,
    /// The first datagrams; all of them, if none remain to be streamed.
    kept: Vec<Vec<u8>>,
    stream: Option<Reader<'static>>,
    datagram: Vec<u8>,
    next: usize,
    /// Why it could not be read to its end.
    cut: Option<String>,
}

impl Reel {
    fn open(path: &Path) -> Result<Self, PlayError> {
        let failed = |source| PlayError::Recording { path: path.to_owned(), source };
        let mut reader = Reader::open(path).map_err(failed)?;
        let mut kept = Vec::new();
        let mut datagram = Vec::new();
        let (mut ended, mut cut) = (false, None);
        while kept.len() < MAX_IN_MEMORY && !ended {
            match reader.read(&mut datagram) {
                Ok(true) => kept.push(datagram.clone()),
                Ok(false) => ended = true,
                Err(error) if !kept.is_empty() => (ended, cut) = (true, Some(error.to_string())),
                Err(error) => return Err(failed(error)),
            }
        }
        if kept.is_empty() {
            return Err(PlayError::Empty { path: path.to_owned() });
        }
        let stream = Some(reader).filter(|_| !ended);
        Ok(Self { path: path.to_owned(), kept, stream, datagram, next: 0, cut })
    }

    fn next(&mut self, repeat: bool) -> Result<Option<&[u8]>, PlayError> {
        if self.next >= self.kept.len() {
            if self.streams() {
                return Ok(Some(&self.datagram));
            }
            if !repeat {
                return Ok(None);
            }
            self.rewind()?;
        }
        self.next += 1;
        Ok(self.kept.get(self.next - 1).map(Vec::as_slice))
    }

    /// Reads a datagram that isn't kept in memory; false at the end.
    fn streams(&mut self) -> bool {
        let Some(reader) = &mut self.stream else { return false };
        let read = reader.read(&mut self.datagram);
        read.unwrap_or_else(|error| {
            self.cut = Some(error.to_string());
            false
        })
    }

    fn rewind(&mut self) -> Result<(), PlayError> {
        if self.stream.is_some() {
            *self = Self::open(&self.path)?;
        }
        self.next = 0;
        Ok(())
    }
}

/// The schedule of alerts.
struct Pace {
    interval: Duration,
    due: Instant,
}

impl Pace {
    fn new(rate: f64) -> Self {
        // Infinite without a rate: then there is no pace.
        let interval = Some(1.0 / rate).filter(|seconds| seconds.is_finite()).unwrap_or_default();
        let interval = interval.min(Time::MAX.0.as_secs_f64());
        let interval = Duration::try_from_secs_f64(interval).unwrap_or_default();
        Self { interval, due: Instant::now() }
    }

    /// Waits until the next alert is due, or a stop is requested. A late alert doesn't delay the others.
    fn wait(&mut self, stop: &StopWaiter) {
        if self.interval > Duration::ZERO {
            stop.wait(self.due.saturating_duration_since(Instant::now()));
            self.due += self.interval;
        }
    }
}

/// Waits for a request to stop.
struct StopWaiter(mpsc::Receiver<()>);

impl StopWaiter {
    fn new(stop: &Stop) -> Self {
        let (asked, inbox) = mpsc::channel();
        stop.on_request(move || {
            // The waiting thread may have ended.
            let _ = asked.send(());
        });
        Self(inbox)
    }

    /// Waits for this long, at most until the deadline.
    fn wait(&self, time: Duration) {
        let _ = self.0.recv_timeout(time);
    }
}

/// How often a send that is blocked looks whether it is to end.
const LOOK: Duration = Duration::from_millis(200);

struct Sender<'a> {
    socket: UnixDatagram,
    targets: Vec<Target<'a>>,
    /// The delays of the successful sends, in nanoseconds.
    held_up: Histogram<u64>,
}

/// A socket that is sent to.
struct Target<'a> {
    path: &'a Path,
    sent: u64,
    refused: u64,
    refused_because: Option<io::Error>,
}

impl Target<'_> {
    fn send(
        &mut self,
        socket: &UnixDatagram,
        datagram: &[u8],
        held_up: &mut Histogram<u64>,
        stop: &Stop,
    ) {
        let before = Instant::now();
        let sent = loop {
            match socket.send_to(datagram, self.path) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if stop.is_requested() {
                        return;
                    }
                }
                sent => break sent,
            }
        };
        match sent {
            Ok(_) => {
                self.sent += 1;
                let delay = u64::try_from(before.elapsed().as_nanos()).unwrap_or(u64::MAX);
                held_up.saturating_record(delay);
            }
            Err(error) => {
                self.refused += 1;
                self.refused_because.get_or_insert(error);
            }
        }
    }
}

impl<'a> Sender<'a> {
    fn new(targets: &'a [PathBuf]) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(LOOK))?;
        let target =
            |path: &'a PathBuf| Target { path, sent: 0, refused: 0, refused_because: None };
        Ok(Self {
            socket,
            targets: targets.iter().map(target).collect(),
            held_up: Histogram::new_with_max(AN_HOUR, 3).map_err(io::Error::other)?,
        })
    }

    fn report(&self, elapsed: Duration) -> PlayReport {
        let at = |quantile| {
            let nanoseconds = self.held_up.value_at_quantile(quantile);
            Duration::from_nanos(nanoseconds).as_secs_f64() * 1e6
        };
        let failed = |target: &Target<'_>| {
            let error = target.refused_because.as_ref()?;
            Some(format!("{}: {error}", target.path.display()))
        };
        let refused_because = match &*self.targets {
            [target] => target.refused_because.as_ref().map(ToString::to_string),
            targets => targets.iter().find_map(failed),
        };
        let unreached = self.targets.iter().filter(|target| target.sent == 0).filter_map(failed);
        PlayReport {
            sent: self.targets.iter().map(|target| target.sent).sum(),
            refused: self.targets.iter().map(|target| target.refused).sum(),
            refused_because,
            seconds: elapsed.as_secs_f64(),
            held_up_us: HeldUp { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1.0) },
            unreached: unreached.collect(),
            cut: None,
        }
    }
}
