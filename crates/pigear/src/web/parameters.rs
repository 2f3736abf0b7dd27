//! The parameters of a request.

use std::ops::RangeInclusive;
use std::str::FromStr;

use form_urlencoded::parse;
use jiff::tz::TimeZone;
use pigear_alert::format::{Colour, Format, FormatName, FormatOptions};
use serde::Deserialize;

use utoipa::IntoParams;

use super::problem::Problem;
use crate::keys::{FormatKeys, Keys, number};
use crate::similar::is_near;
use crate::store::{Selection, StoreIdentity};

/// The keys about formats, which are parameters too.
pub(super) const FORMAT: [&str; 5] = ["format", "fields", "packet", "payload", "max_bytes"];

/// The parameters of a request that are not used yet.
pub(super) struct Parameters(Vec<(String, String)>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Formatted {
    #[serde(default)]
    format: FormatKeys,
}

impl Parameters {
    pub(super) fn of(query: Option<&str>) -> Self {
        let pairs = parse(query.unwrap_or_default().as_bytes());
        Self(pairs.into_owned().collect())
    }

    /// Which alerts, as with `pigear query`.
    pub(super) fn selection(&mut self) -> Result<Selection, Problem> {
        let mut selection = Selection::default();
        let mut others = Vec::new();
        for (name, text) in std::mem::take(&mut self.0) {
            match selection.set(&name, &text) {
                Ok(true) => {}
                Ok(false) => others.push((name, text)),
                Err(problem) => return Err(Problem::criterion(&name, &text, &problem)),
            }
        }
        self.0 = others;
        Ok(selection)
    }

    /// A text, which may be given once.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let (mut found, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|(known, _)| known == name);
        self.0 = others;
        if found.len() > 1 {
            return Err(Problem::parameter(name, "it is given twice"));
        }
        Ok(found.pop().map(|(_, text)| text))
    }

    /// Anything else that is parsed.
    pub(super) fn parsed<T: FromStr<Err: ToString>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, Problem> {
        let parse = |text: String| {
            text.parse().map_err(|error: T::Err| Problem::parameter(name, error.to_string()))
        };
        self.text(name)?.map(parse).transpose()
    }

    /// A number within a range.
    pub(super) fn number(
        &mut self,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Option<i64>, Problem> {
        let within = |text: String| {
            let (least, most) = (range.start(), range.end());
            let wrong = || format!("expected a whole number from {least} to {most}");
            let number = number::<i64>(&text).ok().filter(|number| range.contains(number));
            number.ok_or_else(|| Problem::parameter(name, wrong()))
        };
        self.text(name)?.map(within).transpose()
    }

    /// The store that the request is about, if it says so.
    pub(super) fn store(&mut self) -> Result<Option<StoreIdentity>, Problem> {
        self.parsed("store")
    }

    /// The same for a request that has no other parameters.
    pub(super) fn store_only(query: Option<&str>) -> Result<Option<StoreIdentity>, Problem> {
        let mut parameters = Self::of(query);
        let store = parameters.store()?;
        parameters.finish(&["store"], Selects::Nothing)?;
        Ok(store)
    }

    /// A format with its options, or this one. Times are in UTC.
    pub(super) fn format(
        &mut self,
        usual: FormatName,
    ) -> Result<(FormatName, Box<dyn Format>), Problem> {
        let mut keys = Keys::default();
        for name in FORMAT {
            if let Some(text) = self.text(name)? {
                keys.set(name, &text);
            }
        }
        let wrong = |problem: String| {
            let named = FORMAT.into_iter().find(|name| problem.starts_with(name));
            Problem::parameter(named.unwrap_or("format"), problem)
        };
        let read = keys.options_with_format::<Formatted>();
        let Formatted { format } = read.map_err(|error| wrong(error.to_string()))?;
        let name = format.format.unwrap_or(usual);
        let options = FormatOptions {
            colour: Colour::Never,
            fields: format.fields.clone(),
            contents: format.contents(),
            zone: TimeZone::UTC,
        };
        let built = name.with(&options).map_err(|error| wrong(error.to_string()))?;
        Ok((name, built))
    }

    /// Checks that nothing is left. `known` are the names of other parameters than criteria.
    pub(super) fn finish(self, known: &[&str], selects: Selects) -> Result<(), Problem> {
        let Some((name, _)) = self.0.into_iter().next() else { return Ok(()) };
        let criteria = if selects == Selects::Alerts { &Selection::NAMES[..] } else { &[] };
        let known: Vec<_> = criteria.iter().chain(known).copied().collect();
        let similar = known.iter().find(|known| is_near(&name, known));
        let hint = match similar {
            Some(similar) => format!("did you mean {similar}?"),
            None if known.is_empty() => "there are no parameters".to_owned(),
            None => format!("known are {}", known.join(", ")),
        };
        Err(Problem::parameter(&name, format!("unknown parameter {name:?}")).hint(hint))
    }
}

/// Which store a request is about.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters")]
pub(super) struct StoreParameters {
    /// The store that the number is of: a page's `store`. If another store is there now, this is an error.
    #[param(pattern = "^[0-9a-f]{16}$")]
    store: Option<String>,
}

/// Whether criteria are parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selects {
    Alerts,
    Nothing,
}
