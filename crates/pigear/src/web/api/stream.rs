//! The live stream: server-sent events, each with an alert and its id.
//!
//! A client that comes again with the id of its last event gets what came meanwhile: the events are read from the
//! store, and their ids are the store's. So nothing is missing and nothing comes twice, however slow a client is:
//! its queue has a few pieces, and what doesn't fit stays in the store.

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
use utoipa::IntoParams;

use crate::keys::number;
use crate::store::{Further, Selection, StoreError, StoreProblem};
use crate::web::access::Identity;
use crate::web::feed::{self, Events, Head};
use crate::web::parameters::{Parameters, Selects};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::Shared;
use crate::web::streams::StreamPlace;
use crate::web::visitor::Visitor;

/// How often something is sent, even without alerts: then a client that is gone is noticed.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The pause after each piece.
const PAUSE: Duration = Duration::from_millis(100);

/// How long to wait before a store that can't be read is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// The most seconds after which a stream can be told to end.
const LONGEST: i64 = 24 * 60 * 60;

/// How many pieces wait for a client.
const QUEUE: usize = 2;

/// How long a browser waits before it comes again, in milliseconds.
const RECONNECT: u64 = 2_000;

/// Where a stream begins.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters")]
pub(in crate::web) struct StreamParameters {
    /// Send the alerts after this id; by default those that are stored from now on. The header `Last-Event-ID`,
    /// which a browser sends when it comes again, takes precedence.
    #[param(minimum = 0)]
    last_event_id: Option<i64>,
    /// End the stream after this many seconds; with 0, as soon as what is stored was sent. By default it doesn't
    /// end.
    #[param(minimum = 0, maximum = 86400)]
    timeout: Option<i64>,
}

