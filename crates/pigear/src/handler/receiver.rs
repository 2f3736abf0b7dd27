//! A peer at the other end of a socket, which receives records.
//!
//! If it goes away, the handler waits for it, and sends unsent records again: over a stream the whole
//! batch, because it is unknown how much of it arrived. So the peer gets everything at least once, except
//! for data that was in the socket's buffer or the peer's system when the connection broke.

#[cfg(any(feature = "syslog", all(feature = "http", feature = "command")))]
mod connecting;
mod datagrams;
mod outlet;
mod stream;
#[cfg(any(feature = "syslog", all(feature = "http", feature = "command")))]
pub(super) mod tls;

use std::fmt;
use std::io;
use std::sync::Arc;

use nix::errno::Errno;
use pigear_alert::Alert;
use pigear_pipeline::{Backoff, Context, Deadline, Failure, NOTICE, Progress, Retries, Slept};
use tracing::{info, warn};

#[cfg(feature = "syslog")]
pub(super) use connecting::first;
#[cfg(any(feature = "syslog", all(feature = "http", feature = "command")))]
pub(super) use connecting::tcp;
pub(super) use datagrams::Datagrams;
pub(super) use stream::Stream;

use super::writer::{Records, WRITE_SIZE};
use outlet::{Outlet, SendError};

pub(super) type Connect = Box<dyn FnMut() -> io::Result<Box<dyn Outlet>> + Send>;

/// A peer that receives records.
pub(super) struct Receiver {
    /// The user's name for it.
    name: String,
    /// The name of the handler that sends to it.
    handler: Arc<str>,
    connect: Connect,
    outlet: Option<Box<dyn Outlet>>,
    backoff: Backoff,
    deadline: Deadline,
    retries: Retries,
}

impl Receiver {
    pub(super) fn new(name: String, connect: Connect) -> Self {
        let (outlet, backoff, deadline) = (None, Backoff::default(), Deadline::default());
        Self {
            name,
            handler: Arc::default(),
            connect,
            outlet,
            backoff,
            deadline,
            retries: Retries::default(),
        }
    }

    /// The user's name for it.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Tries to connect, so that a wrong address is noticed before the first alert.
    pub(super) fn start(&mut self, context: Context) {
        (self.handler, self.deadline, self.retries) =
            (context.name, context.deadline, context.retries);
        match (self.connect)() {
            Ok(outlet) => self.outlet = Some(outlet),
            Err(error) => warn!("{self}: {error}; trying again with the next alert"),
        }
    }

    /// Sends all alerts, formatted by `put`, with as many attempts as necessary.
    pub(super) fn deliver_all(
        &mut self,
        alerts: &[Arc<Alert>],
        mut put: impl FnMut(&Alert, &mut Vec<u8>),
    ) -> Result<Progress, Failure> {
        let (mut records, mut done) = (Records::default(), 0);
        while let Some(left) = alerts.get(done..)
            && !left.is_empty()
        {
            if self.deadline.hands_over() {
                return Err(Failure::time_up().after(done));
            }
            records.fill(left, WRITE_SIZE, &mut put);
            let mut sent = 0;
            self.deliver(&records, &mut sent).map_err(|error| error.after(done + sent))?;
            done += sent;
        }
        Ok(Progress::All)
    }

    /// Sends all records, and counts how many were sent.
    fn deliver(&mut self, records: &Records, sent: &mut usize) -> Result<(), Failure> {
        loop {
            let Some(outlet) = &mut self.outlet else {
                match (self.connect)() {
                    Ok(outlet) => self.outlet = Some(outlet),
                    Err(error) => self.wait_after(&error)?,
                }
                continue;
            };
            if let Some(error) = outlet.closed() {
                self.outlet = None;
                self.wait_after(&error)?;
                continue;
            }
            match outlet.send(records, sent, &self.deadline) {
                Ok(()) => {
                    if self.backoff.attempts() > 0 {
                        info!(target: NOTICE, "{self}: works again");
                    }
                    self.backoff.succeeded();
                    return Ok(());
                }
                Err(SendError::TimeUp) => return Err(Failure::time_up()),
                Err(SendError::Io(error)) if is_too_long(&error) => {
                    let len = records.get(*sent).map_or(0, <[u8]>::len);
                    let error = format!("{}: {len} bytes are too long for a datagram", self.name);
                    return Err(Failure::refused(error));
                }
                Err(SendError::Io(error)) => {
                    self.outlet = None;
                    self.wait_after(&error)?;
                }
            }
        }
    }

    fn wait_after(&mut self, error: &io::Error) -> Result<(), Failure> {
        self.retries.count();
        let wait = self.backoff.failed();
        if self.backoff.is_worth_a_line() {
            warn!("{self}: {error}; trying again in {wait:?}");
        }
        match self.deadline.sleep(wait) {
            Slept::Fully => Ok(()),
            Slept::TimeUp => Err(Failure::time_up()),
        }
    }

    pub(super) fn finish(&mut self) {
        if let Some(mut outlet) = self.outlet.take() {
            outlet.close();
        }
    }
}

/// For messages.
impl fmt::Display for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "handler {}: {}", self.handler, self.name)
    }
}

fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EMSGSIZE as i32)
}
