//! Downloads: packets as pcapng, and selections in every format.

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::Response;
use jiff::tz::TimeZone;
use pigear_alert::format::FormatName;
use serde::Deserialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::alerts::{Id, YesOrNo, get};
use super::counts::one_of;
use super::ids::{alerts, none_stored};
use crate::handler::pcap::Capture;
use crate::store::{AlertSet, Criteria, Further, Reader, Selection};
use crate::web::body::JsonBody;
use crate::web::parameters::{FORMAT, Parameters, Selects, StoreParameters};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::queries::Pieces;
use crate::web::site::Shared;

/// The media type of pcapng, which is not registered, but common.
const PCAPNG: &str = "application/x-pcapng";

/// How much of a selection.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters")]
pub(in crate::web) struct LimitParameters {
    /// How many alerts, the newest; all by default.
    #[param(minimum = 1)]
    limit: Option<i64>,
    /// `yes` leaves alerts out on which the filter fails; otherwise they are an error.
    #[param(inline)]
    partial: Option<YesOrNo>,
}

/// Which alerts.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct ExportRequest {
    /// The alerts.
    #[schema(min_items = 1, max_items = 10_000)]
    ids: Vec<i64>,
}

/// How alerts are written.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters")]
pub(in crate::web) struct FormatParameters {
    /// The format; `json` by default.
    #[param(inline)]
    format: Option<ExportFormat>,
    /// `no` leaves packets out: of `json`, `eve` and `full`.
    #[param(inline)]
    packet: Option<YesOrNo>,
    /// `no` leaves payloads out: of `json`, `eve` and `ecs`.
    #[param(inline)]
    payload: Option<YesOrNo>,
    /// The most bytes that are written of a packet, and of a payload: of `json`, `eve`, `ecs` and `full`.
    #[param(example = "1KiB")]
    max_bytes: Option<String>,
    /// The fields of `alert_json` and `csv`, with commas between.
    #[param(example = "timestamp,msg")]
    fields: Option<String>,
}

/// A format of alerts.
pub(in crate::web) struct ExportFormat;

impl PartialSchema for ExportFormat {
    fn schema() -> RefOr<Schema> {
        one_of("A format of alerts.", FormatName::ALL.into_iter().map(|name| name.to_string()))
    }
}

impl ToSchema for ExportFormat {}

