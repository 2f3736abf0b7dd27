//! Queries: each on a thread of a small pool, with a time limit, so that neither the server nor listening is held
//! up. Those of a visitor wait in turn, and leave room for others.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, iter};

use axum::body::{Body, Bytes};
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::problem::Problem;
use super::turns::{Turn, Turns};
use super::visitor::Visitor;
use crate::store::{Further, PriorityCounts, Reader, StoreAccess, StoreIdentity, TriageWriter};

/// How many queries run at the same time.
const MOST: usize = 4;

/// How many selections are being downloaded at the same time.
const MOST_DOWNLOADS: usize = 6;

/// How long a client may take for a piece of a download.
const PIECE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long a query waits until it may run.
const WAIT: Duration = Duration::from_secs(10);

/// How long a query may take.
const LIMIT: Duration = Duration::from_secs(10);

/// How long a query waits for a program that has the store locked.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// How often it is looked whether the store can be changed, at most.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// The size of a piece of a download, in bytes.
const PIECE: usize = 64 << 10;

/// The most stores that stay open.
const IDLE: usize = MOST;

/// Runs queries.
pub(super) struct Queries {
    path: PathBuf,
    /// What all readers remember for series.
    priority_counts: Arc<PriorityCounts>,
    idle: Mutex<Vec<StoreAccess>>,
    turns: Arc<Turns>,
    downloads: Arc<Turns>,
    changes: Arc<Turns>,
    /// When it was looked whether the store can be changed, and why not.
    unchangeable: tokio::sync::Mutex<Option<(Instant, Option<String>)>>,
    piece_timeout: Duration,
    damage: Mutex<Option<DamageFound>>,
}

/// What queries met that is damaged.
#[derive(Clone, Copy, Debug)]
pub(super) struct DamageFound {
    /// In which store.
    store: StoreIdentity,
    /// The most alerts that one query could not read.
    pub(super) unreadable: u64,
    /// Whether the index was damaged.
    pub(super) index: bool,
    /// When that was first met.
    pub(super) at: Timestamp,
}

impl Queries {
    pub(super) fn new(path: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            path,
            priority_counts: Arc::default(),
            idle: Mutex::default(),
            turns: Turns::new(MOST),
            downloads: Turns::new(MOST_DOWNLOADS),
            changes: Turns::new(1),
            unchangeable: tokio::sync::Mutex::default(),
            piece_timeout: PIECE_TIMEOUT,
            damage: Mutex::default(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs a query. It ends early if its client goes away.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Reader) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = self.turn().await?;
        self.run_in_turn(turn, work).await
    }

    /// Waits for the turn of the visitor whose request this is.
    pub(super) async fn turn(&self) -> Result<Turn, Problem> {
        turn(&self.turns).await
    }

