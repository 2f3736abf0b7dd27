//! Requests that ask the same share an answer.
//!
//! ```text
//! ask ─▶ former answer is read ─▶ each waits for its own turn ─▶ the first turn that comes reads for all
//! ```
//!
//! Of each question, one answer is read at a time. Requests that come meanwhile wait for the next one, which is
//! read for all of them together. So an answer is never older than its request, and many open pages cost the store
//! as much as two. A request whose turn does not come in time fails alone.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use axum::body::Bytes;
use tokio::sync::{mpsc, oneshot, watch};

use super::problem::Problem;

type Answer = Result<Bytes, Problem>;

/// The questions that are being answered. `T` is a turn to read.
pub(super) struct SingleFlight<T> {
    questions: Mutex<HashMap<String, Question<T>>>,
}

/// What is going on about a question.
struct Question<T> {
    /// Whether an answer is being read.
    is_read: bool,
    /// The answer that is read next, for those who ask now.
    next: Option<Next<T>>,
}

/// An answer that is not being read yet.
struct Next<T> {
    stage: Arc<watch::Sender<Stage>>,
    turns: mpsc::UnboundedSender<T>,
    /// Tells that no former answer is being read any more.
    start: Option<oneshot::Sender<()>>,
}

/// How far an answer is.
enum Stage {
    /// A former answer is being read.
    Queued,
    /// It is read in the first turn that comes.
    Open,
    /// It is being read.
    Read,
    There(Answer),
}

/// The answer that someone waits for.
struct Pending<T> {
    stage: watch::Receiver<Stage>,
    turns: mpsc::UnboundedSender<T>,
}

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self { questions: Mutex::default() }
    }
}

impl<T: Send + 'static> SingleFlight<T> {
    /// Answers a question, which is read in this turn or in that of another who asks. Reading ends early if all who
    /// wait for it go away.
    pub(super) async fn answer<F>(
        self: &Arc<Self>,
        question: String,
        turn: impl Future<Output = Result<T, Problem>>,
        read: impl FnOnce(T) -> F + Send + 'static,
    ) -> Answer
    where
        F: Future<Output = Answer> + Send,
    {
        let Pending { mut stage, turns } = self.join(question, read);
        // It ends without an answer if the server ends, or if reading panics.
        let ended = |_| Problem::internal();
        stage.wait_for(|stage| !matches!(stage, Stage::Queued)).await.map_err(ended)?;
        let mut is_read = stage.clone();
        match first(turn, is_read.wait_for(|stage| !matches!(stage, Stage::Open))).await {
            // If another one's came first, it is free for others.
            Some(Ok(turn)) => drop(turns.send(turn)),
            Some(Err(problem)) if matches!(*stage.borrow(), Stage::Open) => return Err(problem),
            Some(Err(_)) | None => {}
        }
        drop(turns);
        let there =
            stage.wait_for(|stage| matches!(stage, Stage::There(_))).await.map_err(ended)?;
        if let Stage::There(answer) = &*there { answer.clone() } else { Err(Problem::internal()) }
    }

    /// The answer that is read next.
    fn join<F>(
        self: &Arc<Self>,
        question: String,
        read: impl FnOnce(T) -> F + Send + 'static,
    ) -> Pending<T>
    where
        F: Future<Output = Answer> + Send,
    {
        let mut questions = self.questions();
        let entry = questions.entry(question.clone());
        let of = entry.or_insert(Question { is_read: false, next: None });
        if let Some(next) = &of.next {
            return Pending { stage: next.stage.subscribe(), turns: next.turns.clone() };
        }
        let (sender, stage) = watch::channel(Stage::Queued);
        let (sender, (turns, taken)) = (Arc::new(sender), mpsc::unbounded_channel());
        let (start, started) = oneshot::channel();
        let start = if of.is_read {
            Some(start)
        } else {
            // The other end is here.
            let _ = start.send(());
            None
        };
        of.next = Some(Next { stage: Arc::clone(&sender), turns: turns.clone(), start });
        drop(questions);
        let flight = Arc::clone(self);
        tokio::spawn(async move {
            if started.await.is_ok()
                && let Some(turn) = flight.first_turn(&question, &sender, taken).await
            {
                let _reading = Reading { flight, question };
                publish(read(turn), &sender).await;
            }
        });
        Pending { stage, turns }
    }

    /// Waits for the first turn to read an answer; `None` if all who wait for the answer go away before. From then
    /// on, others who ask wait for the next answer.
    async fn first_turn(
        &self,
        question: &str,
        stage: &watch::Sender<Stage>,
        mut turns: mpsc::UnboundedReceiver<T>,
    ) -> Option<T> {
        stage.send_replace(Stage::Open);
        loop {
            let turn = first(turns.recv(), stage.closed()).await.flatten();
            let mut questions = self.questions();
            if turn.is_some() {
                let read = Question { is_read: true, next: None };
                questions.insert(question.to_owned(), read);
                stage.send_replace(Stage::Read);
                return turn;
            }
            // Someone may have asked again meanwhile.
            if stage.receiver_count() == 0 {
                questions.remove(question);
                return None;
            }
        }
    }

    fn questions(&self) -> MutexGuard<'_, HashMap<String, Question<T>>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes an answer, unless everybody goes away before.
