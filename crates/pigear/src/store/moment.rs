//! Times as people write them.

use jiff::civil::{Date, DateTime, Time};
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ZonedDateTime};

/// A time: `now`, `today`, `yesterday`, an age (`90m`, `2d`, `1month`), a date, a date with a time
/// (`2026-11-18 16:27`, `yesterday 16:27`), or a time of today. Times without an offset are in this time
/// zone.
///
/// # Errors
/// If the text is none of these.
pub fn moment(text: &str, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    moment_at(text, &Timestamp::now().to_zoned_datetime(zone.clone())).ok_or_else(|| {
        if let Some(problem) = beyond(text) {
            return problem;
        }
        "expected today, yesterday, how long ago (90m, 1h, 2d, 1month), a date, or a time such as \
         \"2026-11-18 16:27\" or 2026-11-18T16:27:50Z"
            .to_owned()
    })
}

/// What is wrong with a date that is well formed.
fn beyond(text: &str) -> Option<String> {
    let date = Pieces::parse(text).ok()?.date();
    let limit = |time: Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    match date.year() {
        9999 => Some(format!("the latest possible time is {}", limit(Timestamp::MAX))),
        -9999 => Some(format!("the earliest possible time is {}", limit(Timestamp::MIN))),
        _ => None,
    }
}

fn moment_at(text: &str, now: &ZonedDateTime) -> Option<Timestamp> {
    if text == "now" {
        return Some(now.timestamp());
    }
    // Before a civil time, which may have an offset that is ignored.
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    match civil(text, now) {
        Some(civil) => Some(civil.to_zoned_datetime(now.time_zone().clone()).ok()?.timestamp()),
        None => before(text, now),
    }
}

/// A time in the time zone.
fn civil(text: &str, now: &ZonedDateTime) -> Option<DateTime> {
    if let Some(day) = named_day(text, now) {
        return Some(day.to_datetime(Time::midnight()));
    }
    if let Some((day, time)) = text.split_once(' ')
        && let Some(day) = named_day(day, now)
    {
        return Some(day.to_datetime(time_of_day(time)?));
    }
    text.parse().ok().or_else(|| Some(now.date().to_datetime(time_of_day(text)?)))
}

fn named_day(text: &str, now: &ZonedDateTime) -> Option<Date> {
    match text {
        "today" => Some(now.date()),
        "yesterday" => now.date().yesterday().ok(),
        _ => None,
    }
}

/// `16:27` or `16:27:50`.
fn time_of_day(text: &str) -> Option<Time> {
    let digits = |byte: u8| byte.is_ascii_digit() || matches!(byte, b':' | b'.');
    (text.contains(':') && text.bytes().all(digits)).then(|| text.parse().ok())?
}

/// `90m`, `1h30m`, `2d`, `1w`, `1month`, `2 days ago`.
fn before(text: &str, now: &ZonedDateTime) -> Option<Timestamp> {
    let text = text.strip_suffix(" ago").unwrap_or(text);
    let span: Span = text.parse().ok()?;
    let then = now.checked_sub(span).ok()?;
    (then <= *now).then(|| then.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 16:27:50 on a Wednesday in November, two hours east of Greenwich.
    fn at(text: &str) -> Option<String> {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let now = "2026-11-18T14:27:50Z".parse::<Timestamp>().unwrap().to_zoned_datetime(zone);
        moment_at(text, &now).map(|time| time.to_string())
    }

    #[track_caller]
    fn is(text: &str, expected: &str) {
        assert_eq!(at(text).as_deref(), Some(expected), "{text}");
    }

    #[test]
    fn a_day_begins_at_midnight_of_the_time_zone() {
        is("today", "2026-11-17T22:00:00Z");
        is("yesterday", "2026-11-16T22:00:00Z");
        is("2025-06-15", "2025-06-14T22:00:00Z");
        is("now", "2026-11-18T14:27:50Z");
    }

    #[test]
    fn a_time_is_of_the_time_zone_unless_it_has_an_offset() {
        is("2025-06-15 16:00", "2025-06-15T14:00:00Z");
        is("2025-06-15T16:00:01", "2025-06-15T14:00:01Z");
        is("16:00", "2026-11-18T14:00:00Z");
        is("yesterday 16:00:30", "2026-11-17T14:00:30Z");
        is("2025-06-15T16:00:00Z", "2025-06-15T16:00:00Z");
        is("2025-06-15 16:00+01:00", "2025-06-15T15:00:00Z");
    }

    #[test]
    fn an_age_counts_back_from_now() {
        is("2h", "2026-11-18T12:27:50Z");
        is("1h30m", "2026-11-18T12:57:50Z");
        is("90m", "2026-11-18T12:57:50Z");
        is("2d", "2026-11-16T14:27:50Z");
        is("1w", "2026-11-11T14:27:50Z");
        is("1month", "2026-10-18T14:27:50Z");
        is("1year", "2025-11-18T14:27:50Z");
        is("2 days ago", "2026-11-16T14:27:50Z");
    }

    #[test]
    fn the_limits_of_time_are_said() {
        let refused = |text| moment(text, &TimeZone::UTC).unwrap_err();
        for text in ["9999-12-31", "9999-12-31T23:59:59Z", "9999-12-31 12:00"] {
            assert_eq!(refused(text), "the latest possible time is 9999-12-30T22:00:00Z", "{text}");
        }
        assert!(moment("9999-12-30T22:00:00Z", &TimeZone::UTC).is_ok());
        assert!(refused("-009999-01-01").starts_with("the earliest possible time is"));
        assert!(refused("9999-13-31").starts_with("expected today"));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["", "d", "2", "-1h", "x", "today x", "yesterday 25:00", "2025-13-01", "1h ago ago"]
        {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
