//! The server: connections, with their limits.
//!
//! Each connection has one request and little time, so that clients that do nothing, or take nothing, are soon gone.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{Request, StatusCode};
use axum::response::IntoResponse;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{interval, sleep, timeout};

use super::gathered::{Gatherer, Subjects};
use super::router::{Shared, router};
use crate::hosts::Hosts;

/// The most connections; more wait until one is closed.
const CONNECTIONS: usize = 64;

/// The most of an address other than loopback; more are closed at once.
const CONNECTIONS_OF_ADDRESS: usize = 8;

/// How long the head of a request may take.
const HEAD: Duration = Duration::from_secs(2);

/// How long a connection may take.
const WHOLE: Duration = Duration::from_secs(5);

/// The size of a connection's buffer, in bytes, and so of the head of a request.
const BUFFER: usize = 8 << 10;

/// How long to wait before the next connection where the system refuses one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often the server looks whether alerts are received.
const LOOK: Duration = Duration::from_secs(1);

/// How long the end waits for a store that is being read.
const END_TIMEOUT: Duration = Duration::from_millis(200);

/// How much lower the priority of its threads is, as with nice(1).
const NICE: i32 = 10;

const NOT_MEANT: &str = "on loopback, the metrics are called localhost, or by their address\n";

/// An address that is bound.
pub(crate) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
}

/// A server that runs, until this is dropped.
pub(crate) struct Running {
    /// Closed at the end.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Bound {
    pub(crate) fn at(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, address })
    }

    /// Where the metrics are.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    /// Serves on a thread of its own.
    pub(crate) fn start(self, subjects: Subjects) -> io::Result<Running> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build()?;
        let (end, ended) = oneshot::channel();
        let work = move || self.work(runtime, subjects, ended);
        let thread = thread::Builder::new().name("metrics".to_owned()).spawn(work)?;
        Ok(Running { end: Some(end), thread: Some(thread) })
    }

    fn work(self, runtime: Runtime, subjects: Subjects, ended: oneshot::Receiver<()>) {
        // Without it everything works, too.
        let _ = rustix::process::nice(NICE);
        let gatherer: Shared = Arc::new(tokio::sync::Mutex::new(Gatherer::new(subjects)));
        runtime.block_on(async {
            let Ok(listener) = tokio::net::TcpListener::from_std(self.listener) else { return };
            tokio::spawn(look(Arc::clone(&gatherer)));
            tokio::spawn(accept(listener, router(&gatherer)));
            // It is dropped instead of being sent.
            let _ = ended.await;
        });
        runtime.shutdown_timeout(END_TIMEOUT);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic of its was already reported.
            let _ = thread.join();
        }
    }
}

async fn look(gatherer: Shared) {
    let mut ticks = interval(LOOK);
    loop {
        ticks.tick().await;
        // Who asks next sees what moved since.
        let _ = gatherer.lock().await.illness();
    }
}

/// The connections of each address.
#[derive(Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// The place of a connection among those of its address.
struct Place {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// `None` if the address has all that it may have.
    fn place(&self, address: IpAddr) -> Option<Place> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = all.entry(address).or_default();
        if *connections >= CONNECTIONS_OF_ADDRESS && !address.is_loopback() {
            return None;
        }
        *connections += 1;
        Some(Place { addresses: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = all.get_mut(&self.address) {
            *connections -= 1;
            if *connections == 0 {
                all.remove(&self.address);
            }
        }
    }
}

async fn accept(listener: tokio::net::TcpListener, router: Router) {
    let (permits, addresses) = (Arc::new(Semaphore::new(CONNECTIONS)), Addresses::default());
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let Ok((stream, peer)) = listener.accept().await else {
            // For example: too many open files.
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(place) = addresses.place(peer.ip().to_canonical()) else { continue };
        let served = serve(stream, router.clone());
        tokio::spawn(async move {
            let _held = (permit, place);
            let _ = timeout(WHOLE, served).await;
        });
    }
}

fn serve(stream: TcpStream, router: Router) -> impl Future<Output = ()> {
    let local = stream.local_addr().ok();
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| {
        let is_meant = local.is_none_or(|local| is_meant(&request, local));
        let answer = is_meant.then(|| router.call(request.map(Body::new)));
        async {
            match answer {
                Some(answer) => answer.await,
                None => Ok((StatusCode::MISDIRECTED_REQUEST, NOT_MEANT).into_response()),
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(BUFFER)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    async {
        // That a client breaks off is no error.
        let _ = connection.await;
    }
}

/// Whether a request to this address names it. On loopback only a name that is known can be meant: a browser would let
/// another site, whose name its owner has resolve to this address, read the answer. Others may have any name.
fn is_meant<T>(request: &Request<T>, local: SocketAddr) -> bool {
    let ip = local.ip().to_canonical();
    let hosts = Hosts::new(None, local);
    let target = request.uri().authority().map(Authority::as_str);
    let headers = request.headers().get_all(HOST).into_iter();
    let mut named = target.into_iter().chain(headers.map(|host| host.to_str().unwrap_or_default()));
    !ip.is_loopback() || named.all(|host| hosts.allows(host, Some(ip)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_site_does_not_read_what_is_on_loopback() {
        let is_meant = |host: &str, local: &str| {
            let request = Request::builder().header(HOST, host).body(()).unwrap();
            is_meant(&request, local.parse().unwrap())
        };
        for (host, local, expected) in [
            ("localhost:9187", "127.0.0.1:9187", true),
            ("127.0.0.1:9187", "127.0.0.1:9187", true),
            ("[::1]:9187", "[::1]:9187", true),
            ("evil.example:9187", "127.0.0.1:9187", false),
            ("evil.example", "[::ffff:127.0.0.1]:9187", false),
            ("sensor1.example:9187", "192.0.2.7:9187", true),
        ] {
            assert_eq!(is_meant(host, local), expected, "{host} at {local}");
        }
    }

    #[test]
    fn an_address_may_have_some_connections_and_loopback_all() {
        let addresses = Addresses::default();
        let of = |address: &str| addresses.place(address.parse().unwrap());
        let many: Vec<_> = (0..CONNECTIONS_OF_ADDRESS).map(|_| of("192.0.2.1").unwrap()).collect();
        assert!(of("192.0.2.1").is_none() && of("192.0.2.2").is_some());
        drop(many);
        assert!(of("192.0.2.1").is_some());
        let local: Vec<_> = (0..CONNECTIONS).filter_map(|_| of("::1")).collect();
        assert_eq!(local.len(), CONNECTIONS);
        drop(local);
        assert!(addresses.0.lock().unwrap().is_empty());
    }
}
