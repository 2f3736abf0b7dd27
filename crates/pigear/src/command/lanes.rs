//! `pigear lanes` and `pigear redeliver`: the durable lanes, and their dead letters.

use std::fmt::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::anyhow;
use pigear_alert::plural;
use pigear_pipeline::Totals;

use super::args::{LanesArgs, LanesCommand, RedeliverArgs};
use super::failure::Failure;
use super::listen::say;
use super::output::write_out;
use super::store_path::store_path;
use crate::registry::Registry;
use crate::store::{DroppedLane, Inspection, Reader, Redelivery, Resent, drop_lane, redeliver};
use crate::visible::visible;

/// How often to look what became of dead letters that are sent again; and less often, where looking takes more than a
/// tenth of this.
const TICK: Duration = Duration::from_millis(100);

/// How long a Pigear that was just started has for beginning to deliver.
const START: Duration = Duration::from_secs(1);

pub(super) fn run(args: &LanesArgs, registry: &Registry) -> Result<(), Failure> {
    let path = store_path(&args.store, registry)?;
    match &args.command {
        None => list(&Reader::open(&path)?),
        Some(LanesCommand::Drop { name }) => match drop_lane(&path, name)? {
            None => Err(no_lane(&Reader::open(&path)?, name)?),
            Some(dropped) => {
                say_dropped(name, dropped);
                Ok(())
            }
        },
    }
}

/// Says what is gone with a lane.
fn say_dropped(name: &str, dropped: DroppedLane) {
    match dropped.waiting {
        0 => {
            say(&format!("lane {} was removed; no alerts waited for it", visible(name.as_bytes())));
        }
        1 => say("1 alert that waited for it will not be delivered; it stays in the store"),
        n => say(&format!(
            "{n} alerts that waited for it will not be delivered; they stay in the store"
        )),
    }
    match dropped.dead_letters {
        0 => {}
        1 => say("its dead letter was removed too"),
        n => say(&format!("its {n} dead letters were removed too")),
    }
}

fn list(reader: &Reader) -> Result<(), Failure> {
    let mut text = format!(
        "{:<20} {:>10} {:>12} {:>10} {:>10}  {:<20}  target\n",
        "lane", "waiting", "dead letters", "handled", "failed", "last moved"
    );
    for lane in reader.lanes()? {
        let moved = lane.moved.map_or_else(|| "never".to_owned(), |moved| moved.to_string());
        let name = visible(lane.name.as_bytes());
        let target = lane.target.as_deref().unwrap_or("-");
        let target = visible(target.as_bytes());
        let Totals { handled, failed, dropped, .. } = lane.account;
        // Writing to a string can't fail.
        let _ = writeln!(
            text,
            "{name:<20} {:>10} {:>12} {handled:>10} {failed:>10}  {moved:<20}  {target}",
            lane.lag, lane.dead_letters
        );
        if dropped > 0 {
            let alerts = plural::count(dropped, "alert");
            let _ = writeln!(text, "  {alerts} dropped or removed before it got them");
        }
        if lane.removed_letters > 0 {
            let letters = plural::count(lane.removed_letters, "dead letter");
            let _ = writeln!(text, "  {letters} removed unread");
        }
    }
    write_out(text.as_bytes())
}

