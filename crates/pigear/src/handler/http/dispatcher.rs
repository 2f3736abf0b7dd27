//! Keeps several requests in flight, and reports their results in the order of the alerts.

use std::collections::VecDeque;
use std::sync::Arc;

use pigear_pipeline::Context;
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use super::batch_builder::BatchBuilder;
use super::message::Message;
use super::outcomes::{Run, Undelivered};
use super::request_body::RequestBody;
use super::sender::Sender;
use super::stopping::Stopping;

/// Sends messages, and reports the result of each.
pub(super) struct Dispatcher {
    engine: Engine,
    sender: Arc<Sender>,
    batch_builder: BatchBuilder,
    in_flight: usize,
    stopping: Stopping,
}

/// The runtime of the requests, on the handler's own thread.
struct Engine(Option<Runtime>);

/// A request in flight, or the result of one that was not sent.
enum Flight {
    Sent(JoinHandle<Vec<Run>>, usize),
    Failed(String),
}

impl Dispatcher {
    pub(super) fn new(
        sender: Sender,
        batch_builder: BatchBuilder,
        in_flight: usize,
    ) -> std::io::Result<Self> {
        Ok(Self {
            engine: Engine::new()?,
            sender: Arc::new(sender),
            batch_builder,
            in_flight,
            stopping: Stopping::default(),
        })
    }

    pub(super) fn start(&mut self, context: Context) {
        self.stopping = Stopping::of(context);
    }

    /// Whether an alert could not be sent before the deadline. Then no more are sent.
    pub(super) fn gave_up(&self) -> bool {
        self.sender.gave_up()
    }

    /// Whether a request may begin with the next of so many messages.
    fn may_begin(&self, messages: usize) -> bool {
        let batch = self.batch_builder.batch();
        self.sender.pace().may_begin(&self.stopping.work(messages, self.in_flight, batch))
    }

    /// Sends messages. Returns the results of all or, if one fails or there is no time for more, of all up to that one
    /// and of those that were in flight with it.
    pub(super) fn send(&self, messages: &[Message]) -> Vec<Run> {
        self.engine.run(async {
            let mut runs: Vec<Run> = Vec::new();
            let mut flights = VecDeque::new();
            let mut rest = messages;
            loop {
                let fine = runs.iter().all(|run| run.result.is_ok());
                let is_room = fine && !rest.is_empty() && flights.len() < self.in_flight;
                if is_room && self.may_begin(rest.len()) {
                    let flight = self.begin(rest);
                    rest = rest.get(flight.alerts()..).unwrap_or_default();
                    flights.push_back(flight);
                } else if let Some(flight) = flights.pop_front() {
                    runs.extend(flight.runs().await);
                } else {
                    return runs;
                }
            }
        })
    }

    /// Sends the first of the messages, as many as fit into one request.
    fn begin(&self, messages: &[Message]) -> Flight {
        match self.batch_builder.build(messages, self.sender.batch_bytes()) {
            Ok(request_body) => self.begin_request(request_body),
            Err(reason) => Flight::Failed(reason),
        }
    }

    fn begin_request(&self, request_body: RequestBody) -> Flight {
        let (sender, stopping) = (Arc::clone(&self.sender), self.stopping.clone());
        let alerts = request_body.len();
        Flight::Sent(
            tokio::spawn(async move { sender.deliver(&request_body, &stopping).await }),
            alerts,
        )
    }
}

impl Engine {
    fn new() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        Ok(Self(Some(runtime)))
    }

    fn run<T: Default>(&self, work: impl Future<Output = T>) -> T {
        // It is missing only once this is dropped.
        self.0.as_ref().map(|runtime| runtime.block_on(work)).unwrap_or_default()
    }
}

impl Drop for Engine {
    /// Doesn't wait for a DNS lookup that is still in progress.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Flight {
    fn alerts(&self) -> usize {
        match self {
            Self::Sent(_, alerts) => *alerts,
            Self::Failed(_) => 1,
        }
    }

    async fn runs(self) -> Vec<Run> {
        let refused =
            |alerts, reason| vec![Run { alerts, result: Err(Undelivered::Refused(reason)) }];
        match self {
            Self::Sent(task, alerts) => {
                task.await.unwrap_or_else(|error| refused(alerts, error.to_string()))
            }
            Self::Failed(reason) => refused(1, reason),
        }
    }
}
