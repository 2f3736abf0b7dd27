//! Counts as rows of a table.

use serde_json::Value;

use super::aggregation::{Count, CountBy};

impl CountBy {
    /// The names of the columns of its values: one, or for a signature three.
    #[must_use]
    pub fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Sid => &["gid", "sid", "msg"],
            _ => self.own_name(),
        }
    }
}

impl Count {
    /// The values of the columns; `None` if they aren't known.
    #[must_use]
    pub fn values(&self, by: CountBy) -> Option<Vec<String>> {
        let what = self.what.as_deref()?;
        match by {
            CountBy::Sid => {
                let (ids, msg) = what.split_once(' ').unwrap_or((what, ""));
                let (gid, sid) = ids.split_once(':')?;
                Some([gid, sid, msg].map(str::to_owned).to_vec())
            }
            CountBy::Hour => Some(vec![format!("{}:00Z", what.replace(' ', "T"))]),
            _ => Some(vec![what.to_owned()]),
        }
    }

    /// The columns with their values in JSON; none if they aren't known.
    pub fn fields(&self, by: CountBy) -> impl Iterator<Item = (&'static str, Value)> {
        let values = self.values(by).into_iter().flatten();
        by.columns().iter().copied().zip(values).map(|(name, value)| (name, json(name, value)))
    }
}

fn json(name: &str, value: String) -> Value {
    match (name, value.parse::<u32>()) {
        ("gid" | "sid" | "priority" | "port", Ok(number)) => number.into(),
        _ => value.into(),
    }
}
