//! How the store, its lanes, and the program are.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use pigear_pipeline::{Pulse, Snapshot, Stats};
use serde::Serialize;
use utoipa::ToSchema;

use crate::liveness;
use crate::rules::RuleSet;
use crate::store::{LaneState, Reader, RetentionPolicy, StoredOrigin};
use crate::web::history::CountersHistory;
use crate::web::parameters::{Parameters, Selects};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::queries::{DamageFound, Queries};
use crate::web::site::Shared;
use crate::web::streams::StreamCounts;

/// How the store, its lanes, and the program are.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Health {
    /// The version of this Pigear.
    version: &'static str,
    /// Since when it serves the page.
    #[schema(value_type = String, format = DateTime)]
    started: Timestamp,
    /// The store.
    store: StoreHealth,
    /// The handlers that get their alerts from the store.
    lanes: Vec<LaneHealth>,
    /// The sockets that this Pigear receives from, and its sources that read from servers; empty if it only serves
    /// the page.
    sockets: Vec<SocketHealth>,
    /// Where stored alerts came from, the latest origin first.
    origins: Vec<OriginHealth>,
    /// How many dead letters there are.
    dead_letters: u64,
    /// The live streams of this server.
    streams: StreamsHealth,
    /// Snort's rules; absent without `--rules`.
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<RulesHealth>,
    /// The counters, as in the file of `--stats`; absent if another Pigear receives the alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    counters: Option<Snapshot>,
    /// What the counters were in the last five minutes.
    history: CountersHistory,
}

/// A socket that alerts arrive at, or a source that reads them from servers.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct SocketHealth {
    /// Its path, or the servers and the stream or topic.
    socket: String,
    /// Why no alerts arrive; absent if all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl SocketHealth {
    fn all(stats: &Stats) -> Vec<Self> {
        // A socket that was bound again has another thread.
        let threads: BTreeMap<_, _> =
            stats.receivers().into_iter().map(|it| (it.name().to_owned(), it)).collect();
        let of = |(socket, thread): (String, Pulse)| Self {
            socket,
            problem: liveness::problem(&thread).or_else(|| liveness::cut_off(&thread)),
        };
        let sources = stats.connections().into_iter();
        let sources =
            sources.map(|it| Self { socket: it.source().to_owned(), problem: it.problem() });
        threads.into_iter().map(of).chain(sources).collect()
    }
}

/// Where stored alerts came from.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct OriginHealth {
    /// The sensor.
    #[serde(skip_serializing_if = "Option::is_none")]
    sensor: Option<String>,
    /// The socket.
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<String>,
    /// The number of the packet thread that has its own socket, in a Snort 3 with several.
    #[serde(skip_serializing_if = "Option::is_none")]
    thread: Option<u32>,
    /// The process that sent them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    /// Its user.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    /// The datagrams' layout, or the version of Snort whose log they are from; absent for Pigear's own alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    dialect: Option<String>,
}

impl From<StoredOrigin> for OriginHealth {
    fn from(origin: StoredOrigin) -> Self {
        let StoredOrigin { sensor, socket, thread, pid, uid, dialect, .. } = origin;
        let socket = socket.map(|path| path.display().to_string());
        Self { sensor, socket, thread, pid, uid, dialect }
    }
}

/// The live streams.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct StreamsHealth {
    /// How many are open.
    open: usize,
    /// How many were refused, because there were too many.
    refused: u64,
    /// How many were ended, because the client took nothing of them.
    stalled: u64,
}

impl From<StreamCounts> for StreamsHealth {
    fn from(StreamCounts { open, refused, stalled }: StreamCounts) -> Self {
        Self { open, refused, stalled }
    }
}

/// Snort's rules.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct RulesHealth {
    /// How many there are.
    rules: usize,
    /// How many files were read.
    files: usize,
    /// What could not be read, with the file and the line; everything else is used.
    problems: Vec<String>,
    /// How many more problems there are.
    more_problems: usize,
}

impl RulesHealth {
    fn of(rules: &RuleSet) -> Self {
        Self {
            rules: rules.len(),
            files: rules.files(),
            problems: rules.problems().iter().map(ToString::to_string).collect(),
            more_problems: rules.more_problems(),
        }
    }
}

/// The store.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct StoreHealth {
    /// Its path.
    path: String,
    /// Which store it is: ids of another one are other alerts.
    store: String,
    /// Its size, with what is not yet in the main file, in bytes.
    bytes: u64,
    /// When the earliest packet was seen; absent in an empty store.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    first: Option<Timestamp>,
    /// When the latest packet was seen; absent in an empty store.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    last: Option<Timestamp>,
    /// The lowest id.
    #[serde(skip_serializing_if = "Option::is_none")]
    first_id: Option<i64>,
    /// The highest id.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_id: Option<i64>,
    /// What the Pigear that stores alerts, or did so last, removes; absent if none of this version did.
    #[serde(skip_serializing_if = "Option::is_none")]
    retention: Option<RetentionHealth>,
    /// What queries met that is damaged, since the page is served; absent if nothing was.
    #[serde(skip_serializing_if = "Option::is_none")]
    damage: Option<DamageHealth>,
}

