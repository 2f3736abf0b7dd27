//! Counts: by a field, over time, and of values for completion.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::alerts::is_zero;
use crate::keys::Time;
use crate::store::{CountBy, Criteria, FilterFailure, Point, Reader, Selection};
use crate::web::parameters::{Parameters, Selects};
use crate::web::problem::{Problem, ProblemObject};
use crate::web::site::{JsonText, Shared};

/// How many counts and values there are by default, and at most.
const COUNTS: i64 = 25;
const VALUES: i64 = 20;
const MOST: i64 = 10_000;

/// The most intervals of a series, and about how many it has if none is given.
const MOST_POINTS: u64 = 2_000;
const POINTS: u64 = 100;

/// Intervals that people can read, in seconds.
const INTERVALS: [u64; 17] = [
    1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 604_800, 2_592_000,
    7_776_000, 31_536_000,
];

/// By what to count.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters")]
pub(in crate::web) struct CountParameters {
    /// The field.
    #[param(inline)]
    by: Field,
    /// How many counts: the largest, or of times the last; 25 by default.
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<i64>,
}

/// A field that alerts are counted by.
pub(in crate::web) struct Field;

impl PartialSchema for Field {
    fn schema() -> RefOr<Schema> {
        one_of("A field that alerts are counted by.", CountBy::all().map(CountBy::name))
    }
}

impl ToSchema for Field {}

/// A text that is one of these.
pub(super) fn one_of<T: Into<Value>>(
    description: &str,
    names: impl Iterator<Item = T>,
) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    text.enum_values(Some(names)).into()
}

/// Counts by a field.
#[derive(Serialize, ToSchema)]
#[schema(as = Counts)]
pub(in crate::web) struct CountTable {
    /// The field.
    by: &'static str,
    /// The counts: each with the value, under the name of the field (of a signature `gid`, `sid` and `msg`), and
    /// `alerts`. A value that isn't known is absent.
    #[schema(value_type = Vec<Object>)]
    counts: Vec<Map<String, Value>>,
    /// How many values are left out.
    more: usize,
    /// How many alerts there are, with those that are left out.
    total: u64,
    /// Which store it is.
    store: String,
    /// The id of the last alert that was stored before they were counted.
    last: i64,
    /// The earliest time of what was counted, if one was given: relative times are counted from the request on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// The time before which that is, if one was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// How many alerts could not be read, because they are damaged; they are not counted.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u64,
    /// True if the store is damaged: its index could not be used everywhere, so alerts were read instead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    damaged: bool,
    /// What the filter failed on, which is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_failed: Option<FilterFailure>,
}

