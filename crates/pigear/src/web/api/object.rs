//! An alert as JSON: the object of `format=json`, with the alert's id before it.

use std::borrow::Cow;

use pigear_alert::format::{Format, Json};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::store::Stored;
use crate::web::problem::Problem;

/// An alert: the object of `format=json`, with the alert's id in the store before it.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(in crate::web) struct AlertObject(Box<RawValue>);

impl AlertObject {
    pub(in crate::web) fn new(stored: &Stored, format: &dyn Format) -> Result<Self, Problem> {
        let raw = RawValue::from_string(with_id(stored, format));
        // The format writes valid JSON.
        raw.map(Self).map_err(|_| Problem::internal())
    }

    /// The same as text, on one line.
    pub(in crate::web) fn text(stored: &Stored) -> String {
        with_id(stored, &Json::default())
    }

    /// The same, with what this format has.
    pub(in crate::web) fn text_in(stored: &Stored, format: &Json) -> String {
        with_id(stored, format)
    }
}

fn with_id(stored: &Stored, format: &dyn Format) -> String {
    let mut bytes = format!("{{\"id\":{},", stored.id).into_bytes();
    let before = bytes.len();
    format.write(&stored.alert, &mut bytes);
    // The object's own brace.
    bytes.remove(before);
    let mut text = String::from_utf8(bytes).unwrap_or_default();
    text.truncate(text.trim_end().len());
    text
}

impl PartialSchema for AlertObject {
    /// Only that it is an object; the description has the whole, see `openapi`.
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(SchemaType::Type(Type::Object)).into()
    }
}

impl ToSchema for AlertObject {
    fn name() -> Cow<'static, str> {
        "Alert".into()
    }
}
