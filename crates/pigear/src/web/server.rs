//! The server: connections, with their limits.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use jiff::Timestamp;
use pigear_pipeline::{NOTICE, Stats};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;
use tracing::{info, warn};

use super::access::Access;
use super::acknowledging::Acknowledging;
use super::ends::Ends;
use super::feed::Feed;
use super::history::History;
use super::options::Options;
use super::proxies::Proxies;
use super::queries::Queries;
use super::router::router;
use super::site::Site;
use super::streams::SharedStreams;
use super::timeouts::Timeouts;
use super::tls;
use super::visitor::network;
use crate::hosts::Hosts;
use crate::keys::SetupError;
#[cfg(feature = "command")]
use crate::probed::Ports;
use crate::rules::SharedRules;
use crate::sensors::SharedSensors;

/// The most connections; more wait until one is closed.
const CONNECTIONS: usize = 512;

/// The most of an address other than loopback and trusted servers in between; more are closed at once.
const CONNECTIONS_OF_ADDRESS: usize = 64;

/// The size of a connection's buffer, in bytes, and so of the head of a request.
const BUFFER: usize = 64 << 10;

/// How long to wait before the next connection where the system refuses one.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long the end waits for queries.
const END_TIMEOUT: Duration = Duration::from_millis(500);

/// How often the end looks whether the store is closed.
const END_PAUSE: Duration = Duration::from_millis(5);

/// How much lower the priority of the server's threads is where alerts are received, as with nice(1): receiving and
/// storing go first if there is more to do than the processors can.
const NICE: i32 = 10;

/// The stack of a thread that runs a query, in bytes: filters may be scripts with recursive functions.
const STACK: usize = 8 << 20;

/// A server whose address is bound.
pub(crate) struct Server {
    listener: TcpListener,
    options: Options,
    store: PathBuf,
    access: Access,
    proxies: Proxies,
    timeouts: Timeouts,
    prefix: String,
    tls: Option<Arc<ServerConfig>>,
    url: String,
    rules: SharedRules,
    sensors: SharedSensors,
    streams: SharedStreams,
}

/// A server that runs.
pub(crate) struct Running {
    runtime: Runtime,
    /// Reads new alerts.
    feed: JoinHandle<()>,
}

impl Server {
    /// Reads the files, and binds the address.
    pub(crate) fn bind(options: Options, rules: SharedRules) -> Result<Self, SetupError> {
        let Read { tls, access } = Read::of(&options)?;
        let store = options.store.clone().unwrap_or_default();
        let prefix = options.prefix().map_err(SetupError::Keys)?;
        let proxies = Proxies::new(options.trusted_proxies.as_deref())?;
        let timeouts = Timeouts::default();
        let address = options.listen.0;
        let listener = bound_to(address)?;
        let bound = listener.local_addr().map_err(|error| cannot_listen(address, &error))?;
        let access = access.at(bound.port(), &prefix);
        let scheme = if tls.is_some() { "https" } else { "http" };
        let name = options.first_host().filter(|_| tls.is_some() || bound.ip().is_unspecified());
        let authority = match name {
            Some(name) if name.contains(':') => name.to_owned(),
            Some(name) => format!("{name}:{}", bound.port()),
            None => bound.to_string(),
        };
        let url = format!("{scheme}://{authority}{prefix}/");
        if tls.is_none() && !address.ip().is_loopback() {
            warn!(
                "{url} is not encrypted: others may read what is sent; give tls_cert and tls_key"
            );
        }
        let (sensors, streams) = Default::default();
        Ok(Self {
            listener,
            options,
            store,
            access,
            proxies,
            timeouts,
            prefix,
            tls,
            url,
            rules,
            sensors,
            streams,
        })
    }

    /// With the sensors that the program hears of.
    pub(super) fn with_sensors(self, sensors: SharedSensors) -> Self {
        Self { sensors, ..self }
    }

    /// With those who count the streams.
    pub(super) fn with_streams(self, streams: SharedStreams) -> Self {
        Self { streams, ..self }
    }