/// The packets of an alert, as pcapng
#[utoipa::path(
    get, path = "/api/v1/alerts/{id}/packet", tag = "alerts",
    params(("id" = i64, Path, description = "The alert's id", minimum = 1), StoreParameters),
    responses(
        (status = 200, description = "A capture", body = Vec<u8>, content_type = "application/x-pcapng"),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn packet(
    State(site): State<Shared>,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let capture = site.queries.run_in(of, move |reader, _| {
        let alert = get(reader, id)?;
        if !alert.message.has_packet() {
            let hint =
                "Snort 3 sends alerts of rebuilt streams without a packet; --complete-from adds it";
            return Err(Problem::not_found(format!("alert {id} has no packet")).hint(hint));
        }
        let mut bytes = Capture::header();
        Capture::default().put(&alert, &mut bytes);
        Ok(bytes)
    });
    Ok(download(Body::from(capture.await?), PCAPNG, &format!("alert-{id}.pcapng")))
}

/// The packets of a selection, as pcapng, oldest first
///
/// If the filter fails on some alerts, the error says on how many, and why; `partial=yes` leaves these out.
#[utoipa::path(
    get, path = "/api/v1/packets", tag = "export", params(LimitParameters, Selection),
    responses(
        (status = 200, description = "A capture", body = Vec<u8>, content_type = "application/x-pcapng"),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn packets(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let Wanted { selection, limit, failing } = selected(&mut parameters)?;
    parameters.finish(&LIMITS, Selects::Alerts)?;
    let body = site.queries.download(move |reader, out| {
        let criteria = selection.criteria(|| TimeZone::UTC)?;
        let (mut ids, mut left) = (AlertSet::default(), limit);
        reader.newest(&criteria, |stored| {
            ids.insert(stored.id);
            left -= 1;
            if left == 0 { Further::Enough } else { Further::On }
        })?;
        failing.check(&criteria)?;
        if ids.is_empty() {
            let reason = reader.why_nothing(&criteria, || TimeZone::UTC)?;
            return Err(Problem::not_found(format!("no alerts found: {reason}")));
        }
        capture(reader, &ids, out)
    });
    Ok(download(body.await?, PCAPNG, "alerts.pcapng"))
}

/// Writes the packets of these alerts, oldest first.
fn capture(reader: &mut Reader, ids: &AlertSet, out: &mut Pieces) -> Result<(), Problem> {
    let (mut capture, mut found) = (Capture::default(), false);
    for id in ids.iter() {
        // It may have been removed meanwhile.
        let Some(alert) = reader.get(id)? else { continue };
        if alert.message.has_packet() {
            if !std::mem::replace(&mut found, true) {
                out.bytes.extend(Capture::header());
            }
            capture.put(&alert, &mut out.bytes);
        }
        if out.flush_some() == Further::Enough {
            return Ok(());
        }
    }
    if found { Ok(()) } else { Err(Problem::not_found("none of the alerts has a packet")) }
}

/// The packets of alerts that are named, as pcapng, oldest first
///
/// Changes nothing, and needs no `X-CSRF-Token`. Alerts that aren't stored any more are left out.
#[utoipa::path(
    post, path = "/api/v1/packets", tag = "export", request_body = ExportRequest, params(StoreParameters),
    responses(
        (status = 200, description = "A capture", body = Vec<u8>, content_type = "application/x-pcapng"),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn packets_of(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
    JsonBody(ExportRequest { ids }): JsonBody<ExportRequest>,
) -> Result<Response, Problem> {
    let of = Parameters::store_only(query.as_deref())?;
    let ids = alerts(ids)?;
    let body = site.queries.download_of(of, move |reader, out| capture(reader, &ids, out));
    Ok(download(body.await?, PCAPNG, "alerts.pcapng"))
}

/// Alerts that are named, in any format, newest first
///
/// Changes nothing, and needs no `X-CSRF-Token`. Alerts that aren't stored any more are left out.
#[utoipa::path(
    post, path = "/api/v1/export", tag = "export", request_body = ExportRequest,
    params(FormatParameters, StoreParameters),
    responses(
        (status = 200, description = "The alerts", content(
            (String = "application/x-ndjson"), (String = "text/csv"), (String = "text/plain"),
        )),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn export_of(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
    JsonBody(ExportRequest { ids }): JsonBody<ExportRequest>,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let (name, format) = parameters.format(FormatName::Json)?;
    let of = parameters.store()?;
    parameters.finish(&[&["store"][..], &FORMAT].concat(), Selects::Nothing)?;
    let ids: Vec<_> = alerts(ids)?.iter().collect();
    let body = site.queries.download_of(of, move |reader, out| {
        let mut found = false;
        for id in ids.into_iter().rev() {
            let Some(alert) = reader.get(id)? else { continue };
            found = true;
            format.write(&alert, &mut out.bytes);
            if out.flush_some() == Further::Enough {
                return Ok(());
            }
        }
        if found { Ok(()) } else { Err(none_stored()) }
    });
    Ok(in_format(body.await?, name, "alerts"))
}

/// A selection in any format, newest first
///
/// If the filter fails on some alerts, the error says on how many, and why; `partial=yes` leaves these out.
#[utoipa::path(
    get, path = "/api/v1/export", tag = "export", params(FormatParameters, LimitParameters, Selection),
    responses(
        (status = 200, description = "The alerts", content(
            (String = "application/x-ndjson"), (String = "text/csv"), (String = "text/plain"),
        )),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn export(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let Wanted { selection, limit, failing } = selected(&mut parameters)?;
    let (name, format) = parameters.format(FormatName::Json)?;
    parameters.finish(&[&LIMITS[..], &FORMAT].concat(), Selects::Alerts)?;
    let body = site.queries.download(move |reader, out: &mut Pieces| {
        let criteria = selection.criteria(|| TimeZone::UTC)?;
        // What is stored meanwhile was not checked.
        let end = reader.last()?.saturating_add(1);
        if failing == Failing::Refused && criteria.also.is_some() {
            let mut left = limit;
            reader.newest_before(end, &criteria, |_| {
                left -= 1;
                if left == 0 { Further::Enough } else { Further::On }
            })?;
            failing.check(&criteria)?;
        }
        let mut left = limit;
        reader.newest_before(end, &criteria, |stored| {
            format.write(&stored.alert, &mut out.bytes);
            left -= 1;
            if left == 0 { Further::Enough } else { out.flush_some() }
        })?;
        Ok(())
    });
    Ok(in_format(body.await?, name, "alerts"))
}

/// An alert in any format
#[utoipa::path(
    get, path = "/api/v1/alerts/{id}/export", tag = "export",
    params(
        ("id" = i64, Path, description = "The alert's id", minimum = 1),
        StoreParameters,
        FormatParameters,
    ),
    responses(
        (status = 200, description = "The alert", content(
            (String = "application/x-ndjson"), (String = "text/csv"), (String = "text/plain"),
        )),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn export_one(
    State(site): State<Shared>,
    Id(id): Id,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let (name, format) = parameters.format(FormatName::Json)?;
    let of = parameters.store()?;
    parameters.finish(&[&["store"][..], &FORMAT].concat(), Selects::Nothing)?;
    let text = site.queries.run_in(of, move |reader, _| {
        let mut text = Vec::new();
        format.write(&get(reader, id)?, &mut text);
        Ok(text)
    });
    Ok(in_format(Body::from(text.await?), name, &format!("alert-{id}")))
}

/// The parameters that say how much of a selection.
const LIMITS: [&str; 2] = ["limit", "partial"];

/// What is downloaded.
struct Wanted {
    selection: Selection,
    /// How many alerts.
    limit: usize,
    failing: Failing,
}

/// What becomes of alerts on which the filter fails. No format has room to say that some are missing, so that must have
/// been asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failing {
    Refused,
    LeftOut,
}

impl Failing {
    /// Fails if the filter failed on alerts that may not be left out.
    fn check(self, criteria: &Criteria) -> Result<(), Problem> {
        match criteria.filter_failure().filter(|_| self == Self::Refused) {
            Some(failure) => Err(Problem::filter_failed(&failure)),
            None => Ok(()),
        }
    }
}

fn selected(parameters: &mut Parameters) -> Result<Wanted, Problem> {
    let selection = parameters.selection()?;
    let limit = parameters.number("limit", 1..=i64::MAX)?;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let failing = match parameters.text("partial")?.as_deref() {
        None | Some("no" | "false") => Failing::Refused,
        Some("yes" | "true") => Failing::LeftOut,
        Some(_) => return Err(Problem::parameter("partial", "expected yes or no")),
    };
    Ok(Wanted { selection, limit, failing })
}

/// A download of alerts in a format.
fn in_format(body: Body, name: FormatName, file: &str) -> Response {
    let (kind, ending) = match name {
        FormatName::Csv => ("text/csv; charset=utf-8", "csv"),
        name if name.is_json() => ("application/x-ndjson", "json"),
        _ => ("text/plain; charset=utf-8", "txt"),
    };
    let name = name.to_string();
    let name =
        if name == ending { format!("{file}.{name}") } else { format!("{file}.{name}.{ending}") };
    download(body, kind, &name)
}

fn download(body: Body, kind: &'static str, name: &str) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    // The names have letters, digits, dots and dashes only.
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        headers.insert(CONTENT_DISPOSITION, name);
    }
    response
}
