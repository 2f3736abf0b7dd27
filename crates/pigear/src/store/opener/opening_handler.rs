use std::sync::Arc;
use std::time::{Duration, Instant};

use pigear_alert::Alert;
use pigear_pipeline::{
    Backoff, BackoffPolicy, Context, Failure, Handler, Jitter, Needs, Progress, Slept,
};
use tracing::{info, warn};

use super::StoreOpener;
use crate::store::store_handler::{StoreHandler, Unstorable, needs};

/// How often to check whether anything still waits for the store.
const CLOSE_CHECK: Duration = Duration::from_millis(200);

/// The wait between attempts. They cost little, and alerts come meanwhile.
const BACKOFF: BackoffPolicy = BackoffPolicy {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(2),
    least: Duration::from_millis(100),
    longest_asked: Duration::from_secs(2),
    jitter: Jitter::None,
};

/// Opens the store if it isn't open yet, and then stores alerts.
pub struct OpeningHandler {
    opener: StoreOpener,
    unstorable: Unstorable,
    /// `None` until the store is open.
    handler: Option<StoreHandler>,
}

impl StoreOpener {
    /// The handler that stores alerts.
    #[must_use]
    pub fn handler(&self, unstorable: Unstorable) -> OpeningHandler {
        OpeningHandler { opener: self.clone(), unstorable, handler: None }
    }
}

impl OpeningHandler {
    fn open(&mut self) -> Result<(), String> {
        let path = self.opener.path().display().to_string();
        let opened = self.opener.open_rest().and_then(|()| self.opener.store());
        let store = opened.map_err(|error| {
            let problem = super::full_if_no_room(error).source;
            format!("cannot use the store {path}: {problem}; alerts wait in memory")
        })?;
        self.handler = Some(store.handler(self.unstorable));
        Ok(())
    }

    /// Retries until the store is open. Returns early if there is no time left, or nothing that waits.
    fn open_when_possible(&mut self, context: &Context) {
        let mut backoff = Backoff::new(BACKOFF);
        while let Err(problem) = self.open() {
            let wait = backoff.failed();
            if backoff.is_worth_a_line() {
                warn!("{problem}; trying again in {wait:?}");
            }
            let again = Instant::now() + wait;
            while Instant::now() < again {
                let backlog = &context.backlog;
                let is_done = || backlog.is_closed() && backlog.waiting() == 0;
                let left = again.saturating_duration_since(Instant::now());
                if is_done() || context.deadline.sleep(left.min(CLOSE_CHECK)) == Slept::TimeUp {
                    return;
                }
            }
        }
        if backoff.succeeded() {
            info!("{}: the store is open", self.opener.path().display());
        }
    }
}

impl Handler for OpeningHandler {
    fn needs(&self) -> Needs {
        needs()
    }

    fn start(&mut self, context: Context) -> Result<(), Failure> {
        self.open_when_possible(&context);
        if self.handler.is_none() {
            self.opener.give_up();
        }
        Ok(())
    }

    fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
        self.handler.as_mut().map_or_else(|| Err(Failure::time_up()), |it| it.handle(alerts))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.handler.as_mut().map_or(Ok(()), Handler::finish)
    }
}
