//! Requests that ask the same share an answer.
//!
//! Of each question, one answer is read at a time. Requests that come meanwhile wait for the next one, which is
//! read for all of them together. So an answer is never older than its request, and many open pages cost the store
//! as much as two.

use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use axum::body::Bytes;
use tokio::sync::{oneshot, watch};

use super::problem::Problem;

type Answer = Result<Bytes, Problem>;
type Pending = watch::Receiver<Option<Answer>>;

/// The questions that are being answered.
#[derive(Default)]
pub(super) struct SingleFlight {
    questions: Mutex<HashMap<String, Option<Next>>>,
}

/// The answer that is read next.
struct Next {
    pending: Pending,
    start: oneshot::Sender<()>,
}

impl SingleFlight {
    /// Answers a question. Reading ends early if all who wait for it go away.
    pub(super) async fn answer<F>(
        self: &Arc<Self>,
        question: String,
        read: impl FnOnce() -> F + Send + 'static,
    ) -> Answer
    where
        F: Future<Output = Answer> + Send,
    {
        let mut pending = self.join(question, read);
        // It ends without an answer if the server ends, or if reading panics.
        let answer = pending.wait_for(Option::is_some).await.map_err(|_| Problem::internal())?;
        answer.clone().unwrap_or_else(|| Err(Problem::internal()))
    }

    /// The answer that is read next.
    fn join<F>(
        self: &Arc<Self>,
        question: String,
        read: impl FnOnce() -> F + Send + 'static,
    ) -> Pending
    where
        F: Future<Output = Answer> + Send,
    {
        let mut questions = self.questions();
        if let Some(Some(next)) = questions.get(&question) {
            return next.pending.clone();
        }
        let (sender, pending) = watch::channel(None);
        let start = if let Some(next) = questions.get_mut(&question) {
            let (start, started) = oneshot::channel();
            *next = Some(Next { pending: pending.clone(), start });
            Some(started)
        } else {
            questions.insert(question.clone(), None);
            None
        };
        drop(questions);
        let flight = Arc::clone(self);
        tokio::spawn(async move {
            if let Some(started) = start
                && started.await.is_err()
            {
                return;
            }
            let _turn = Turn { flight, question };
            if !sender.is_closed() {
                publish(read(), &sender).await;
            }
        });
        pending
    }

    fn questions(&self) -> MutexGuard<'_, HashMap<String, Option<Next>>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Publishes an answer, unless everybody goes away before.
async fn publish(read: impl Future<Output = Answer>, sender: &watch::Sender<Option<Answer>>) {
    let (mut read, mut gone) = (pin!(read), pin!(sender.closed()));
    let answer = poll_fn(|context| match read.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => gone.as_mut().poll(context).map(|()| None),
    });
    if let Some(answer) = answer.await {
        sender.send_replace(Some(answer));
    }
}

/// The reading of an answer. Once it is dropped the next one begins.
struct Turn {
    flight: Arc<SingleFlight>,
    question: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut questions = self.flight.questions();
        match questions.get_mut(&self.question).and_then(Option::take) {
            // Its task is gone only if the server ends.
            Some(next) => drop(next.start.send(())),
            None => drop(questions.remove(&self.question)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::runtime::{Builder, Runtime};
    use tokio::sync::Semaphore;
    use tokio::task::yield_now;

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

    fn ask(
        flight: &Arc<SingleFlight>,
        question: &str,
        reads: &Arc<Reads>,
    ) -> tokio::task::JoinHandle<Answer> {
        let (flight, question, reads) =
            (Arc::clone(flight), question.to_owned(), Arc::clone(reads));
        tokio::spawn(async move { flight.answer(question, move || reads.read()).await })
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
            let flight = Arc::<SingleFlight>::default();
            let failed = flight.answer("a".to_owned(), || async { Err(Problem::busy()) }).await;
            assert_eq!(format!("{failed:?}"), format!("{:?}", Answer::Err(Problem::busy())));
            let broken = flight.answer("a".to_owned(), || async { panic!("broken") }).await;
            assert_eq!(format!("{broken:?}"), format!("{:?}", Answer::Err(Problem::internal())));
            assert!(flight.questions().is_empty());
        });
    }
}
