//! `pigear query`: shows what is in the store.

mod counts;
mod letters;
mod lines;
mod packet;
mod save;
mod table;

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::anyhow;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pigear_alert::format::FormatName;
use pigear_alert::plural;
use tracing::warn;

use self::lines::{Lines, Output, shown_zone};
use super::args::{CountFormat, QueryArgs};
use super::failure::Failure;
use super::lanes;
use super::listen::say;
use super::output::write_out;
use super::store_path::store_path;
use crate::registry::Registry;
use crate::rules::Rules;
use crate::store::{
    CountBy, Criteria, FilterFailure, Further, LetterContent, Reader, StoreError, Stored,
};
use crate::visible::visible;

/// How many alerts are shown by default.
const LIMIT: usize = 100;

/// How many counts are shown by default.
const COUNTS: usize = 25;

/// How often to check for new alerts.
const TICK: Duration = Duration::from_millis(100);

/// How long after the end of a span an alert of it may still be stored.
const LATE: Duration = Duration::from_secs(2);

pub(super) fn run(args: &QueryArgs, registry: &Registry) -> Result<(), Failure> {
    let path = store_path(&args.store, registry)?;
    let mut reader = Reader::open(&path)?;
    let limit = args.limit.unwrap_or(LIMIT);
    if args.dead_letters {
        lanes::check_lane(&mut reader, args.lane.as_deref())?;
    }
    let criteria = args.criteria()?;
    let found = if args.dead_letters {
        dead_letters(&mut reader, &criteria, args, limit)
    } else {
        find(&path, reader, &criteria, args, limit)
    };
    // Of the first, it was said.
    if let Some(FilterFailure { alerts: alerts @ 2.., .. }) = criteria.filter_failure() {
        warn!("the filter failed on {alerts} alerts, which are left out");
    }
    found
}

/// Shows what meets the criteria.
fn find(
    path: &Path,
    mut reader: Reader,
    criteria: &Criteria,
    args: &QueryArgs,
    limit: usize,
) -> Result<(), Failure> {
    if let Some(by) = args.count_by {
        return count(&mut reader, criteria, by, args);
    }
    if let Some(file) = &args.pcap {
        let ids = ids(&mut reader, criteria, args, file)?;
        let written = save::save(&mut reader, &ids, file);
        say_unreadable(&reader);
        say(&written?);
        return Ok(());
    }
    if let Some(id) = args.packet {
        return show_packet(&mut reader, id, args);
    }
    if !args.id.is_empty() {
        return show_ids(&mut reader, args);
    }
    if args.follow {
        return follow(path, reader, criteria, args, limit);
    }
    show(&mut reader, criteria, args, limit)?;
    say_unreadable(&reader);
    Ok(())
}

/// Shows an alert with its packet and, with `--rules`, its rule.
fn show_packet(reader: &mut Reader, id: i64, args: &QueryArgs) -> Result<(), Failure> {
    // What another program reads has nothing behind it.
    let is_for_people = match args.format()? {
        None | Some(FormatName::Fast | FormatName::Full) => true,
        Some(_) => false,
    };
    if !is_for_people && !args.rules.is_empty() {
        let problem = "--rules: rules are shown with the formats fast and full only";
        return Err(Failure::usage(anyhow!(problem)));
    }
    let alert = get(reader, id)?.alert;
    let mut line = Vec::new();
    Lines::new(args)?.write_alert(&alert, &mut line);
    if !is_for_people {
        return write_out(&line);
    }
    // The format `full` has it already.
    let is_full = matches!(args.format()?, Some(FormatName::Full));
    let said = alert.triage.as_deref().filter(|_| !is_full);
    let mut text = packet::text(&alert, &line, said);
    if !args.rules.is_empty() {
        let rules = Rules::open(&args.rules).map_err(anyhow::Error::from)?;
        text += &packet::rule(&alert, &rules.current());
    }
    write_out(text.as_bytes())
}

/// The alert of a number, which must be in the store.
fn get(reader: &mut Reader, id: i64) -> Result<Stored, Failure> {
    let unreadable = reader.unreadable();
    if let Some(alert) = reader.get(id)? {
        return Ok(Stored { id, alert });
    }
    if reader.unreadable() > unreadable {
        return Err(anyhow!("alert {id} could not be read: its record is damaged").into());
    }
    let there_are = match reader.contents()? {
        Some(contents) => {
            format!("its alerts have the numbers {} to {}", contents.ids.0, contents.ids.1)
        }
        None => "it is empty".to_owned(),
    };
    Err(anyhow!("there is no alert {id} in the store; {there_are}").into())
}

fn show_ids(reader: &mut Reader, args: &QueryArgs) -> Result<(), Failure> {
    let (lines, mut output) = (Lines::new(args)?, Output::default());
    for &id in &args.id {
        let stored = get(reader, id);
        match stored {
            Ok(stored) => lines.write(&stored, &mut output.bytes),
            Err(failure) => {
                output.finish()?;
                return Err(failure);
            }
        }
        if !output.flush_some() {
            break;
        }
    }
    output.finish()
}