    /// Where the page is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Gives clients other times than usual.
    #[cfg(test)]
    pub(super) fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// Serves beside a pipeline, on threads of its own, which take less of the processors if it is busy.
    pub(crate) fn start_beside(self, stats: Arc<Stats>) -> io::Result<Running> {
        // Threads have the priority of the one that starts them; the caller keeps its own.
        let starter = thread::Builder::new().name("web".to_owned()).spawn(move || {
            // Without it everything works, too.
            let _ = rustix::process::nice(NICE);
            self.start(Some(stats))
        })?;
        starter.join().unwrap_or_else(|_| Err(io::Error::other("the server could not be started")))
    }

    /// Serves on threads of its own.
    pub(crate) fn start(self, stats: Option<Arc<Stats>>) -> io::Result<Running> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(16)
            .thread_name("web")
            .thread_stack_size(STACK)
            .enable_io()
            .enable_time()
            .build()?;
        self.listener.set_nonblocking(true)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(self.listener)?
        };
        let (feed, thread) = Feed::start(&self.store)?;
        let proxies = Arc::new(self.proxies);
        let history = Arc::new(History::default());
        let (followed, counted) = (Arc::downgrade(&feed), stats.clone());
        let site = Arc::new(Site {
            hosts: Hosts::new(self.options.hosts.as_deref(), self.options.listen.0),
            feed,
            acknowledging: Acknowledging::start(&self.store)?,
            proxies: Arc::clone(&proxies),
            streams: self.streams.of_server(),
            timeouts: self.timeouts,
            history: Arc::clone(&history),
            queries: Queries::new(self.store),
            shared_answers: Arc::default(),
            access: self.access,
            rules: self.rules,
            sensors: self.sensors,
            stats,
            prefix: self.prefix,
            has_tls: self.tls.is_some(),
            started: Timestamp::now(),
        });
        let tls = self.tls.map(TlsAcceptor::from);
        let connections = Connections { router: router(&site), tls, timeouts: self.timeouts };
        runtime.spawn(accept(listener, connections, proxies));
        runtime.spawn(async move { history.follow(followed, counted).await });
        info!(target: NOTICE, "the page is at {}", self.url);
        Ok(Running { runtime, feed: thread })
    }
}

impl Running {
    /// Ends all connections, and closes the store, if it is not being waited for.
    pub(crate) fn stop(self) {
        self.runtime.shutdown_timeout(END_TIMEOUT);
        let end = Instant::now() + END_TIMEOUT;
        while !self.feed.is_finished() && Instant::now() < end {
            thread::sleep(END_PAUSE);
        }
    }
}

/// What is read of the files that options name.
struct Read {
    tls: Option<Arc<ServerConfig>>,
    access: Access,
}

impl Read {
    fn of(options: &Options) -> Result<Self, SetupError> {
        options.check()?;
        let tls = tls::config(options.tls_cert.as_deref(), options.tls_key.as_deref())?;
        Ok(Self { tls, access: Access::new(options)? })
    }
}

/// Looks at the files and the address, as a start does.
#[cfg(feature = "command")]
pub(crate) fn look(options: &Options, ports: Ports) -> Result<(), SetupError> {
    Read::of(options)?;
    match ports {
        Ports::MustBeFree => Ok(bound_to(options.listen.0).map(drop)?),
        Ports::AreOwn => Ok(()),
    }
}

fn bound_to(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).map_err(|error| cannot_listen(address, &error))
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> String {
    let what = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; give another port with listen=ADDR:PORT".to_owned()
        }
        io::ErrorKind::AddrNotAvailable => "this machine doesn't have that address".to_owned(),
        io::ErrorKind::PermissionDenied => {
            "only root may listen on ports below 1024; give another port".to_owned()
        }
        _ => error.to_string(),
    };
    format!("cannot listen on {address}: {what}")
}

/// The connections of each address.
type Addresses = Mutex<HashMap<IpAddr, usize>>;

/// The place of a connection among those of its address.
struct ConnectionPlace {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl ConnectionPlace {
    /// `None` if the address has all that it may have. A server in between may have many clients.
    fn of(addresses: &Arc<Addresses>, peer: IpAddr, proxies: &Proxies) -> Option<Self> {
        let mut all = addresses.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(peer);
        let connections = all.entry(address).or_default();
        if *connections >= CONNECTIONS_OF_ADDRESS && !peer.is_loopback() && !proxies.trust(peer) {
            return None;
        }
        *connections += 1;
        Some(Self { addresses: Arc::clone(addresses), address })
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut all = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut connections) = all.entry(self.address) {
            *connections.get_mut() -= 1;
            if *connections.get() == 0 {
                connections.remove();
            }
        }
    }
}

