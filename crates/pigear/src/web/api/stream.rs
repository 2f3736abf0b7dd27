//! The live stream: server-sent events, each with an alert and its id.
//!
//! A client that comes again with the id of its last event gets what came meanwhile: the events are read from the
//! store, and their ids are the store's. So nothing is missing and nothing comes twice, however slow a client is:
//! its queue has a piece, and what doesn't fit stays in the store.

mod pace;
mod store_events;

use std::time::{Duration, Instant};

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};

use self::pace::Pace;
use self::store_events::StoreEvents;
use super::alerts::YesOrNo;
use crate::store::{Selection, StoreIdentity};
use crate::web::access::Identity;
use crate::web::feed::{Events, Head, Listener, Packets, Piece, Wants};
use crate::web::parameters::{Parameters, Selects};
use crate::web::place::Place;
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::Shared;
use crate::web::streams::StreamPlace;
use crate::web::visitor::Visitor;

/// How often it is checked that a client may still see this.
const CHECK: Duration = Duration::from_secs(15);

/// The most of the newest alerts that a client may want.
const NEWEST: i64 = 500;

/// How long to wait before a store that can't be read is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The most seconds after which a stream can be told to end.
const LONGEST: i64 = 24 * 60 * 60;

/// How many pieces wait for a client.
const QUEUE: usize = 1;

/// How long a browser waits before it comes again, in milliseconds.
const RECONNECT: u64 = 2_000;

/// Where a stream begins.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters")]
pub(in crate::web) struct StreamParameters {
    /// Send the alerts after this one: the id of an event, or the number of an alert. By default those that are
    /// stored from now on. The header `Last-Event-ID`, which a browser sends when it comes again, takes
    /// precedence.
    #[param(pattern = "^(0|[1-9][0-9]{0,17})(-[0-9a-f]{16})?$")]
    last_event_id: Option<String>,
    /// End the stream after this many seconds; with 0, as soon as what is stored was sent. By default it doesn't
    /// end.
    #[param(minimum = 0, maximum = 86400)]
    timeout: Option<i64>,
    /// `no` leaves packets out.
    #[param(inline)]
    packet: Option<YesOrNo>,
    /// Where more than 500 alerts wait to be sent, send only so many of the newest, behind an event `skipped`. By
    /// default all are sent, 5,000 a second.
    #[param(minimum = 1, maximum = 500)]
    newest: Option<i64>,
}

/// An event of the stream, as `EventSource` gives it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what is sent")]
pub(in crate::web) struct StreamEvent {
    /// The alert's number and the store, for `Last-Event-ID`.
    id: String,
    /// `message`: `data` is an alert. `reset`: what was sent before is no longer what is stored. `skipped`: alerts were
    /// left out here. `problem`: the store can't be read, `data` says why. `ready`: it is read again.
    event: String,
    /// JSON, or a text if it is a problem.
    data: String,
}