fn count(
    reader: &mut Reader,
    criteria: &Criteria,
    by: CountBy,
    args: &QueryArgs,
) -> Result<(), Failure> {
    let format = args.count_format()?;
    let zone = shown_zone(args).filter(|_| format.is_none());
    let counts = reader.count_in(criteria, by, zone.clone().unwrap_or(TimeZone::UTC))?;
    say_unreadable(reader);
    if counts.is_empty() {
        say_why_nothing(reader, criteria, args)?;
    }
    write_out(
        match format {
            None if counts.is_empty() => String::new(),
            None => table::text(&counts, by, args.limit.unwrap_or(COUNTS), zone.as_ref()),
            Some(CountFormat::Json) => counts::json(&counts, by, args.limit),
            Some(CountFormat::Csv) => counts::csv(&counts, by, args.limit),
        }
        .as_bytes(),
    )?;
    if !counts.is_empty() {
        say_unmet(reader, criteria);
    }
    Ok(())
}

/// The alerts whose packets are written, oldest first.
fn ids(
    reader: &mut Reader,
    criteria: &Criteria,
    args: &QueryArgs,
    file: &Path,
) -> Result<Vec<i64>, Failure> {
    let named: Vec<_> = args.id.iter().copied().chain(args.packet).collect();
    if !named.is_empty() {
        for &id in &named {
            get(reader, id)?;
        }
        return Ok(named);
    }
    let mut ids = Vec::new();
    reader.newest(criteria, |stored| {
        ids.push(stored.id);
        let enough = args.limit.is_some_and(|limit| ids.len() >= limit);
        if enough { Further::Enough } else { Further::On }
    })?;
    if ids.is_empty() {
        say_unreadable(reader);
        let reason = reader.why_nothing(criteria, || args.zone())?;
        return Err(anyhow!("nothing is written to {}: {reason}", file.display()).into());
    }
    say_unmet(reader, criteria);
    ids.reverse();
    Ok(ids)
}

/// Reports how many alerts could not be read.
fn say_unreadable(reader: &Reader) {
    match reader.unreadable() {
        0 => {}
        1 => say("1 alert could not be read: its record is damaged"),
        n => say(&format!("{n} alerts could not be read: their records are damaged")),
    }
    if reader.is_index_damaged() {
        say(
            "the store is damaged: the index could not be used everywhere, so alerts were read instead",
        );
    }
}

/// Tells why no alert is found.
fn say_why_nothing(reader: &Reader, criteria: &Criteria, args: &QueryArgs) -> Result<(), Failure> {
    // What could not be read was reported.
    if reader.unreadable() == 0 {
        say(&format!("no alerts found: {}", reader.why_nothing(criteria, || args.zone())?));
    }
    Ok(())
}

/// Tells of several values that are wanted those that no alert has. A damaged store may not say.
fn say_unmet(reader: &Reader, criteria: &Criteria) {
    if reader.unreadable() == 0
        && let Ok(Some(unmet)) = reader.what_is_unmet(criteria)
    {
        say(&unmet);
    }
}

fn show(
    reader: &mut Reader,
    criteria: &Criteria,
    args: &QueryArgs,
    limit: usize,
) -> Result<(), Failure> {
    let (lines, mut shown) = (Lines::new(args)?, 0);
    let (mut output, mut is_cut) = (Output::default(), false);
    // Who gives no limit is told that there are more.
    let enough = limit + usize::from(args.limit.is_none());
    reader.newest(criteria, |stored| {
        if shown == limit {
            is_cut = limit < enough;
            return Further::Enough;
        }
        shown += 1;
        lines.write(&stored, &mut output.bytes);
        if output.flush_some() && shown < enough { Further::On } else { Further::Enough }
    })?;
    output.finish()?;
    if shown == 0 && limit > 0 {
        return say_why_nothing(reader, criteria, args);
    }
    say_unmet(reader, criteria);
    if is_cut {
        say(&format!(
            "these are the newest {limit}, and there are more: --limit N shows N of them"
        ));
    }
    Ok(())
}

