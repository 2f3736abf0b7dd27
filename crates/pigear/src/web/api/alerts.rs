//! Alerts: a page of them, and one with its layers.

use axum::Json;
use axum::extract::{FromRequestParts, Path, RawQuery, State};
use axum::http::request::Parts;
use jiff::tz::TimeZone;
use pigear_alert::Alert;
use pigear_alert::format::{Format, FormatName, community_id};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use super::object::AlertObject;
use crate::keys::number;
use crate::script::{JsonLayer, layers_json};
use crate::store::{
    FilterFailure, Further, Reader, Selection, StoreError, StoreIdentity, StoreProblem, Stored,
};
use crate::web::parameters::{Parameters, Selects, StoreParameters};
use crate::web::place::Place;
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::{JsonText, Shared};

/// How many alerts a page has by default, and at most.
const USUAL: i64 = 100;
const MOST: i64 = 1_000;

/// Which page.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters")]
pub(in crate::web) struct PageParameters {
    /// How many alerts; 100 by default.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Where the last page ended: its `next`.
    #[param(pattern = "^[1-9][0-9]{0,17}(-[0-9a-f]{16})?$")]
    cursor: Option<String>,
    /// `no` leaves packets out.
    #[param(inline)]
    packet: Option<YesOrNo>,
    /// `no` leaves payloads out.
    #[param(inline)]
    payload: Option<YesOrNo>,
    /// The most bytes that are written of a packet, and of a payload.
    #[param(example = "1KiB")]
    max_bytes: Option<String>,
}

/// A choice.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "describes a parameter")]
pub(in crate::web) enum YesOrNo {
    Yes,
    No,
    True,
    False,
}

/// A page of alerts.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct AlertPage {
    /// The alerts, newest first.
    alerts: Vec<AlertObject>,
    /// The `cursor` of the next page; absent if there are no more.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    /// The id of the last stored alert: a live stream with `LAST-STORE` as `last_event_id` has what comes then.
    last: i64,
    /// Which store it is: ids of another one are other alerts.
    store: String,
    /// True if the search took too long, and is to be continued with `next`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unfinished: bool,
    /// How many alerts could not be read, because they are damaged.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u64,
    /// True if the store is damaged: its index could not be used everywhere, so alerts were read instead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    damaged: bool,
    /// What the filter failed on, which is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_failed: Option<FilterFailure>,
    /// Why nothing is found.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
pub(super) fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// What is known of an alert's packet, behind the fields of the alert.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct AlertDetails {
    /// Which store it is in.
    store: String,
    /// The headers of the packet, from the outermost on.
    #[schema(value_type = Vec<Object>)]
    layers: Vec<JsonLayer>,
    /// Where the payload is in the packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Span>,
    /// Where and why dissection ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    stopped: Option<String>,
    /// How the packet differs from what Snort states.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<String>,
    /// The flow's Community ID: the same in both directions, and in every program.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "1:0Mu9InQx6z4ZiCZM/7HXi2WMhOg=")]
    community_id: Option<String>,
}

/// A header of a packet.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `layers_json` makes")]
pub(in crate::web) struct LayerObject {
    /// Its name, such as `IPv4`.
    name: String,
    /// Its first byte in `pkt`, counted from 0.
    start: u64,
    /// The byte behind its last.
    end: u64,
    /// Its fields.
    #[schema(value_type = Object)]
    fields: Value,
}

/// A part of a packet.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Span {
    /// Its first byte in `pkt`, counted from 0.
    start: usize,
    /// The byte behind its last.
    end: usize,
}