/// New alerts as they are stored, as server-sent events
///
/// The `id` of an event is the alert's id with the store behind a dash, its `data` the alert's JSON. An event
/// `reset` says that another store is there now, or a backup of this one: what was sent before is no longer what
/// is stored. An event `problem` says why the store can't be read now, as the error of a request does, and
/// `ready` that it can be read again.
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "alerts", params(StreamParameters, Selection),
    responses(
        (status = 200, description = "The stream", body = StreamEvent, content_type = "text/event-stream"),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn stream(
    State(site): State<Shared>,
    Extension(identity): Extension<Identity>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let selection = parameters.selection()?;
    let typed = parameters.parsed::<Place>("last_event_id")?;
    let seconds = parameters.number("timeout", 0..=LONGEST)?.map(i64::unsigned_abs);
    let wants = wants(&mut parameters)?;
    parameters.finish(&["last_event_id", "timeout", "packet", "newest"], Selects::Alerts)?;
    let after = last_event_id(&headers)?.or(typed);
    let place = site.streams.open(&Visitor::current())?;
    // Before the store is read, so that no change is missed.
    let (head, listener) = (site.feed.subscribe(), site.feed.listen(wants));
    let generation = head.borrow().generation;
    let checked = selection.clone();
    let last = site.queries.run(move |reader| {
        checked.criteria(|| TimeZone::UTC)?;
        Ok((reader.identity()?, reader.last()?))
    });
    let (store, last) = last.await?;
    let (sender, pieces) = mpsc::channel(QUEUE);
    let is_whole = query_is_empty(&selection);
    let mut live = Live {
        site,
        identity,
        selection,
        is_whole,
        store,
        position: after.map_or(last, |after| after.id),
        checked: Instant::now(),
        end: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        least: last,
        sender,
        sent: Instant::now(),
        generation,
        wants,
        pace: Pace::default(),
        held: (place, listener),
    };
    if live.position > last || after.is_some_and(|after| after.is_of_other(store)) {
        // From a store that was replaced by another one, or by a backup.
        live.position = last;
        live.send(format!("retry: {RECONNECT}\n{}", live.reset())).await;
    } else {
        // A first byte, so that the client knows that it is connected.
        live.send(format!("retry: {RECONNECT}\n{}", live.heartbeat())).await;
    }
    tokio::spawn(Visitor::current().scope(live.run(head)));
    let pieces = ReceiverStream::new(pieces).map(Ok::<_, std::convert::Infallible>);
    let mut response = Response::new(Body::from_stream(pieces));
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    // For a proxy in between.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// What of alerts is sent, and of how many.
fn wants(parameters: &mut Parameters) -> Result<Wants, Problem> {
    let packets = match parameters.text("packet")?.as_deref() {
        None | Some("yes" | "true") => Packets::Written,
        Some("no" | "false") => Packets::Omitted,
        Some(_) => return Err(Problem::parameter("packet", "expected yes or no")),
    };
    let newest = parameters.number("newest", 1..=NEWEST)?;
    Ok(Wants { packets, newest: newest.and_then(|newest| usize::try_from(newest).ok()) })
}

fn last_event_id(headers: &HeaderMap) -> Result<Option<Place>, Problem> {
    let Some(text) = headers.get("last-event-id") else { return Ok(None) };
    let text = text.to_str().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = |_| Problem::parameter("Last-Event-ID", "expected the id of an event");
    text.parse().map(Some).map_err(wrong)
}

/// Whether all alerts are selected.
fn query_is_empty(selection: &Selection) -> bool {
    *selection == Selection::default()
}

/// Why the store can't be read, or that it can.
fn state(problem: Option<&str>) -> String {
    match problem {
        Some(problem) => format!("event: problem\ndata: {problem}\n\n"),
        None => "event: ready\ndata: {}\n\n".to_owned(),
    }
}

/// Says that alerts were left out.
const SKIPPED: &str = "event: skipped\ndata: {}\n\n";

/// A live stream.
struct Live {
    site: Shared,
    identity: Identity,
    selection: Selection,
    /// Whether all alerts are selected.
    is_whole: bool,
    /// The store whose alerts were sent.
    store: StoreIdentity,
    /// The id up to which they were.
    position: i64,
    /// When it was last checked that the client may see this.
    checked: Instant,
    /// When it ends, once it has reached `least`.
    end: Option<Instant>,
    /// The last id that was stored when it began.
    least: i64,
    sender: mpsc::Sender<Bytes>,
    /// When something was sent last.
    sent: Instant,
    /// The store's generation whose alerts are sent.
    generation: u64,
    wants: Wants,
    pace: Pace,
    #[expect(dead_code, reason = "are free again once this is dropped")]
    held: (StreamPlace, Listener),
}

impl Live {
    /// Sends a piece; false once the client is gone, or takes nothing.
    async fn send(&mut self, text: String) -> bool {
        self.sent = Instant::now();
        // Without the room that the text has for more.
        let piece = Bytes::from(text.into_boxed_str().into_boxed_bytes());
        let sent = timeout(self.site.timeouts.stream, self.sender.send(piece)).await;
        if sent.is_err() {
            self.site.streams.has_stalled();
        }
        matches!(sent, Ok(Ok(())))
    }

    /// What was sent before is no longer what is stored.
    fn reset(&self) -> String {
        let Self { store, position: last, .. } = self;
        let id = self.event_id();
        format!("id: {id}\nevent: reset\ndata: {{\"last\":{last},\"store\":\"{store}\"}}\n\n")
    }

    /// Nothing that a page sees, but it moves the id with which a client comes again.
    fn heartbeat(&self) -> String {
        format!(":\nid: {}\n\n", self.event_id())
    }

    /// A heartbeat, if nothing was sent for a time.
    fn due_heartbeat(&self) -> Option<String> {
        (self.sent.elapsed() >= self.site.timeouts.heartbeat).then(|| self.heartbeat())
    }

    fn event_id(&self) -> Place {
        Place::new(self.position, self.store)
    }

    async fn run(mut self, mut head: tokio::sync::watch::Receiver<Head>) {
        let mut problem = None;
        while self.may_go_on() && !self.is_over() {
            let now = head.borrow_and_update().clone();
            if now.problem != problem {
                problem.clone_from(&now.problem);
                if !self.send(state(problem.as_deref())).await {
                    return;
                }
            }
            if now.generation != self.generation
                && self.is_elsewhere(&now)
                && !self.send(self.reset()).await
            {
                return;
            }
            match self.next(&now).await {
                Ok(Some(events)) => {
                    self.position = events.last;
                    let pause = self.pace.pause_after(&events);
                    let Events { text, is_newest, .. } = events;
                    let text = match text {
                        text if is_newest => Some(format!("{SKIPPED}{text}")),
                        text if text.is_empty() => self.due_heartbeat(),
                        text => Some(text),
                    };
                    if let Some(text) = text
                        && !self.send(text).await
                    {
                        return;
                    }
                    if let Some(pause) = pause {
                        sleep(pause).await;
                    }
                    continue;
                }
                Ok(None) => {}
                // It is found again by itself, as a rule.
                Err(_) => sleep(RETRY).await,
            }
            let left = self.end.map(|end| end.saturating_duration_since(Instant::now()));
            // However often the store changes, what isn't selected is no reason to send nothing.
            let due = self.site.timeouts.heartbeat.saturating_sub(self.sent.elapsed());
            let wait = left.filter(|left| !left.is_zero()).unwrap_or(due).min(due);
            match timeout(wait, head.changed()).await {
                Ok(Err(_)) => return,
                Err(_) if !self.send(self.heartbeat()).await => return,
                _ => {}
            }
        }
    }

    /// Whether the stream begins anew, because another store is there, or a backup of this one.
    fn is_elsewhere(&mut self, head: &Head) -> bool {
        // If the feed has been in another store meanwhile, what was stored there is gone.
        let was_elsewhere = head.generation > self.generation + 1;
        self.generation = head.generation;
        let is_elsewhere =
            was_elsewhere || head.store != Some(self.store) || self.position > head.kept;
        if let Some(store) = head.store
            && is_elsewhere
        {
            (self.store, self.position, self.least) = (store, head.begin, head.begin);
        }
        is_elsewhere
    }

    /// Whether it ends here, because its time is up.
    fn is_over(&self) -> bool {
        self.position >= self.least && self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Whether the client is there, and may still see this.
    fn may_go_on(&mut self) -> bool {
        if self.checked.elapsed() >= CHECK {
            self.checked = Instant::now();
            return self.site.access.still_allows(&self.identity) && !self.sender.is_closed();
        }
        !self.sender.is_closed()
    }

    /// What comes next; `None` if nothing has come.
    async fn next(&self, head: &Head) -> Result<Option<Events>, Problem> {
        // Of another store the feed has not seen yet that it is there.
        if head.store != Some(self.store) || head.last <= self.position {
            return Ok(None);
        }
        if self.is_whole
            && let Some(events) = self.site.feed.since(self.store, self.position, self.wants)
        {
            return Ok(Some(events).filter(|events| events.last > self.position));
        }
        let (selection, store, position) = (self.selection.clone(), self.store, self.position);
        let wants = self.wants;
        let read = self.site.queries.run(move |reader| {
            let criteria = selection.criteria(|| TimeZone::UTC)?;
            if reader.identity()? != store {
                return Ok(Piece::default().up_to(position, false));
            }
            StoreEvents { store, position, wants }.next(reader, &criteria)
        });
        read.await.map(|events| Some(events).filter(|events| events.last > position))
    }
}