/// Counts by a field
#[utoipa::path(
    get, path = "/api/v1/counts", tag = "counts", params(CountParameters, Selection),
    responses(
        (status = 200, description = "The counts", body = CountTable),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn counts(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let selection = parameters.selection()?;
    let by = parameters.parsed::<CountBy>("by")?;
    let limit = parameters.number("limit", 1..=MOST)?.unwrap_or(COUNTS);
    parameters.finish(&["by", "limit"], Selects::Alerts)?;
    let by = by.ok_or_else(|| Problem::parameter("by", format!("it is missing: {}", fields())))?;
    let limit = usize::try_from(limit).unwrap_or_default();
    let counts = site.answer("counts", query, move |reader| {
        let unreadable = reader.unreadable();
        let (store, last) = (reader.identity()?.to_string(), reader.last()?);
        let criteria = selection.criteria(|| TimeZone::UTC)?;
        let (since, until) = (criteria.since, criteria.until);
        let all = reader.count(&criteria, by)?;
        let more = all.len().saturating_sub(limit);
        let shown = if by.is_time() { all.get(more..) } else { all.get(..all.len() - more) };
        let object = |count: &crate::store::Count| {
            let fields = count.fields(by).map(|(name, value)| (name.to_owned(), value));
            fields.chain([("alerts".to_owned(), count.alerts.into())]).collect()
        };
        let total = all.iter().map(|count| count.alerts).sum();
        let counts = shown.unwrap_or_default().iter().map(object).collect();
        let (damaged, filter_failed) = (reader.is_index_damaged(), criteria.filter_failure());
        let by = by.name();
        Ok(CountTable {
            by,
            counts,
            more,
            total,
            store,
            last,
            since,
            until,
            unreadable: reader.unreadable() - unreadable,
            damaged,
            filter_failed,
        })
    });
    counts.await
}

fn fields() -> String {
    let names: Vec<_> = CountBy::all().map(CountBy::name).collect();
    format!("one of {}", names.join(", "))
}

/// How fine a series is.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters")]
pub(in crate::web) struct SeriesParameters {
    /// The length of an interval, such as `5m`, `1h` or `1d`, at least a second; by default one that gives about
    /// a hundred.
    #[param(example = "1h")]
    interval: Option<String>,
}

/// Counts over time.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct SeriesObject {
    /// The length of an interval, in seconds.
    interval: u64,
    /// The begin of the first interval; absent if there are no alerts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    first: Option<Timestamp>,
    /// The intervals with alerts, oldest first.
    points: Vec<PointObject>,
    /// The id of the last stored alert: those with higher ids are not counted.
    last: i64,
    /// Which store it is: ids of another one are other alerts.
    store: String,
    /// How many alerts could not be read, because they are damaged; they are not counted.
    #[serde(skip_serializing_if = "is_zero")]
    unreadable: u64,
    /// True if the store is damaged: its index could not be used everywhere, so alerts were read instead.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    damaged: bool,
    /// What the filter failed on, which is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_failed: Option<FilterFailure>,
}

/// An interval.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct PointObject {
    /// Its begin.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// How many alerts it has.
    alerts: u64,
    /// How many of each priority; of `unknown`, of those whose priority isn't known.
    priorities: BTreeMap<String, u64>,
}

/// Counts over time, by priority
#[utoipa::path(
    get, path = "/api/v1/series", tag = "counts", params(SeriesParameters, Selection),
    responses(
        (status = 200, description = "The series", body = SeriesObject),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn series(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let selection = parameters.selection()?;
    let interval = parameters.parsed::<Time>("interval")?.map(|time| time.0.as_secs());
    parameters.finish(&["interval"], Selects::Alerts)?;
    if interval == Some(0) {
        return Err(Problem::parameter("interval", "it must be at least a second"));
    }
    let series = site.answer("series", query, move |reader| {
        let unreadable = reader.unreadable();
        let (store, last) = (reader.identity()?.to_string(), reader.last()?);
        let criteria = selection.criteria(|| TimeZone::UTC)?;
        let interval = interval_for(reader, &criteria, interval)?;
        let series = reader.series(&criteria, Duration::from_secs(interval))?;
        let points: Vec<_> = series.points.into_iter().map(PointObject::from).collect();
        let first = points.first().map(|point| point.time);
        let (damaged, filter_failed) = (reader.is_index_damaged(), criteria.filter_failure());
        let unreadable = reader.unreadable() - unreadable;
        Ok(SeriesObject {
            interval,
            first,
            points,
            last,
            store,
            unreadable,
            damaged,
            filter_failed,
        })
    });
    series.await
}

/// The length of the intervals, in seconds: the given one, if it doesn't give too many.
fn interval_for(reader: &Reader, criteria: &Criteria, given: Option<u64>) -> Result<u64, Problem> {
    let Some(contents) = reader.contents()? else { return Ok(given.unwrap_or(1)) };
    let first = criteria.since.map_or(contents.first, |since| since.max(contents.first));
    let last = criteria.until.map_or(contents.last, |until| until.min(contents.last));
    let span = u64::try_from(last.duration_since(first).as_secs()).unwrap_or_default();
    match given {
        None => {
            let fits = |interval: &&u64| span / **interval <= POINTS;
            Ok(INTERVALS.iter().find(fits).copied().unwrap_or(span / POINTS))
        }
        Some(interval) if span / interval > MOST_POINTS => {
            let detail = format!("it gives more than {MOST_POINTS} intervals; give a longer one");
            Err(Problem::parameter("interval", detail))
        }
        Some(interval) => Ok(interval),
    }
}

impl From<Point> for PointObject {
    fn from(Point { time, priorities, .. }: Point) -> Self {
        let name =
            |priority: Option<u32>| priority.map_or("unknown".to_owned(), |it| it.to_string());
        Self {
            time,
            alerts: priorities.values().sum(),
            priorities: priorities.into_iter().map(|(it, alerts)| (name(it), alerts)).collect(),
        }
    }
}

/// Values of which field.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters")]
pub(in crate::web) struct ValueParameters {
    /// The field.
    #[param(inline)]
    field: ValueField,
    /// With what the values begin, in upper or lower case; a signature also has it in its message, and a class
    /// in its description.
    prefix: Option<String>,
    /// How many values, the most frequent first; 20 by default.
    #[param(minimum = 1, maximum = 10000)]
    limit: Option<i64>,
}

/// A field with values for completion.
pub(in crate::web) struct ValueField;

impl PartialSchema for ValueField {
    fn schema() -> RefOr<Schema> {
        let by = CountBy::all().filter(|by| !by.is_time());
        one_of("A field with values for completion.", by.map(CountBy::name))
    }
}

impl ToSchema for ValueField {}

/// Values of a field.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Values {
    /// The field.
    field: &'static str,
    /// The values, the most frequent first.
    values: Vec<KnownValue>,
}