async fn publish(read: impl Future<Output = Answer>, stage: &watch::Sender<Stage>) {
    if let Some(answer) = first(read, stage.closed()).await {
        stage.send_replace(Stage::There(answer));
    }
}

/// What the first of two futures returns, unless the other one ends before.
async fn first<T>(one: impl Future<Output = T>, other: impl Future) -> Option<T> {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let first = poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Ready(found) => Poll::Ready(Some(found)),
        Poll::Pending => other.as_mut().poll(context).map(|_| None),
    });
    first.await
}

/// The reading of an answer. Once it is dropped the next one begins.
struct Reading<T: Send + 'static> {
    flight: Arc<SingleFlight<T>>,
    question: String,
}

impl<T: Send + 'static> Drop for Reading<T> {
    fn drop(&mut self) {
        let mut questions = self.flight.questions();
        let Some(of) = questions.get_mut(&self.question) else { return };
        of.is_read = false;
        match &mut of.next {
            // Its task is gone only if the server ends.
            Some(next) => drop(next.start.take().map(|start| start.send(()))),
            None => drop(questions.remove(&self.question)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::Semaphore;
    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    fn runtime() -> Runtime {
        Builder::new_current_thread().build().unwrap()
    }

    /// Reads that wait until they may go on, and are counted.
    struct Reads {
        begun: AtomicUsize,
        ended: AtomicUsize,
        may_go_on: Semaphore,
    }

    impl Reads {
        fn new() -> Arc<Self> {
            let (begun, ended) = Default::default();
            Arc::new(Self { begun, ended, may_go_on: Semaphore::new(0) })
        }

        fn begun(&self) -> usize {
            self.begun.load(Ordering::SeqCst)
        }

        /// Answers with the number of the read.
        async fn read(self: Arc<Self>) -> Answer {
            let n = self.begun.fetch_add(1, Ordering::SeqCst);
            let _ended = Ended(&self);
            self.may_go_on.acquire().await.map_err(|_| Problem::internal())?.forget();
            Ok(n.to_string().into())
        }
    }

    struct Ended<'a>(&'a Reads);

    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            self.0.ended.fetch_add(1, Ordering::SeqCst);
        }
    }

    type Flight = Arc<SingleFlight<()>>;

    fn ask(flight: &Flight, question: &str, reads: &Arc<Reads>) -> JoinHandle<Answer> {
        ask_in(flight, question, reads, ready(Ok(())))
    }

    /// Asks, to read in this turn.
    fn ask_in(
        flight: &Flight,
        question: &str,
        reads: &Arc<Reads>,
        turn: impl Future<Output = Result<(), Problem>> + Send + 'static,
    ) -> JoinHandle<Answer> {
        let (flight, question, reads) =
            (Arc::clone(flight), question.to_owned(), Arc::clone(reads));
        tokio::spawn(async move { flight.answer(question, turn, move |()| reads.read()).await })
    }

    async fn settle() {
        for _ in 0..100 {
            yield_now().await;
        }
    }

    #[test]
    fn who_comes_while_an_answer_is_read_shares_the_next_one() {
        runtime().block_on(async {
            let (flight, reads) = (Arc::default(), Reads::new());
            let first = ask(&flight, "a", &reads);
            settle().await;
            let later: Vec<_> = (0..50).map(|_| ask(&flight, "a", &reads)).collect();
            settle().await;
            assert_eq!(reads.begun(), 1, "only one is read at a time");
            reads.may_go_on.add_permits(2);
            assert_eq!(first.await.unwrap().unwrap(), "0");
            for answer in later {
                assert_eq!(answer.await.unwrap().unwrap(), "1");
            }
            assert_eq!(reads.begun(), 2);
            settle().await;
            assert!(flight.questions().is_empty());
        });
    }

    #[test]
    fn who_waits_long_for_a_turn_holds_up_nobody_else() {
        runtime().block_on(async {
            let (flight, reads) = (Arc::default(), Reads::new());
            let slow = ask_in(&flight, "a", &reads, pending());
            settle().await;
            let quick = ask(&flight, "a", &reads);
            reads.may_go_on.add_permits(1);
            settle().await;
            assert!(quick.is_finished(), "it has its turn");
            assert_eq!(quick.await.unwrap().unwrap(), "0");
            assert_eq!(slow.await.unwrap().unwrap(), "0");
            assert!(flight.questions().is_empty());
        });
    }

    #[test]
    fn a_turn_that_does_not_come_is_the_problem_of_one_alone() {
        runtime().block_on(async {
            let (flight, reads) = (Arc::default(), Reads::new());
            let (turn, has_turn) = oneshot::channel::<()>();
            let busy = ask_in(&flight, "a", &reads, ready(Err(Problem::busy())));
            let turn_of_other = async { has_turn.await.map_err(|_| Problem::internal()) };
            let other = ask_in(&flight, "a", &reads, turn_of_other);
            settle().await;
            assert!(busy.await.unwrap().is_err());
            assert!(!other.is_finished());
            turn.send(()).unwrap();
            reads.may_go_on.add_permits(1);
            assert_eq!(other.await.unwrap().unwrap(), "0");
            let gone = ask_in(&flight, "a", &reads, pending());
            settle().await;
            gone.abort();
            settle().await;
            assert!(flight.questions().is_empty());
        });
    }

    #[test]
    fn other_questions_do_not_wait() {
        runtime().block_on(async {
            let (flight, reads) = (Arc::default(), Reads::new());
            let asked = [ask(&flight, "a", &reads), ask(&flight, "b", &reads)];
            settle().await;
            assert_eq!(reads.begun(), 2);
            reads.may_go_on.add_permits(2);
            for answer in asked {
                answer.await.unwrap().unwrap();
            }
        });
    }

    #[test]
    fn a_read_that_nobody_waits_for_ends_and_the_next_begins() {
        runtime().block_on(async {
            let (flight, reads) = (Arc::default(), Reads::new());
            let (first, second) = (ask(&flight, "a", &reads), ask(&flight, "a", &reads));
            settle().await;
            second.abort();
            settle().await;
            let third = ask(&flight, "a", &reads);
            first.abort();
            settle().await;
            assert_eq!((reads.begun(), reads.ended.load(Ordering::SeqCst)), (2, 1));
            reads.may_go_on.add_permits(1);
            third.await.unwrap().unwrap();
            settle().await;
            assert!(flight.questions().is_empty());
        });
    }

    #[test]
    fn an_error_is_shared_and_a_panic_is_an_error() {
        runtime().block_on(async {
            let flight = Flight::default();
            let failed =
                flight.answer("a".to_owned(), ready(Ok(())), |()| async { Err(Problem::busy()) });
            let failed = failed.await;
            assert_eq!(format!("{failed:?}"), format!("{:?}", Answer::Err(Problem::busy())));
            let broken =
                flight.answer("a".to_owned(), ready(Ok(())), |()| async { panic!("broken") });
            let broken = broken.await;
            assert_eq!(format!("{broken:?}"), format!("{:?}", Answer::Err(Problem::internal())));
            assert!(flight.questions().is_empty());
        });
    }
}