/// New alerts as they are stored, as server-sent events
///
/// The `id` of an event is the alert's id, its `data` the alert's JSON. An event `reset` says that another store
/// is there now, whose ids have begun again.
#[utoipa::path(
    get, path = "/api/v1/stream", tag = "alerts", params(StreamParameters, Selection),
    responses(
        (status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
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
    let typed = parameters.number("last_event_id", 0..=i64::MAX)?;
    let seconds = parameters.number("timeout", 0..=LONGEST)?.map(i64::unsigned_abs);
    parameters.finish(&["last_event_id", "timeout"], Selects::Alerts)?;
    let after = last_event_id(&headers)?.or(typed);
    let place = site.streams.open(Visitor::current())?;
    // Before the store is read, so that no change is missed.
    let head = site.feed.subscribe();
    let checked = selection.clone();
    let last = site.queries.run(move |reader| {
        checked.criteria(|| TimeZone::UTC)?;
        Ok(reader.last()?)
    });
    let last = last.await?;
    let (sender, pieces) = mpsc::channel(QUEUE);
    let is_whole = query_is_empty(&selection);
    let mut live = Live {
        site,
        identity,
        selection,
        is_whole,
        position: after.unwrap_or(last),
        checked: Instant::now(),
        end: seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds)),
        least: last,
        sender,
        place,
    };
    if live.position > last {
        // From another store, which was replaced.
        live.position = last;
        live.send(format!("retry: {RECONNECT}\n{}", reset(last))).await;
    } else {
        // A first byte, so that the client knows that it is connected.
        live.send(format!("retry: {RECONNECT}\n{}", heartbeat(live.position))).await;
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

fn last_event_id(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(text) = headers.get("last-event-id") else { return Ok(None) };
    let text = text.to_str().unwrap_or("?").trim();
    if text.is_empty() {
        return Ok(None);
    }
    let id = number::<i64>(text).ok().filter(|id| *id >= 0);
    id.map(Some).ok_or_else(|| Problem::parameter("Last-Event-ID", "expected the id of an alert"))
}

/// Whether all alerts are selected.
fn query_is_empty(selection: &Selection) -> bool {
    *selection == Selection::default()
}

fn reset(last: i64) -> String {
    format!("id: {last}\nevent: reset\ndata: {{\"last\":{last}}}\n\n")
}

/// Nothing that a page sees, but it moves the id with which a client comes again.
fn heartbeat(position: i64) -> String {
    format!(":\nid: {position}\n\n")
}

/// A live stream.
struct Live {
    site: Shared,
    identity: Identity,
    selection: Selection,
    /// Whether all alerts are selected.
    is_whole: bool,
    /// The id up to which alerts were sent.
    position: i64,
    /// When it was last checked that the client may see this.
    checked: Instant,
    /// When it ends, once it has reached `least`.
    end: Option<Instant>,
    /// The last id that was stored when it began.
    least: i64,
    sender: mpsc::Sender<Bytes>,
    #[expect(dead_code, reason = "is free again once this is dropped")]
    place: StreamPlace,
}

impl Live {
    /// Sends a piece; false once the client is gone, or takes nothing.
    async fn send(&self, text: String) -> bool {
        match timeout(self.site.timeouts.stream, self.sender.send(text.into())).await {
            Ok(sent) => sent.is_ok(),
            Err(_) => {
                self.site.streams.has_stalled();
                false
            }
        }
    }

    async fn run(mut self, mut head: tokio::sync::watch::Receiver<Head>) {
        let mut generation = head.borrow().generation;
        while self.may_go_on() && !self.is_over() {
            let now = *head.borrow_and_update();
            if now.generation != generation {
                // The first is only the first look at the store.
                if generation > 0 {
                    (self.position, self.least) = (now.begin, now.begin);
                    if !self.send(reset(now.begin)).await {
                        return;
                    }
                }
                generation = now.generation;
            }
            match self.next(now).await {
                Ok(Some(Events { text, last })) => {
                    self.position = last;
                    if !text.is_empty() && !self.send(text).await {
                        return;
                    }
                    sleep(PAUSE).await;
                    continue;
                }
                Ok(None) => {}
                // It is found again by itself, as a rule.
                Err(_) => sleep(RETRY).await,
            }
            let left = self.end.map(|end| end.saturating_duration_since(Instant::now()));
            let wait = left.filter(|left| !left.is_zero()).unwrap_or(HEARTBEAT).min(HEARTBEAT);
            match timeout(wait, head.changed()).await {
                Ok(Err(_)) => return,
                Err(_) if !self.send(heartbeat(self.position)).await => return,
                _ => {}
            }
        }
    }

    /// Whether it ends here, because its time is up.
    fn is_over(&self) -> bool {
        self.position >= self.least && self.end.is_some_and(|end| Instant::now() >= end)
    }

    /// Whether the client is there, and may still see this.
    fn may_go_on(&mut self) -> bool {
        if self.checked.elapsed() >= HEARTBEAT {
            self.checked = Instant::now();
            return self.site.access.still_allows(&self.identity) && !self.sender.is_closed();
        }
        !self.sender.is_closed()
    }

    /// What comes next; `None` if nothing has come.
    async fn next(&self, head: Head) -> Result<Option<Events>, Problem> {
        if head.last <= self.position {
            return Ok(None);
        }
        if self.is_whole
            && let Some(events) = self.site.feed.since(self.position)
        {
            return Ok(Some(events).filter(|events| events.last > self.position));
        }
        let (selection, position) = (self.selection.clone(), self.position);
        let read = self.site.queries.run(move |reader| {
            let criteria = selection.criteria(|| TimeZone::UTC)?;
            let (mut text, mut last, mut count) = (String::new(), position, 0);
            let read = reader.after(position, &criteria, |stored| {
                text.push_str(&feed::event(&stored));
                (last, count) = (stored.id, count + 1);
                if count < feed::BATCH { Further::On } else { Further::Enough }
            });
            let last = match read {
                Ok(read) if count < feed::BATCH => read,
                Ok(_) => last,
                Err(StoreError { source: StoreProblem::Unfinished { reached }, .. }) => reached,
                Err(error) => return Err(error.into()),
            };
            Ok(Events { text, last })
        });
        read.await.map(|events| Some(events).filter(|events| events.last > position))
    }
}