    /// Runs a query whose turn it is.
    pub(super) async fn run_in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        turn: Turn,
        work: impl FnOnce(&mut Reader) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let (queries, cancel) = (Arc::clone(self), CancelOnDrop::default());
        let (cancelled, end) = (Arc::clone(&cancel.0), Instant::now() + LIMIT);
        let is_over = move || cancelled.load(Ordering::Relaxed) || Instant::now() >= end;
        let done = spawn_blocking(move || {
            let _turn = turn;
            let mut access = queries.access();
            let reader = access.store()?.reader;
            reader.end_when(is_over);
            let unreadable = reader.unreadable();
            let done = work(reader);
            queries.note_damage(reader, reader.unreadable() - unreadable);
            let done = done?;
            queries.keep(access);
            Ok(done)
        });
        done.await.unwrap_or_else(|_| Err(Problem::internal()))
    }

    /// Runs a query of this store, if one is named. The work gets which store it is.
    pub(super) async fn run_in<T: Send + 'static>(
        self: &Arc<Self>,
        of: Option<StoreIdentity>,
        work: impl FnOnce(&mut Reader, StoreIdentity) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let work = move |reader: &mut Reader| {
            let store = check_store(reader, of)?;
            work(reader, store)
        };
        self.run(work).await
    }

    /// Changes what people say about alerts, of this store if one is named. One change at a time: the store has
    /// one writer.
    pub(super) async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        of: Option<StoreIdentity>,
        work: impl FnOnce(&mut TriageWriter) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let path = self.path.clone();
        let change = move || {
            let mut triage = TriageWriter::open(&path)?;
            if of.is_some() && of != Some(triage.identity()?) {
                return Err(Problem::other_store());
            }
            work(&mut triage)
        };
        self.blocking(change).await
    }

    /// Why people can't change what is said about alerts, as things were less than a second ago; `None` if they
    /// can. All who ask meanwhile share one check.
    pub(super) async fn why_unchangeable(&self) -> Option<String> {
        let mut last = self.unchangeable.lock().await;
        if let Some((at, why)) = &*last
            && at.elapsed() < CHECK_EVERY
        {
            return why.clone();
        }
        let why = self.check_changeable().await;
        *last = Some((Instant::now(), why.clone()));
        why
    }

    async fn check_changeable(&self) -> Option<String> {
        let path = self.path.clone();
        let check = spawn_blocking(move || TriageWriter::check(&path));
        let problem = check.await.ok()?.err()?;
        let hint = problem.source.hint().map_or_else(String::new, |hint| format!("; {hint}"));
        Some(format!("cannot write the store {problem}: {}{hint}", problem.source))
    }

    /// Runs a change of the store, which goes on even if its client goes away.
    pub(super) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let turn = turn(&self.changes).await.map_err(|_| Problem::changing())?;
        let done = spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.unwrap_or_else(|_| Err(Problem::internal()))
    }

    /// Runs a query of this store, if one is named, whose result may be long.
    pub(super) async fn download_of(
        self: &Arc<Self>,
        of: Option<StoreIdentity>,
        work: impl FnOnce(&mut Reader, &mut Pieces) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Body, Problem> {
        let work = move |reader: &mut Reader, out: &mut Pieces| {
            check_store(reader, of)?;
            work(reader, out)
        };
        self.download(work).await
    }

    /// Runs a query whose result may be long: it is sent in pieces, as fast as the client reads. An error before
    /// the first piece is returned; one behind it breaks the connection off, and so does a client that is too slow.
    pub(super) async fn download(
        self: &Arc<Self>,
        work: impl FnOnce(&mut Reader, &mut Pieces) -> Result<(), Problem> + Send + 'static,
    ) -> Result<Body, Problem> {
        let turn = turn(&self.downloads).await?;
        let (sender, mut pieces) = mpsc::channel(4);
        let (queries, is_whole) = (Arc::clone(self), Arc::new(AtomicBool::new(false)));
        let has_ended = Arc::clone(&is_whole);
        spawn_blocking(move || {
            let _turn = turn;
            let mut out = Pieces::new(sender, queries.piece_timeout);
            let gone = out.sender.clone();
            let mut access = queries.access();
            let done = access.store().map_err(Problem::from).and_then(|store| {
                store.reader.end_when(move || gone.is_closed());
                let unreadable = store.reader.unreadable();
                let done = work(store.reader, &mut out);
                queries.note_damage(store.reader, store.reader.unreadable() - unreadable);
                done
            });
            match done {
                Ok(()) => {
                    out.send();
                    has_ended.store(!out.is_cut, Ordering::Release);
                }
                // The client may have gone away.
                Err(problem) => drop(out.sender.blocking_send(Err(problem))),
            }
        });
        let first = match pieces.recv().await {
            None if is_whole.load(Ordering::Acquire) => return Ok(Body::empty()),
            None => return Err(Problem::internal()),
            Some(Err(problem)) => return Err(problem),
            Some(Ok(first)) => first,
        };
        let rest = ReceiverStream::new(pieces);
        let rest = rest.map(|piece| piece.map_err(|_| io::Error::other("the store failed")));
        // What ends before it is whole must not look whole.
        let end = iter::from_fn(move || {
            let is_cut = !is_whole.swap(true, Ordering::AcqRel);
            is_cut.then(|| Err(io::Error::other("the download was cut short")))
        });
        let rest = rest.chain(tokio_stream::iter(end));
        Ok(Body::from_stream(tokio_stream::once(Ok(first)).chain(rest)))
    }

    /// Remembers what a query met that is damaged, with how many alerts it could not read.
    fn note_damage(&self, reader: &Reader, unreadable: u64) {
        if unreadable == 0 && !reader.is_index_damaged() {
            return;
        }
        let Ok(store) = reader.identity() else { return };
        let mut damage = self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        let before = damage.filter(|before| before.store == store);
        *damage = Some(DamageFound {
            store,
            unreadable: before.map_or(0, |before| before.unreadable).max(unreadable),
            index: before.is_some_and(|before| before.index) || reader.is_index_damaged(),
            at: before.map_or_else(Timestamp::now, |before| before.at),
        });
    }

    /// What queries met in this store that is damaged, since the page is served.
    pub(super) fn damage_of(&self, store: StoreIdentity) -> Option<DamageFound> {
        let damage = *self.damage.lock().unwrap_or_else(PoisonError::into_inner);
        damage.filter(|damage| damage.store == store)
    }

    /// A store that is open already, if there is one.
    fn access(&self) -> StoreAccess {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| {
            let access = StoreAccess::new_within(self.path.clone(), LOCK_TIMEOUT);
            access.sharing(Arc::clone(&self.priority_counts))
        })
    }

    /// Keeps a store that was read without an error for the next query.
    fn keep(&self, access: StoreAccess) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(access);
        }
    }
}