/// What all connections share.
#[derive(Clone)]
struct Connections {
    router: Router,
    tls: Option<TlsAcceptor>,
    timeouts: Timeouts,
}

async fn accept(
    listener: tokio::net::TcpListener,
    connections: Connections,
    proxies: Arc<Proxies>,
) {
    let (permits, addresses) = (Arc::new(Semaphore::new(CONNECTIONS)), Arc::default());
    while let Ok(permit) = Arc::clone(&permits).acquire_owned().await {
        let Ok((stream, peer)) = listener.accept().await else {
            // For example: too many open files.
            sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let peer = canonical(peer);
        let Some(place) = ConnectionPlace::of(&addresses, peer.ip(), &proxies) else { continue };
        let connections = connections.clone();
        tokio::spawn(async move {
            let _held = (permit, place);
            connections.serve(stream, peer).await;
        });
    }
}

/// An address as its own kind has it: one that listens on `[::]` gets those of IPv4 as IPv6.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

impl Connections {
    async fn serve(self, stream: TcpStream, peer: SocketAddr) {
        // Small pieces of a live stream are sent at once.
        let _ = stream.set_nodelay(true);
        let ends = Ends { peer, local: stream.local_addr().ok().map(canonical) };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.timeouts.write));
        let stream = Box::pin(stream);
        match &self.tls {
            None => self.talk(stream, ends).await,
            Some(_) if self.is_plain(&stream).await => {
                let _ = timeout(self.timeouts.handshake, refuse_plain(stream)).await;
            }
            Some(tls) => {
                let accepted = timeout(self.timeouts.handshake, tls.accept(stream)).await;
                if let Ok(Ok(stream)) = accepted {
                    self.talk(stream, ends).await;
                }
            }
        }
    }

    /// Whether a client begins with a request instead of TLS.
    async fn is_plain(&self, stream: &TimeoutStream<TcpStream>) -> bool {
        let mut first = [0];
        let peeked = timeout(self.timeouts.handshake, stream.get_ref().peek(&mut first)).await;
        matches!(peeked, Ok(Ok(1))) && first[0].is_ascii_uppercase()
    }

    async fn talk<S>(&self, stream: S, ends: Ends)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(ends);
            router.call(request)
        });
        // That a client breaks off is no error.
        let _ = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.timeouts.head)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    }
}

/// Answers a request without TLS.
async fn refuse_plain(mut stream: Pin<Box<TimeoutStream<TcpStream>>>) -> io::Result<()> {
    // What isn't read when a connection is closed would have the system discard the answer.
    let _ = stream.read(&mut [0; 4_096]).await?;
    let body = r#"{"type":"urn:pigear:problem:tls","title":"Bad Request","status":400,"detail":"this port speaks TLS: use https://"}"#;
    let head = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(format!("{head}{body}").as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_have_some_connections_and_loopback_all() {
        let (addresses, proxies) = (Arc::default(), Proxies::default());
        let peer: IpAddr = "192.0.2.1".parse().unwrap();
        let mut places: Vec<_> = (0..CONNECTIONS_OF_ADDRESS)
            .filter_map(|_| ConnectionPlace::of(&addresses, peer, &proxies))
            .collect();
        assert_eq!(places.len(), CONNECTIONS_OF_ADDRESS);
        assert!(ConnectionPlace::of(&addresses, peer, &proxies).is_none());
        assert!(ConnectionPlace::of(&addresses, "192.0.2.2".parse().unwrap(), &proxies).is_some());
        places.pop();
        assert!(ConnectionPlace::of(&addresses, peer, &proxies).is_some());
        let local: IpAddr = "::1".parse().unwrap();
        let many: Vec<_> = (0..CONNECTIONS)
            .filter_map(|_| ConnectionPlace::of(&addresses, local, &proxies))
            .collect();
        assert_eq!(many.len(), CONNECTIONS);
        drop((places, many));
        let proxies = Proxies::new(Some("192.0.2.1")).unwrap();
        let many: Vec<_> = (0..CONNECTIONS)
            .filter_map(|_| ConnectionPlace::of(&addresses, peer, &proxies))
            .collect();
        assert_eq!(many.len(), CONNECTIONS);
        drop(many);
        assert!(addresses.lock().unwrap().is_empty());
    }
}