/// A value that stored alerts have.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct KnownValue {
    /// The value, as a criterion has it.
    value: String,
    /// What it is called: a signature's message, or a class's description.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// How many alerts have it.
    alerts: u64,
}

/// Values of a field, for completion
#[utoipa::path(
    get, path = "/api/v1/values", tag = "counts", params(ValueParameters, Selection),
    responses(
        (status = 200, description = "The values", body = Values),
        (status = "default", description = "An error", body = ProblemObject, content_type = "application/problem+json"),
    )
)]
pub(in crate::web) async fn values(
    State(site): State<Shared>,
    RawQuery(query): RawQuery,
) -> Result<JsonText, Problem> {
    let mut parameters = Parameters::of(query.as_deref());
    let selection = parameters.selection()?;
    let by = parameters.parsed::<CountBy>("field")?;
    let prefix = parameters.text("prefix")?.unwrap_or_default().to_lowercase();
    let limit = parameters.number("limit", 1..=MOST)?.unwrap_or(VALUES);
    parameters.finish(&["field", "prefix", "limit"], Selects::Alerts)?;
    let by = by.filter(|by| !by.is_time()).ok_or_else(|| {
        Problem::parameter("field", format!("expected {}, but not hour or day", fields()))
    })?;
    let values = site.answer("values", query, move |reader| {
        let counts = reader.count(&selection.criteria(|| TimeZone::UTC)?, by)?;
        let mut descriptions = match by {
            CountBy::Class => reader.class_descriptions()?,
            _ => BTreeMap::new(),
        };
        let values = counts.iter().filter_map(|count| {
            let mut values = count.values(by)?;
            let (value, label) = if by == CountBy::Sid {
                let label = values.pop();
                (values.join(":"), label)
            } else {
                let value = values.pop()?;
                let label = descriptions.remove(&value);
                (value, label)
            };
            Some(KnownValue { value, label, alerts: count.alerts })
        });
        let fits = |value: &KnownValue| {
            let label = value.label.as_deref().unwrap_or_default().to_lowercase();
            let text = value.value.to_lowercase();
            let sid = text.split_once(':').map_or("", |(_, sid)| sid);
            text.starts_with(&prefix)
                || by == CountBy::Sid && sid.starts_with(&prefix)
                || !label.is_empty() && label.contains(&prefix)
        };
        let limit = usize::try_from(limit).unwrap_or_default();
        Ok(Values { field: by.name(), values: values.filter(fits).take(limit).collect() })
    });
    values.await
}