/// Which store it is; an error if another one is named.
fn check_store(reader: &mut Reader, of: Option<StoreIdentity>) -> Result<StoreIdentity, Problem> {
    let store = reader.identity()?;
    if of.is_some_and(|of| of != store) { Err(Problem::other_store()) } else { Ok(store) }
}

/// Waits for the turn of the visitor whose request this is.
async fn turn(turns: &Arc<Turns>) -> Result<Turn, Problem> {
    let visitor = Visitor::current();
    let waited = timeout(WAIT, turns.wait(&visitor)).await;
    waited.ok().flatten().ok_or_else(Problem::busy)
}

/// Ends a query when the request is dropped.
#[derive(Default)]
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The pieces of a download.
pub(super) struct Pieces {
    sender: mpsc::Sender<Result<Bytes, Problem>>,
    /// What comes next.
    pub(super) bytes: Vec<u8>,
    /// How long the client may take for one.
    timeout: Duration,
    /// Whether one was not sent.
    is_cut: bool,
}

impl Pieces {
    fn new(sender: mpsc::Sender<Result<Bytes, Problem>>, timeout: Duration) -> Self {
        Self { sender, bytes: Vec::new(), timeout, is_cut: false }
    }

    /// Sends if there is enough. Then the client decides how fast it goes.
    pub(super) fn flush_some(&mut self) -> Further {
        if self.bytes.len() < PIECE { Further::On } else { self.send() }
    }

    fn send(&mut self) -> Further {
        let piece = std::mem::take(&mut self.bytes);
        if piece.is_empty() {
            return Further::On;
        }
        let sender = &self.sender;
        // A timer begins within the runtime.
        let send = async { timeout(self.timeout, sender.send(Ok(piece.into()))).await };
        let sent = matches!(Handle::current().block_on(send), Ok(Ok(())));
        self.is_cut |= !sent;
        if sent { Further::On } else { Further::Enough }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use axum::body::to_bytes;
    use tempfile::TempDir;
    use tokio::runtime::Runtime;

    use super::*;
    use crate::store::{StoreOpener, WhenDiskFull};

    /// Queries of an empty store, whose downloads wait for this time.
    fn queries(dir: &TempDir, piece_timeout: Duration) -> Arc<Queries> {
        let path = dir.path().join("a.db");
        drop(StoreOpener::open(&path, WhenDiskFull::Fail).unwrap());
        let mut queries = Queries::new(path);
        Arc::get_mut(&mut queries).unwrap().piece_timeout = piece_timeout;
        queries
    }

    #[test]
    fn a_download_whose_client_is_too_slow_does_not_look_whole() {
        let dir = TempDir::new().unwrap();
        let queries = queries(&dir, Duration::from_millis(10));
        Runtime::new().unwrap().block_on(async {
            let (sender, ended) = channel::<()>();
            let body = queries.download(move |_, out| {
                while out.flush_some() == Further::On {
                    out.bytes.resize(PIECE, b'a');
                }
                // As whatever asks for the rest of a result does.
                drop(sender);
                Ok(())
            });
            let body = body.await.unwrap();
            assert!(ended.recv().is_err());
            assert!(to_bytes(body, usize::MAX).await.is_err());
        });
    }

    #[test]
    fn many_who_ask_whether_the_store_can_be_changed_share_a_check() {
        let dir = TempDir::new().unwrap();
        let queries = queries(&dir, PIECE_TIMEOUT);
        Runtime::new().unwrap().block_on(async {
            assert_eq!(queries.why_unchangeable().await, None);
            std::fs::remove_file(queries.path()).unwrap();
            assert_eq!(queries.why_unchangeable().await, None);
            let long_ago = Instant::now().checked_sub(CHECK_EVERY).unwrap();
            queries.unchangeable.lock().await.as_mut().unwrap().0 = long_ago;
            assert!(queries.why_unchangeable().await.is_some());
        });
    }

    #[test]
    fn a_download_that_panics_does_not_look_whole_and_one_that_ends_does() {
        let dir = TempDir::new().unwrap();
        let queries = queries(&dir, PIECE_TIMEOUT);
        Runtime::new().unwrap().block_on(async {
            let body = queries.download(|_, out| {
                out.bytes.resize(PIECE, b'a');
                out.flush_some();
                panic!("broken")
            });
            assert!(to_bytes(body.await.unwrap(), usize::MAX).await.is_err());
            assert!(queries.download(|_, _| panic!("broken")).await.is_err());
            let body = queries.download(|_, out| {
                out.bytes.resize(PIECE + 1, b'a');
                out.flush_some();
                out.bytes.push(b'b');
                Ok(())
            });
            assert_eq!(to_bytes(body.await.unwrap(), usize::MAX).await.unwrap().len(), PIECE + 2);
            let body = queries.download(|_, _| Ok(())).await.unwrap();
            assert!(to_bytes(body, usize::MAX).await.unwrap().is_empty());
        });
    }
}
