//! Why nothing is found.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::contents::{Contents, Unmet};
use super::criteria::Criteria;
use super::error::StoreError;
use super::reader::Reader;

/// How many known values are listed.
const LISTED: usize = 20;

impl Reader {
    /// Why no alert meets the criteria. The time zone is found out only to say times: reading a machine's zones
    /// takes as long as a search.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn why_nothing(
        &self,
        criteria: &Criteria,
        zone: impl FnOnce() -> TimeZone,
    ) -> Result<String, StoreError> {
        if self.is_empty()? {
            return Ok("the store is empty".to_owned());
        }
        if criteria.since.is_some() || criteria.until.is_some() {
            let Some(contents) = self.contents()? else {
                return Ok("the store is empty".to_owned());
            };
            let too_late = criteria.since.is_some_and(|since| since > contents.last);
            if too_late || criteria.until.is_some_and(|until| until <= contents.first) {
                let span = span(&contents, &zone());
                return Ok(format!("nothing is stored from that time; {span}"));
            }
        }
        if let Some(unmet) = self.what_is_unmet(criteria)? {
            return Ok(unmet);
        }
        Ok(match self.contents()? {
            Some(contents) => {
                let conditions = criteria.in_words();
                format!("no alert meets {conditions}; {}", span(&contents, &zone()))
            }
            None => "the store is empty".to_owned(),
        })
    }

    /// Which values in the criteria no stored alert has.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn what_is_unmet(&self, criteria: &Criteria) -> Result<Option<String>, StoreError> {
        let unmet = self.unmet(criteria)?;
        let texts: Vec<_> = unmet.iter().map(unmet_text).collect();
        Ok(Some(texts.join("; ")).filter(|text| !text.is_empty()))
    }
}

fn span(contents: &Contents, zone: &TimeZone) -> String {
    let form = |time: Timestamp| {
        time.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M:%S%:z").to_string()
    };
    format!("stored alerts span from {} to {}", form(contents.first), form(contents.last))
}

fn unmet_text(unmet: &Unmet) -> String {
    let Unmet { criterion, value, known, .. } = unmet;
    let what = match *criterion {
        "text" => format!("no stored message contains {value:?}"),
        "class" => format!("no stored alert has the class {value:?}"),
        "sensor" => format!("no stored alert has the sensor {value:?}"),
        other => format!("no stored alert has {other} {value}"),
    };
    let listed = known.iter().take(LISTED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match known.len().saturating_sub(LISTED) {
        _ if known.is_empty() => what,
        0 => format!("{what}; there are {listed}"),
        more => format!("{what}; there are {listed}, and {more} more"),
    }
}
