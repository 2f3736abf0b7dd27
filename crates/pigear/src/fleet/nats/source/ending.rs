//! The end of a run: what is settled is acknowledged, and the rest is given back.

use std::thread;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::super::connection::Connection;
use super::{NatsSource, Run};

/// How long the lanes have for the last alerts when the run ends.
const DRAIN_TIMEOUT: Duration = Duration::from_millis(1500);

/// How long sending the last acknowledgements may take.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

impl NatsSource {
    /// Waits for the lanes, and acknowledges what they settle in time.
    pub(super) fn drain(&mut self, run: Run<'_>) {
        let intake = run.intake;
        intake.flush();
        let deadline = Instant::now() + DRAIN_TIMEOUT;
        self.acknowledge(run);
        while !self.unacknowledged.is_empty()
            && Instant::now() < deadline
            && !intake.has_stopped_settling()
        {
            thread::sleep(Duration::from_millis(2));
            self.acknowledge(run);
        }
    }

    /// Waits for the lanes, and gives back what they don't settle in time: another Pigear gets it at once.
    pub(super) fn end(&mut self, run: Run<'_>, connection: Option<&Connection>) {
        self.drain(run);
        self.report_removed(run, true);
        run.runtime.run(async {
            self.unacknowledged.give_back().await;
            self.held.give_back().await;
            if let Some(leaving) = self.leaving.take() {
                let _ = leaving.await;
            }
            if let Some(Connection { client, .. }) = connection {
                let _ = timeout(FLUSH_TIMEOUT, client.flush()).await;
            }
        });
    }
}
