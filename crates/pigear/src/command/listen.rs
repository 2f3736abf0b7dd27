//! `pigear`: listens.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::path::PathBuf;

use anyhow::Context;
use pigear_pipeline::{LaneSnapshot, Snapshot};
use tracing::debug;

use super::args::ListenArgs;
use super::failure::Failure;
use super::host::Host;
use super::{log, progress, settings, signals};
use crate::listen::{Listener, Reload};
use crate::registry::Registry;
use crate::stats_file::StatsFile;

pub(super) fn run(args: ListenArgs, registry: &Registry, host: &dyn Host) -> Result<(), Failure> {
    let config = settings::config(args, registry)?;
    if let Some(result) = host.carry_out(&config) {
        return Ok(result?);
    }
    let reload = Reload::default();
    let interrupt = signals::listen(host, reload.clone()).context("cannot listen to signals")?;
    let stats_file = config.stats.clone();
    let listener = Listener::prepare(config, registry)?;
    let stats = listener.stats();
    interrupt.before_forced_exit(move || say_how_it_ended(&stats.snapshot(), stats_file));
    for source in listener.source_names() {
        if io::stderr().is_terminal() {
            say(&format!("listening on {source}; Ctrl-C ends"));
        }
        debug!("listening on {source}");
    }
    let bar = progress::show(listener.progress());
    let (counters, result) = listener.run(interrupt.stop(), &reload);
    drop(bar);
    if interrupt.is_requested() {
        say(&summary(&counters));
    }
    Ok(result?)
}

/// Writes the counters when the program is ended by force.
fn say_how_it_ended(counters: &Snapshot, file: Option<PathBuf>) {
    if let Some(mut file) = file.map(StatsFile::new)
        && let Err(error) = file.write(counters)
    {
        say(&format!("cannot write {}: {error}", file.path().display()));
    }
    say(&summary(counters));
}

/// Tells the user something that is neither an alert nor a warning.
pub(super) fn say(text: &str) {
    log::say(&format!("pigear: {text}"));
}

/// The counters, in one line.
pub(super) fn summary(counters: &Snapshot) -> String {
    let Snapshot { received, malformed, refused, missed, completed, incomplete, .. } = counters;
    let joined = if completed + incomplete == 0 {
        String::new()
    } else {
        format!(", completed {completed}, incomplete {incomplete}")
    };
    let lanes = counters.handlers.iter().map(|(name, lane)| {
        let LaneSnapshot { handled, dropped, failed, .. } = lane;
        let counts = [
            ("filtered", lane.filtered),
            ("muted", lane.muted),
            ("waiting", Some(lane.waiting).filter(|&waiting| waiting > 0)),
        ];
        let mut more = String::new();
        for (what, count) in counts {
            if let Some(count) = count {
                // Writing to a string can't fail.
                let _ = write!(more, ", {what} {count}");
            }
        }
        format!("; {name}: handled {handled}, dropped {dropped}, failed {failed}{more}")
    });
    let lanes: String = lanes.collect();
    format!(
        "received {received}, malformed {malformed}, refused {refused}, missed {missed}{joined}{lanes}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_of_a_handler_add_up() {
        let mut lane = LaneSnapshot::default();
        (lane.handled, lane.dropped, lane.failed) = (1, 2, 3);
        let mut counters = Snapshot::default();
        counters.received = 15;
        let of = |lane, mut counters: Snapshot| {
            counters.handlers.insert("print".to_owned(), lane);
            summary(&counters)
        };
        let begin =
            "received 15, malformed 0, refused 0, missed 0; print: handled 1, dropped 2, failed 3";
        assert_eq!(of(lane, counters.clone()), begin);
        (lane.filtered, lane.muted, lane.waiting) = (Some(0), Some(4), 5);
        assert_eq!(of(lane, counters), format!("{begin}, filtered 0, muted 4, waiting 5"));
    }
}
