//! The handler that serves the page. Its lane only counts: alerts are read from the store.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use pigear_alert::Alert;
use pigear_pipeline::{Context, Failure, Handler, Needs, Progress, Stats};
use tracing::debug;

use super::options::Options;
use super::server::{Running, Server};
use super::streams::SharedStreams;
use crate::keys::SetupError;
use crate::rules::SharedRules;
use crate::sensors::SharedSensors;

/// How long to wait before a start that failed is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Serves the page while the pipeline runs.
pub(crate) struct Web {
    page: Arc<Page>,
    /// Tries again, after a start that failed.
    retry: Option<Retry>,
    url: String,
}

/// A page that is to be served.
struct Page {
    options: Options,
    rules: SharedRules,
    sensors: SharedSensors,
    streams: SharedStreams,
    state: Mutex<State>,
}

enum State {
    /// The address is bound.
    Bound(Box<Server>),
    /// The address must be bound.
    Unbound,
    Running(Running),
}

/// A thread that tries to start the page, until the end is dropped.
struct Retry {
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Web {
    /// Binds the address, so that one that is in use is an error at the start.
    ///
    /// # Errors
    /// If there is no store, a file can't be read, others could see the page without a login, or the address
    /// can't be used.
    pub(crate) fn new(
        options: Options,
        rules: SharedRules,
        sensors: SharedSensors,
        streams: SharedStreams,
    ) -> Result<Self, SetupError> {
        let server = Server::bind(options.clone(), rules.clone())?;
        let url = server.url().to_owned();
        let state = Mutex::new(State::Bound(Box::new(server)));
        Ok(Self {
            page: Arc::new(Page { options, rules, sensors, streams, state }),
            retry: None,
            url,
        })
    }

    /// Starts the page, or sees to it that it is tried again.
    fn start_page(&mut self, stats: Arc<Stats>) -> Result<(), String> {
        let started = self.page.start(&stats);
        if started.is_err() && self.retry.is_none() {
            self.retry(stats);
        }
        started
    }

    /// Starts the page as soon as that works. Alerts may never come, so a thread sees to it.
    fn retry(&mut self, stats: Arc<Stats>) {
        let (end, ended) = channel();
        let page = Arc::clone(&self.page);
        let thread = thread::Builder::new().name("web-start".to_owned());
        let thread = thread.spawn(move || retry(&page, &stats, &ended));
        self.retry = thread.ok().map(|thread| Retry { end, thread });
    }
}

fn retry(page: &Page, stats: &Arc<Stats>, ended: &Receiver<()>) {
    while ended.recv_timeout(RETRY) == Err(RecvTimeoutError::Timeout) {
        match page.start(stats) {
            Ok(()) => return,
            Err(problem) => debug!("the page can't be served: {problem}"),
        }
    }
}

impl Page {
    fn start(&self, stats: &Arc<Stats>) -> Result<(), String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let server = match std::mem::replace(&mut *state, State::Unbound) {
            State::Bound(server) => server,
            State::Unbound => {
                let bound = Server::bind(self.options.clone(), self.rules.clone());
                Box::new(bound.map_err(|error| error.to_string())?)
            }
            State::Running(running) => {
                *state = State::Running(running);
                return Ok(());
            }
        };
        let server = server.with_sensors(self.sensors.clone()).with_streams(self.streams.clone());
        let running = server.start_beside(Arc::clone(stats));
        *state = State::Running(running.map_err(|error| error.to_string())?);
        Ok(())
    }

    fn stop(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Running(running) = std::mem::replace(&mut *state, State::Unbound) {
            running.stop();
        }
    }
}

impl Handler for Web {
    fn needs(&self) -> Needs {
        Needs { target: Some(self.url.clone()), ..Needs::default() }
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.start_page(context.stats).map_err(Failure::retry)
    }

    fn handle(&mut self, _: &[Arc<Alert>]) -> Result<Progress, Failure> {
        Ok(Progress::All)
    }

    fn finish(&mut self) -> Result<(), Failure> {
        if let Some(Retry { end, thread }) = self.retry.take() {
            drop(end);
            let _ = thread.join();
        }
        self.page.stop();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::time::Instant;

    use super::*;
    use crate::web::options::Listen;

    /// Whether something that serves a page answers.
    fn answers(address: SocketAddr) -> bool {
        let Ok(mut stream) = TcpStream::connect(address) else { return false };
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).is_ok() && begin == *b"HTTP/1.1 200"
    }

    /// A page whose address is in use, and what uses it.
    fn occupied() -> (Web, TcpListener) {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = Listen(other.local_addr().unwrap());
        let store = Some("no.db".into());
        let options = Options { listen, store, ..Options::default() };
        let rules = SharedRules::default();
        let page = Page {
            options,
            rules,
            sensors: SharedSensors::default(),
            streams: SharedStreams::default(),
            state: Mutex::new(State::Unbound),
        };
        (Web { page: Arc::new(page), retry: None, url: String::new() }, other)
    }

    #[test]
    fn a_start_that_failed_works_when_the_address_is_free_without_another_start() {
        let (mut web, other) = occupied();
        let address = other.local_addr().unwrap();
        assert!(web.start_page(Arc::default()).is_err());
        drop(other);
        let end = Instant::now() + Duration::from_secs(20);
        while !answers(address) {
            assert!(Instant::now() < end, "the page is not there");
            thread::yield_now();
        }
        // One more start leaves it alone.
        web.start_page(Arc::default()).unwrap();
        assert!(answers(address));
        web.finish().unwrap();
        assert!(!answers(address));
    }

    #[test]
    fn the_end_does_not_wait_for_an_address_that_stays_in_use() {
        let (mut web, other) = occupied();
        assert!(web.start_page(Arc::default()).is_err());
        web.finish().unwrap();
        drop(other);
    }
}
