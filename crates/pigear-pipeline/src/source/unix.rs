//! The socket that Snort sends to.
//!
//! Snort opens nothing: whoever wants alerts binds a datagram socket named `snort_alert` in Snort's
//! log directory, and Snort sends to that path. The [`Binding`] does this safely (see there), the
//! [`Unix`] source receives from it.
//!
//! With Linux's defaults four alerts fit between Snort and us; then Snort waits in the middle of a
//! packet. So the receiving loop does no more than it must: one system call into one reused buffer
//! that stays in the processor's cache, decoding, and a push to each lane.

mod allowed;
mod binding;
mod control;
mod failures;
mod instances;
mod path_watcher;
mod receive;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

pub use allowed::AllowedSenders;
pub use binding::{BindError, Binding, SocketSettings};
pub use control::Control;
pub use failures::Failures;
pub use instances::Instances;

use super::{Source, SourceError};
use crate::alert_factory::AlertFactory;
use crate::fanout::{Fanout, Flow, Intake};
use crate::stop::Stop;
use path_watcher::PathWatcher;
use receive::{Received, Receiver, Wait};

/// After being asked to stop, alerts of a Snort that was just sending are still received: until none
/// came for so long …
const QUIET: Duration = Duration::from_millis(20);
/// … and no longer than this.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Receives alerts from a socket.
pub struct Unix {
    binding: Binding,
    allowed: AllowedSenders,
    factory: AlertFactory,
}

impl Unix {
    /// Receives from `binding`, of datagrams whose sender is allowed.
    #[must_use]
    pub fn new(binding: Binding, allowed: AllowedSenders, factory: AlertFactory) -> Self {
        Self { binding, allowed, factory }
    }

    fn receive(&mut self, watcher: PathWatcher, intake: &mut Intake<'_>, stop: &Stop) -> Flow {
        let (mut receiver, mut failures) = (Receiver::new(), Failures::default());
        while !stop.is_requested() {
            match self.receive_one(&mut receiver, Wait::ForEver, intake)? {
                Got::Datagram => failures.end(),
                Got::Nothing => {}
                Got::WakeUp => {
                    if let Some(next) = watcher.next() {
                        self.go_on_with(next, &mut receiver, intake)?;
                    }
                }
                Got::Failure => failures.pause(),
            }
        }
        if let Some(next) = watcher.end() {
            self.go_on_with(next, &mut receiver, intake)?;
        }
        self.binding.unlink();
        self.drain(&mut receiver, QUIET, intake)
    }

    /// Goes on with another socket, once what was sent to the last one is received.
    fn go_on_with(
        &mut self,
        next: Binding,
        receiver: &mut Receiver,
        intake: &mut Intake<'_>,
    ) -> Flow {
        self.drain(receiver, Duration::ZERO, intake)?;
        self.binding = next;
        Flow::Continue(())
    }

    /// Receives what there is, until none comes for so long.
    fn drain(&self, receiver: &mut Receiver, quiet: Duration, intake: &mut Intake<'_>) -> Flow {
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        while Instant::now() < deadline {
            match self.receive_one(receiver, Wait::For(quiet), intake)? {
                Got::Datagram | Got::WakeUp => {}
                Got::Nothing | Got::Failure => break,
            }
        }
        Flow::Continue(())
    }

    fn receive_one(
        &self,
        receiver: &mut Receiver,
        wait: Wait,
        intake: &mut Intake<'_>,
    ) -> ControlFlow<Result<(), SourceError>, Got> {
        match receiver.receive(self.binding.socket(), wait) {
            Ok(Some(received)) => self.take(&received, intake),
            Ok(None) => ControlFlow::Continue(Got::Nothing),
            Err(errno) if Failures::is_final(errno) => {
                ControlFlow::Break(Err(SourceError::Receive(errno.into())))
            }
            Err(errno) => {
                intake.receive_failed(&errno.into());
                ControlFlow::Continue(Got::Failure)
            }
        }
    }

    fn take(
        &self,
        received: &Received<'_>,
        intake: &mut Intake<'_>,
    ) -> ControlFlow<Result<(), SourceError>, Got> {
        let sender = received.sender;
        if !sender.is_some_and(|sender| self.allowed.allows(sender.uid)) {
            intake.refused(sender);
            return ControlFlow::Continue(Got::Datagram);
        }
        if received.is_wake_up() {
            return ControlFlow::Continue(Got::WakeUp);
        }
        let flow = match received.cut_from {
            Some(actual) => intake.too_long(actual),
            None => intake.datagram(received.datagram, sender),
        };
        flow.map_continue(|()| Got::Datagram)
    }
}

/// What receiving brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Got {
    Datagram,
    /// Something from this process, so that it looks what is to be done.
    WakeUp,
    Nothing,
    Failure,
}

impl Source for Unix {
    fn name(&self) -> String {
        self.binding.path().display().to_string()
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let watcher = PathWatcher::start(&self.binding, stop).map_err(SourceError::Receive)?;
        let mut intake = fanout.intake(self.factory.clone());
        match self.receive(watcher, &mut intake, stop) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(end) => end,
        }
    }
}
