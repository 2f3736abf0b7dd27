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
mod instances;
mod receive;

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

pub use allowed::AllowedSenders;
pub use binding::{BindError, Binding, SocketSettings};
pub use instances::Instances;

use super::{Source, SourceError};
use crate::alert_factory::AlertFactory;
use crate::fanout::{Fanout, Flow, Intake};
use crate::stop::Stop;
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

    fn receive(&self, intake: &mut Intake<'_>, stop: &Stop) -> Flow {
        let mut receiver = Receiver::new(self.binding.socket());
        while !stop.is_requested() {
            self.receive_one(&mut receiver, Wait::ForEver, intake)?;
        }
        self.binding.unlink();
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        while Instant::now() < deadline
            && self.receive_one(&mut receiver, Wait::For(QUIET), intake)?
        {}
        Flow::Continue(())
    }

    /// Receives one datagram; true if there was one.
    fn receive_one(
        &self,
        receiver: &mut Receiver<'_>,
        wait: Wait,
        intake: &mut Intake<'_>,
    ) -> ControlFlow<Result<(), SourceError>, bool> {
        match receiver.receive(wait) {
            Ok(Some(received)) => self.take(&received, intake).map_continue(|()| true),
            Ok(None) => ControlFlow::Continue(false),
            Err(error) => ControlFlow::Break(Err(SourceError::Receive(error))),
        }
    }

    fn take(&self, received: &Received<'_>, intake: &mut Intake<'_>) -> Flow {
        let sender = received.sender;
        if sender.is_some_and(|sender| self.allowed.allows(sender.uid)) {
            if received.is_wake_up() {
                return Flow::Continue(());
            }
            return match received.cut_from {
                Some(actual) => intake.too_long(actual),
                None => intake.datagram(received.datagram, sender),
            };
        }
        intake.refused(sender);
        Flow::Continue(())
    }
}

impl Source for Unix {
    fn name(&self) -> String {
        self.binding.path().display().to_string()
    }

    fn run(self: Box<Self>, fanout: &Fanout, stop: &Stop) -> Result<(), SourceError> {
        let waker = self.binding.waker().map_err(SourceError::Receive)?;
        stop.on_request(move || {
            // A full socket needs no wake-up: its reader isn't asleep.
            let _ = waker.send(&[]);
        });
        let mut intake = fanout.intake(self.factory.clone());
        match self.receive(&mut intake, stop) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(end) => end,
        }
    }
}