/// Checks that the store has a lane of this name.
pub(super) fn check_lane(reader: &mut Reader, name: Option<&str>) -> Result<(), Failure> {
    match name {
        Some(name) if !reader.lanes()?.iter().any(|lane| lane.name == name) => {
            // A source isn't a lane, and may have dead letters.
            if reader.dead_letters(Some(name), 1)?.is_empty() {
                return Err(no_lane(reader, name)?);
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The error of a lane that is not in the store.
fn no_lane(reader: &Reader, name: &str) -> Result<Failure, Failure> {
    let lanes = reader.lanes()?;
    let names: Vec<_> = lanes.iter().map(|lane| visible(lane.name.as_bytes())).collect();
    Ok(if names.is_empty() {
        anyhow!("no lane named {name:?}; the store has no lanes").into()
    } else {
        anyhow!("no lane named {name:?}; lanes are: {}", names.join(", ")).into()
    })
}

/// Waits until it is known what became of dead letters that are sent again. Without a Pigear that could send them, or
/// after this time, some may be left. Returns also whether a Pigear runs, and their lanes from which it doesn't deliver.
fn wait_for(
    sent: &Redelivery,
    path: &Path,
    longest: Duration,
) -> Result<(Resent, bool, Vec<String>), Failure> {
    let begin = Instant::now();
    // The file that was there at the begin, also if another takes its place.
    let reader = Reader::open(path)?;
    loop {
        let looked = Instant::now();
        // Before it is looked what it has done.
        let is_running = Inspection::writer(path).is_some();
        let resent = reader.resent(sent)?;
        let unused = if is_running { unused(&reader, sent)? } else { Vec::new() };
        let nobody_sends =
            !is_running || (unused.len() == sent.lanes.len() && begin.elapsed() >= START);
        if resent.waiting == 0 || nobody_sends || begin.elapsed() >= longest {
            return Ok((resent, is_running, unused));
        }
        let rest = longest.saturating_sub(begin.elapsed());
        thread::sleep(TICK.max(10 * looked.elapsed()).min(rest));
    }
}

/// The lanes of these dead letters from which no Pigear delivers that has the store open.
fn unused(reader: &Reader, sent: &Redelivery) -> Result<Vec<String>, Failure> {
    let lanes = reader.lanes()?;
    let is_unused = |name: &String| !lanes.iter().any(|lane| lane.is_in_use && lane.name == *name);
    let names = sent.lanes.iter().map(|(name, _)| name);
    Ok(names.filter(|name| is_unused(name)).cloned().collect())
}

pub(super) fn send_again(args: &RedeliverArgs, registry: &Registry) -> Result<(), Failure> {
    let path = store_path(&args.store, registry)?;
    check_lane(&mut Reader::open(&path)?, args.lane.as_deref())?;
    let sent = redeliver(&path, args.lane.as_deref())?;
    let Redelivery { lanes, damaged: known, .. } = &sent;
    if lanes.is_empty() && *known == 0 {
        say("there are no dead letters");
        return Ok(());
    }
    say_damaged(*known);
    for (lane, letters) in lanes {
        let letters = match letters {
            1 => format!("1 dead letter of {lane} is"),
            n => format!("{n} dead letters of {lane} are"),
        };
        say(&format!("{letters} sent again by the running Pigear, or when it next starts"));
    }
    let (resent, is_running, unused) = wait_for(&sent, &path, Duration::from_secs(args.wait))?;
    let Resent { delivered, refused, damaged, waiting, removed, .. } = resent;
    say_damaged(damaged);
    let still = if waiting > 0 { format!(" ({waiting} still to be sent)") } else { String::new() };
    let removed = if removed > 0 { format!(", removed unsent {removed}") } else { String::new() };
    let left = waiting + damaged + known;
    say(&format!("delivered {delivered}, refused again {refused}, left {left}{still}{removed}"));
    if refused > 0 {
        say("`pigear query --dead-letters` shows why they were refused");
    }
    if waiting > 0 {
        for lane in &unused {
            let name = visible(lane.as_bytes());
            say(&format!(
                "the running Pigear has no durable handler named {name}: what is left is sent by one that \
                has, and removed by `pigear lanes drop {name}`"
            ));
        }
    }
    // Those that wait for the next start are marked, and without waiting no more was asked for.
    let is_marked_only = waiting > 0 && (!is_running || args.wait == 0);
    if delivered == 0 && !is_marked_only {
        return Err(anyhow!("no dead letter was delivered").into());
    }
    Ok(())
}

fn say_damaged(letters: u64) {
    match letters {
        0 => {}
        1 => say("1 dead letter is a damaged alert, and can't be sent again"),
        n => say(&format!("{n} dead letters are damaged alerts, and can't be sent again")),
    }
}