/// What of the store is damaged.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct DamageHealth {
    /// How many alerts could not be read, because they are damaged: at least so many.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<u64>,
    /// True if the index could not be used everywhere, so that alerts were read instead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    index: bool,
    /// When that was first met.
    #[schema(value_type = String, format = DateTime)]
    met: Timestamp,
}

impl From<DamageFound> for DamageHealth {
    fn from(DamageFound { unreadable, index, at, .. }: DamageFound) -> Self {
        Self { unreadable: Some(unreadable).filter(|n| *n > 0), index, met: at }
    }
}

/// What is removed of the store: nothing, if there are no limits.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct RetentionHealth {
    /// For how many days alerts are kept (`--keep-days`).
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<u32>,
    /// The most bytes of the file (`--keep-bytes`).
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
}

impl RetentionHealth {
    fn of(policy: Option<RetentionPolicy>) -> Option<Self> {
        policy.map(|it| Self { days: it.days, bytes: it.bytes.map(|bytes| bytes.as_u64()) })
    }
}

/// A handler that gets its alerts from the store.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct LaneHealth {
    /// Its name.
    name: String,
    /// How many stored alerts wait for it.
    waiting: u64,
    /// When the oldest of these was received; absent if none waits, or it can't be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    waiting_since: Option<Timestamp>,
    /// How many dead letters it has.
    dead_letters: u64,
    /// How many alerts it handled, over all runs.
    handled: u64,
    /// How many alerts it could not process.
    failed: u64,
    /// How many alerts were removed before it got them.
    dropped: u64,
    /// How many alerts its filter left out.
    filtered: u64,
    /// How many alerts its limit left out.
    muted: u64,
    /// When its position last moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    moved: Option<Timestamp>,
    /// The receiver that it delivers to.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
}

impl LaneHealth {
    fn of(lane: LaneState, reader: &mut Reader) -> Self {
        let waits = lane.lag > 0;
        let waiting_since = if waits { reader.waiting_since(&lane.name).ok() } else { None };
        Self {
            name: lane.name,
            waiting: lane.lag,
            waiting_since: waiting_since.flatten(),
            dead_letters: lane.dead_letters,
            handled: lane.account.handled,
            failed: lane.account.failed,
            dropped: lane.account.dropped,
            filtered: lane.account.filtered,
            muted: lane.account.muted,
            moved: lane.moved,
            target: lane.target,
        }
    }
}

/// How the store, its lanes, and the program are
#[utoipa::path(
    get, path = "/api/v1/health", tag = "health",
    responses(
        (status = 200, description = "All is well with the store", body = Health),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn health(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Json<Health>, Problem> {
    Parameters::of(query.as_deref()).finish(&[], Selects::Nothing)?;
    let path = site.queries.path().display().to_string();
    let queries = Arc::clone(&site.queries);
    let read = site.queries.run(move |reader| {
        let store = store(reader, path, &queries)?;
        let lanes = reader.lanes()?;
        let lanes: Vec<_> = lanes.into_iter().map(|it| LaneHealth::of(it, reader)).collect();
        let origins: Vec<_> = reader.origins()?.into_iter().map(OriginHealth::from).collect();
        Ok((store, lanes, origins))
    });
    let (store, lanes, origins) = read.await?;
    Ok(Json(Health {
        version: env!("CARGO_PKG_VERSION"),
        started: site.started,
        store,
        dead_letters: lanes.iter().map(|lane| lane.dead_letters).sum(),
        lanes,
        sockets: site.stats.as_deref().map(SocketHealth::all).unwrap_or_default(),
        origins,
        streams: site.streams.counts().into(),
        rules: site.rules.current().map(|rules| RulesHealth::of(&rules)),
        counters: site.stats.as_ref().map(|stats| stats.snapshot()),
        history: site.history.written(),
    }))
}

fn store(reader: &Reader, path: String, queries: &Queries) -> Result<StoreHealth, Problem> {
    let identity = reader.identity()?;
    let contents = reader.contents()?;
    let contents = contents.as_ref();
    Ok(StoreHealth {
        path,
        store: identity.to_string(),
        damage: queries.damage_of(identity).map(DamageHealth::from),
        bytes: reader.size().unwrap_or_default(),
        retention: RetentionHealth::of(reader.retention()?),
        first: contents.map(|it| it.first),
        last: contents.map(|it| it.last),
        first_id: contents.map(|it| it.ids.0),
        last_id: contents.map(|it| it.ids.1),
    })
}
