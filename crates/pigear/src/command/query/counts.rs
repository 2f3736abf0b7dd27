//! Counts for other programs: a JSON object on each line, or CSV. Times are in UTC.

use std::fmt::Write;

use super::table::shown;
use crate::store::{Count, CountBy};
use crate::visible::visible;

/// A JSON object on each line. A value that isn't known is absent.
pub(super) fn json(counts: &[Count], by: CountBy, limit: Option<usize>) -> String {
    let object = |count: &Count| {
        let mut object = String::from("{");
        // Writing to a string can't fail.
        for (name, value) in count.fields(by) {
            let _ = write!(object, "\"{name}\":{value},");
        }
        let _ = writeln!(object, "\"alerts\":{}}}", count.alerts);
        object
    };
    shown(counts, by, limit.unwrap_or(usize::MAX)).iter().map(object).collect()
}

/// A header, and a line for each count.
pub(super) fn csv(counts: &[Count], by: CountBy, limit: Option<usize>) -> String {
    let names = by.columns();
    let line = |count: &Count| {
        let values = count.values(by).unwrap_or_else(|| vec![String::new(); names.len()]);
        let fields: String = values.iter().map(|value| quoted(value) + ",").collect();
        format!("{fields}{}\n", count.alerts)
    };
    let lines = shown(counts, by, limit.unwrap_or(usize::MAX)).iter().map(line);
    format!("{},alerts\n{}", names.join(","), lines.collect::<String>())
}

/// A field of CSV, without control characters.
fn quoted(value: &str) -> String {
    let value = visible(value.as_bytes());
    if value.contains([',', '"']) { format!("\"{}\"", value.replace('"', "\"\"")) } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(values: &[(Option<&str>, u64)]) -> Vec<Count> {
        let count = |(what, alerts): &(Option<&str>, u64)| Count {
            what: what.map(str::to_owned),
            alerts: *alerts,
        };
        values.iter().map(count).collect()
    }

    #[test]
    fn a_signature_is_three_columns() {
        let counts = counts(&[(Some("1:384 say \"hi\", 7\n"), 3), (Some("1:2 42"), 1)]);
        assert_eq!(
            csv(&counts, CountBy::Sid, None),
            "gid,sid,msg,alerts\n1,384,\"say \"\"hi\"\", 7\\x0a\",3\n1,2,42,1\n"
        );
        assert_eq!(
            json(&counts, CountBy::Sid, Some(1)),
            "{\"gid\":1,\"sid\":384,\"msg\":\"say \\\"hi\\\", 7\\n\",\"alerts\":3}\n"
        );
    }

    #[test]
    fn a_message_of_digits_is_a_text_and_an_hour_is_a_time() {
        let expected = "{\"gid\":1,\"sid\":2,\"msg\":\"42\",\"alerts\":1}\n";
        assert_eq!(json(&counts(&[(Some("1:2 42"), 1)]), CountBy::Sid, None), expected);
        let hours = counts(&[(Some("2025-06-15 18:00"), 1)]);
        assert_eq!(csv(&hours, CountBy::Hour, None), "hour,alerts\n2025-06-15T18:00:00Z,1\n");
    }

    #[test]
    fn what_is_not_known_is_absent_or_empty() {
        let counts = counts(&[(Some("80"), 3), (None, 1)]);
        assert_eq!(csv(&counts, CountBy::Port, None), "port,alerts\n80,3\n,1\n");
        let expected = "{\"port\":80,\"alerts\":3}\n{\"alerts\":1}\n";
        assert_eq!(json(&counts, CountBy::Port, None), expected);
    }
}