/// Alerts, newest first
///
/// The criteria are those of `pigear query`; times without an offset are in UTC.
#[utoipa::path(
    get, path = "/api/v1/alerts", tag = "alerts", params(Selection, PageParameters),
    responses(
        (status = 200, description = "A page", body = AlertPage),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn list(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let selection = parameters.selection()?;
    let limit = parameters.number("limit", 1..=MOST)?.unwrap_or(USUAL);
    let before = cursor(&mut parameters)?;
    let (name, format) = parameters.format(FormatName::Json)?;
    if name != FormatName::Json {
        return Err(Problem::parameter(
            "format",
            "a page is always JSON; export has the other formats",
        ));
    }
    parameters.finish(&["limit", "cursor", "packet", "payload", "max_bytes"], Selects::Alerts)?;
    let limit = usize::try_from(limit).unwrap_or_default();
    let search = Page { limit, before, format };
    site.answer("alerts", query, move |reader| search.find(reader, &selection)).await
}

/// Where the last page ended.
fn cursor(parameters: &mut Parameters) -> Result<Option<Place>, Problem> {
    let wrong =
        "expected the `next` of a page: a whole number from 1 on, with or without its store";
    let parse = |text: String| {
        let place = text.parse::<Place>().ok().filter(|place| place.id > 0);
        place.ok_or_else(|| Problem::parameter("cursor", wrong))
    };
    parameters.text("cursor")?.map(parse).transpose()
}

struct Page {
    limit: usize,
    before: Option<Place>,
    format: Box<dyn Format>,
}

impl Page {
    fn find(self, reader: &mut Reader, selection: &Selection) -> Result<AlertPage, Problem> {
        let criteria = selection.criteria(|| TimeZone::UTC)?;
        let (store, last, unreadable) = (reader.identity()?, reader.last()?, reader.unreadable());
        if self.before.is_some_and(|place| place.is_of_other(store)) {
            return Err(Problem::other_store());
        }
        let before = self.before.map_or(i64::MAX, |place| place.id);
        let (mut alerts, mut oldest, mut next) = (Vec::new(), None, None);
        let searched = reader.newest_before(before, &criteria, |stored| {
            if alerts.len() == self.limit {
                next = oldest;
                return Further::Enough;
            }
            oldest = Some(stored.id);
            alerts.push(AlertObject::new(&stored, &*self.format));
            Further::On
        });
        let mut unfinished = false;
        match searched {
            Err(StoreError { source: StoreProblem::Unfinished { reached }, .. }) => {
                (next, unfinished) = (Some(reached.max(1)), true);
            }
            searched => searched?,
        }
        let is_empty = alerts.is_empty() && !unfinished && self.before.is_none();
        let reason =
            is_empty.then(|| reader.why_nothing(&criteria, || TimeZone::UTC)).transpose()?;
        Ok(AlertPage {
            alerts: alerts.into_iter().collect::<Result<_, _>>()?,
            next: next.map(|id| Place::new(id, store).to_string()),
            last,
            store: store.to_string(),
            unfinished,
            unreadable: reader.unreadable() - unreadable,
            damaged: reader.is_index_damaged(),
            filter_failed: criteria.filter_failure(),
            reason,
        })
    }
}

/// An alert with its layers
#[utoipa::path(
    get, path = "/api/v1/alerts/{id}", tag = "alerts",
    params(("id" = i64, Path, description = "The alert's id", minimum = 1), StoreParameters),
    responses(
        (status = 200, description = "The alert", body = AlertDetails),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn one(
    State(site): State<Shared>,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<Json<Box<RawValue>>, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let details = site.queries.run_in(of, move |reader, store| {
        let alert = get(reader, id)?;
        details(&Stored { id, alert }, store)
    });
    details.await.map(Json)
}

/// The number in a path.
pub(in crate::web) struct Id(pub(super) i64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // What isn't UTF-8 is no number either.
        let text = Path::<String>::from_request_parts(parts, state).await;
        id_of(text.as_deref().map_or("", String::as_str)).map(Self)
    }
}

fn id_of(text: &str) -> Result<i64, Problem> {
    let id = number::<i64>(text).ok().filter(|id| *id > 0);
    id.ok_or_else(|| Problem::parameter("id", "expected a whole number from 1 on"))
}

/// The alert of an id, which must be in the store.
pub(super) fn get(reader: &mut Reader, id: i64) -> Result<Alert, Problem> {
    let unreadable = reader.unreadable();
    if let Some(alert) = reader.get(id)? {
        return Ok(alert);
    }
    if reader.unreadable() > unreadable {
        return Err(Problem::not_found(format!(
            "alert {id} could not be read: its record is damaged"
        )));
    }
    let there_are = match reader.contents()? {
        Some(contents) => {
            format!("its alerts have the numbers {} to {}", contents.ids.0, contents.ids.1)
        }
        None => "it is empty".to_owned(),
    };
    Err(Problem::not_found(format!("there is no alert {id} in the store; {there_are}")))
}

/// The alert's object, with more fields behind its own.
fn details(stored: &Stored, store: StoreIdentity) -> Result<Box<RawValue>, Problem> {
    let alert = &stored.alert;
    let has_packet = alert.message.has_packet();
    let packet = alert.dissection();
    let payload = Some(&packet.payload).filter(|payload| has_packet && !payload.is_empty());
    let details = AlertDetails {
        store: store.to_string(),
        layers: if has_packet { layers_json(alert) } else { Vec::new() },
        payload: payload.map(|it| Span { start: it.start, end: it.end }),
        stopped: packet.stopped.filter(|_| has_packet).map(|stop| stop.to_string()),
        difference: packet.difference().map(str::to_owned),
        community_id: community_id(packet).filter(|_| has_packet),
    };
    let details = serde_json::to_string(&details).map_err(|_| Problem::internal())?;
    let own = AlertObject::text(stored);
    // One object of both: without the brace at the end of the one and at the begin of the other.
    let own = own.strip_suffix('}').unwrap_or(&own);
    let whole = format!("{own},{}", details.strip_prefix('{').unwrap_or(&details));
    RawValue::from_string(whole).map_err(|_| Problem::internal())
}