/// Shows the newest alerts, oldest first, and then each new one, until none that is wanted can come.
fn follow(
    path: &Path,
    mut reader: Reader,
    criteria: &Criteria,
    args: &QueryArgs,
    limit: usize,
) -> Result<(), Failure> {
    let (lines, mut newest) = (Lines::new(args)?, Vec::new());
    let mut last = reader.last()?;
    reader.newest(criteria, |stored| {
        if stored.id <= last && newest.len() < limit {
            newest.push(stored);
        }
        if newest.len() < limit { Further::On } else { Further::Enough }
    })?;
    let mut output = Output::default();
    let mut is_empty = newest.is_empty();
    newest.iter().rev().for_each(|stored| lines.write(stored, &mut output.bytes));
    drop(newest);
    loop {
        // Before the store is read a last time.
        let is_over = criteria.until.is_some_and(|until| until <= Timestamp::now() - LATE);
        if !output.flush() {
            return output.finish();
        }
        if !is_over {
            thread::sleep(TICK);
        }
        if reader.has_lost_journal()
            && !reader.is_stale()
            && let Ok(again) = Reader::open(path)
        {
            reader = again;
        }
        // Before the old store is read a last time.
        let next = successor(&reader, path);
        last = reader.after(last, criteria, |stored| {
            is_empty = false;
            lines.write(&stored, &mut output.bytes);
            if output.flush_some() { Further::On } else { Further::Enough }
        })?;
        if let Some(next) = next {
            // A copy of it has the same alerts, and perhaps fewer.
            let newest = next.last()?;
            if next.identity()? == reader.identity()? {
                last = last.min(newest);
            } else {
                say("the store was replaced; following the new one");
                last = 0;
            }
            reader = next;
        } else if is_over {
            output.finish()?;
            say_unreadable(&reader);
            if is_empty && limit > 0 {
                say_why_nothing(&reader, criteria, args)?;
            }
            return Ok(());
        }
    }
}

/// The store that is now where another one was, once it can be read.
fn successor(reader: &Reader, path: &Path) -> Option<Reader> {
    if reader.is_stale() { Reader::open(path).ok() } else { None }
}

fn dead_letters(
    reader: &mut Reader,
    criteria: &Criteria,
    args: &QueryArgs,
    limit: usize,
) -> Result<(), Failure> {
    let (lines, mut found) = (Lines::new(args)?, false);
    let (mut output, lane) = (Output::default(), args.lane.as_deref());
    let (mut letters, mut left_out) =
        reader.selected_letters(lane, criteria, limit.saturating_add(1))?;
    let is_cut = letters.len() > limit;
    letters.truncate(limit);
    for letter in letters {
        found = true;
        if let Some(format) = args.format()? {
            let Some(alert) = letter.alert() else {
                left_out += 1;
                continue;
            };
            lines.write_alert(alert, &mut output.bytes);
            if format == FormatName::Json {
                letters::add_keys(&letter, &mut output.bytes);
            }
            continue;
        }
        let again = if letter.again { ", to be sent again" } else { "" };
        let reason: Vec<_> = letter.reason.lines().map(|line| visible(line.as_bytes())).collect();
        let reason = reason.join("\n");
        let lane = visible(letter.lane.as_bytes());
        let count = match letter.count {
            1 => String::new(),
            n => format!(", about {}", plural::count(n, "alert")),
        };
        let head = format!("{} {lane}{again}{count}: {reason}\n", letter.refused);
        output.bytes.extend_from_slice(head.as_bytes());
        let id = letter.alert_id;
        match letter.content {
            LetterContent::Alert(alert) => lines.write(&Stored { id, alert }, &mut output.bytes),
            LetterContent::Damaged(bytes) => {
                let text = format!("{id:>6}  damaged, as base64: {}\n", BASE64.encode(&bytes));
                output.bytes.extend_from_slice(text.as_bytes());
            }
        }
    }
    output.finish()?;
    if !found && limit > 0 {
        say_no_letters(reader, criteria, args)?;
    } else if is_cut && args.limit.is_none() {
        say(&format!("these are {limit}, and there are more: --limit N shows N of them"));
    }
    match left_out {
        0 => {}
        1 => say("1 dead letter was left out: its alert is damaged"),
        n => say(&format!("{n} dead letters were left out: their alerts are damaged")),
    }
    Ok(())
}

/// Says that there are no dead letters, or none of those alerts. That the lane exists was checked before.
fn say_no_letters(
    reader: &mut Reader,
    criteria: &Criteria,
    args: &QueryArgs,
) -> Result<(), Failure> {
    let has_others = !reader.dead_letters(args.lane.as_deref(), 1)?.is_empty();
    let of_lane = args.lane.as_ref().map(|lane| format!(" of {lane}")).unwrap_or_default();
    say(&match (&args.lane, has_others) {
        // A class that no stored alert has, for example. A damaged store may not say.
        (_, true) => match reader.what_is_unmet(criteria) {
            Ok(Some(unmet)) => format!("no dead letters found: {unmet}"),
            _ => format!("no dead letter{of_lane} meets {}", criteria.in_words()),
        },
        (Some(lane), false) => format!("{lane} has no dead letters"),
        (None, false) => "there are no dead letters".to_owned(),
    });
    Ok(())
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = error.source.hint_at(&error.path);
        let failure: Self = anyhow!(error.source)
            .context(format!("cannot use the store {}", error.path.display()))
            .into();
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
