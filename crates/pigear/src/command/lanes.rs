//! `pigear lanes` and `pigear redeliver`: the durable lanes, and their dead letters.

use std::fmt::Write;

use anyhow::anyhow;

use super::args::{LanesArgs, LanesCommand, RedeliverArgs};
use super::failure::Failure;
use super::listen::say;
use super::output::write_out;
use super::query;
use crate::store::{Reader, Redelivery, drop_lane, redeliver};
use crate::visible::visible;

pub(super) fn run(args: &LanesArgs) -> Result<(), Failure> {
    let path = query::path(&args.store)?;
    match &args.command {
        None => list(&Reader::open(&path)?),
        Some(LanesCommand::Drop { name }) => match drop_lane(&path, name)? {
            None => Err(anyhow!("there is no lane {name:?} in {}", path.display()).into()),
            Some(0) => Ok(()),
            Some(letters) => {
                say(&format!("its {letters} dead letters were removed too"));
                Ok(())
            }
        },
    }
}

fn list(reader: &Reader) -> Result<(), Failure> {
    let mut text = format!("{:<20} {:>10} {:>12}  last moved\n", "lane", "waiting", "dead letters");
    for lane in reader.lanes()? {
        let moved = lane.moved.map_or_else(|| "never".to_owned(), |moved| moved.to_string());
        let name = visible(lane.name.as_bytes());
        // Writing to a string can't fail.
        let _ = writeln!(text, "{name:<20} {:>10} {:>12}  {moved}", lane.lag, lane.dead_letters);
        if lane.removed_letters > 0 {
            let _ =
                writeln!(text, "  and {} dead letters were removed unread", lane.removed_letters);
        }
    }
    write_out(text.as_bytes())
}

pub(super) fn send_again(args: &RedeliverArgs) -> Result<(), Failure> {
    let path = query::path(&args.store)?;
    let Redelivery { lanes, damaged, .. } = redeliver(&path, args.lane.as_deref())?;
    if lanes.is_empty() && damaged == 0 {
        say("there are no dead letters");
    }
    if damaged > 0 {
        say(&format!("{damaged} dead letters are damaged alerts, and can't be sent again"));
    }
    for (lane, letters) in lanes {
        say(&format!(
            "{letters} dead letters of {lane} are sent again by the running Pigear, or when it next starts"
        ));
    }
    Ok(())
}
