//! Snort's alert socket.
//!
//! The receiver binds a datagram socket named `snort_alert` in Snort's log directory, and Snort sends to
//! that path. The [`Binding`] does this safely (see there); the [`Unix`] source receives from it.
//!
//! With Linux's defaults four alerts fit between Snort and the receiver; then Snort blocks in the middle
//! of a packet. So the receive loop does only what is necessary: one system call into one reused buffer
//! that stays in the processor's cache, decoding, and a push to each lane.

mod allowed;
mod binding;
mod control;
mod failures;
mod instances;
mod line_limiter;
mod path_watcher;
mod place;
mod receive;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

pub use allowed::AllowedSenders;
pub use binding::{BindError, Binding, BoundPath, SocketSettings};
pub use control::Control;
pub use failures::Failures;
pub use instances::Instances;

use super::{Source, SourceError};
use crate::alert_factory::AlertFactory;
use crate::fanout::{Fanout, Flow, Intake};
use crate::pulse::Pulse;
use crate::stop::Stop;
use path_watcher::PathWatcher;
use receive::{Received, Receiver, Sockets, Wait};

/// After a request to stop, alerts of a Snort that is sending are still received: until none came for
/// this long …
const QUIET_TIME: Duration = Duration::from_millis(20);
/// … and at most for this long.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// Receives alerts from a socket.
pub struct Unix {
    binding: Binding,
    allowed: AllowedSenders,
    factory: AlertFactory,
}

impl Unix {
    /// Receives from `binding` datagrams of allowed senders.
    #[must_use]
    pub fn new(binding: Binding, allowed: AllowedSenders, factory: AlertFactory) -> Self {
        Self { binding, allowed, factory }
    }

    fn receive(
        &mut self,
        (watcher, pulse): (PathWatcher, Pulse),
        intake: &mut Intake<'_>,
        stop: &Stop,
    ) -> Flow {
        pulse.woken_by(watcher.waker());
        let (mut receiver, mut failures) = (Receiver::new(pulse), Failures::default());
        while !stop.is_requested() {
            match self.receive_one(&mut receiver, Wait::ForEver, intake)? {
                ReceiveResult::Datagram => failures.end(),
                ReceiveResult::Nothing => {}
                ReceiveResult::WakeUp => {
                    if let Some(next) = watcher.next() {
                        self.go_on_with(next, &mut receiver, intake)?;
                    }
                }
                ReceiveResult::Failure => failures.pause(),
            }
        }
        if let Some(next) = watcher.end() {
            self.go_on_with(next, &mut receiver, intake)?;
        }
        if self.binding.is_passed() {
            // What is sent from now on is for the next process.
            return Flow::Continue(());
        }
        self.binding.unlink();
        self.drain(&mut receiver, QUIET_TIME, intake)
    }

    /// Switches to another socket, after receiving what was sent to the last one.
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

    /// Receives until no datagram comes for this long.
    fn drain(&self, receiver: &mut Receiver, quiet: Duration, intake: &mut Intake<'_>) -> Flow {
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        while Instant::now() < deadline {
            match self.receive_one(receiver, Wait::For(quiet), intake)? {
                ReceiveResult::Datagram | ReceiveResult::WakeUp => {}
                ReceiveResult::Nothing | ReceiveResult::Failure => break,
            }
        }
        Flow::Continue(())
    }

    fn receive_one(
        &self,
        receiver: &mut Receiver,
        wait: Wait,
        intake: &mut Intake<'_>,
    ) -> ControlFlow<Result<(), SourceError>, ReceiveResult> {
        let (alerts, wake_ups) = (self.binding.socket(), self.binding.wake_ups());
        match receiver.receive(Sockets { alerts, wake_ups }, wait) {
            Ok(Some(received)) => self.take(&received, intake),
            Ok(None) => ControlFlow::Continue(ReceiveResult::Nothing),
            Err(errno) if Failures::is_final(errno) => {
                ControlFlow::Break(Err(SourceError::Receive(errno.into())))
            }
            Err(errno) => {
                intake.receive_failed(&errno.into());
                ControlFlow::Continue(ReceiveResult::Failure)
            }
        }
    }

    fn take(
        &self,
        received: &Received<'_>,
        intake: &mut Intake<'_>,
    ) -> ControlFlow<Result<(), SourceError>, ReceiveResult> {
        let sender = received.sender;
        if !sender.is_some_and(|sender| self.allowed.allows(sender.uid)) {
            intake.refused(sender);
            return ControlFlow::Continue(ReceiveResult::Datagram);
        }
        if received.is_wake_up() {
            return ControlFlow::Continue(ReceiveResult::WakeUp);
        }
        let flow = match received.cut_from {
            Some(actual) => intake.too_long(actual),
            None => intake.datagram(received.datagram, sender),
        };
        flow.map_continue(|()| ReceiveResult::Datagram)
    }
}

/// The result of a receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReceiveResult {
    Datagram,
    /// A wake-up from this process.
    WakeUp,
    Nothing,
    Failure,
}

impl Source for Unix {
    fn name(&self) -> String {
        self.binding.path().display().to_string()
    }

    fn run(mut self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let mut intake = fanout.intake(self.factory.clone());
        let pulse = intake.pulse(self.binding.path());
        let watcher = PathWatcher::start(&self.binding, pulse.clone(), stop);
        let watcher = watcher.inspect_err(|_| pulse.end()).map_err(SourceError::Receive)?;
        match self.receive((watcher, pulse), &mut intake, stop) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(end) => end,
        }
    }
}
