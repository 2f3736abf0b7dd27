//! `pigear` without a command: listens.

use std::fmt::Write as _;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use pigear_alert::plural;
use pigear_pipeline::{Activity, LaneSnapshot, Snapshot};
use tracing::error;

use super::args::ListenArgs;
use super::failure::{Failure, Said};
use super::host::Host;
use super::privileges::Privileges;
use super::service::{Service, Watched, passed_sockets};
use super::signals::HeldBack;
use super::{environment, log, privileges, progress, seen_secrets, settings, signals};
use crate::config::{Config, SourceConfig, SourceKind};
use crate::listen::{HeldSockets, Listener, Reload, ReloadStep, Reloading};
use crate::registry::Registry;
use crate::stats_file::StatsFile;

pub(super) fn run(args: &ListenArgs, registry: &Registry, host: &dyn Host) -> Result<(), Failure> {
    let mut held_back = HeldBack::default();
    let (config, held, privileges) = log::without_thread(|| begin(args, registry, &mut held_back))?;
    let said = Said::of(&args.source, args.given.of_source(), &config);
    if let Some(result) = host.carry_out(&config) {
        return Ok(result?);
    }
    let reload = Reload::default();
    let missed = Missed::of(&config.sources);
    let ends = config.count.is_some()
        || config.sources.iter().any(|source| match source.kind {
            SourceKind::Play => true,
            SourceKind::Unified2 => source.once,
            _ => false,
        });
    let interrupt = signals::listen(host, reload.clone()).context("cannot listen to signals")?;
    let stats_file = config.stats.clone();
    // From here on, a signal removes the sockets that are bound.
    interrupt.removes(held.bound_paths());
    interrupt.set_preparing(true);
    drop(held_back);
    let made = || interrupt.set_preparing(false);
    let listener = Listener::prepare_noting(config, registry, &held, made);
    interrupt.set_preparing(false);
    let listener = listener
        .map_err(|error| settings::explained(Failure::of_start(error, &said), args, registry))?;
    seen_secrets::warn_of(args);
    let stats = listener.stats();
    let service = Service::start(Watched {
        stats: Arc::clone(&stats),
        status: Box::new(move |stats| summary(&stats.snapshot(), missed)),
    });
    let asked = service.clone();
    interrupt.stop().on_request(move || asked.stopping());
    interrupt.before_forced_exit(move || say_how_it_ended(&stats.snapshot(), stats_file, missed));
    let how_to_end = if io::stderr().is_terminal() { "; Ctrl-C ends" } else { "" };
    for (activity, name) in listener.sources() {
        match activity {
            Activity::Listening => say(&format!("listening on {name}{how_to_end}")),
            Activity::Connecting => {
                say(&format!("will listen on {name} once it is connected{how_to_end}"));
            }
            Activity::Reading => say(&format!("reading {name}{how_to_end}")),
            Activity::Completing => say(&format!("completing from {name}")),
            Activity::WaitingForLog => {
                say(&format!("completing from {name} once Snort writes it; no log is there yet"));
            }
        }
    }
    if let Some(text) = &privileges.text {
        say(text);
    }
    for path in &privileges.staying {
        say(&format!(
            "{} stays when Pigear ends, because its user may not remove it; the next start replaces it",
            path.display()
        ));
    }
    if let Some(url) = listener.metrics_url() {
        say(&format!("metrics at {url}"));
    }
    let bar = progress::show(listener.progress());
    let reloading = Reloading {
        registry,
        read: &|| {
            if let Some(mistake) = settings::first_mistake(args, registry) {
                return Err(mistake);
            }
            let config =
                settings::config(args.clone(), registry).map_err(|failure| failure.text())?;
            privileges.allow(&config, registry)?;
            Ok(config)
        },
        told: &|step| tell(&service, step),
    };
    let (counters, result) = listener.run_reloading(interrupt.stop(), &reload, &reloading);
    drop(bar);
    say(&summary(&counters, missed));
    result.map_err(|error| Failure::of_run(error, said.on_error))?;
    if ends && !interrupt.is_requested() { all_delivered(&counters) } else { Ok(()) }
}

/// What comes before the first thread: the sockets of systemd, the configuration, and giving up privileges.
fn begin(
    args: &ListenArgs,
    registry: &Registry,
    held_back: &mut HeldBack,
) -> Result<(Config, HeldSockets, Privileges), Failure> {
    environment::warn_of_misspelt(registry);
    let mut held = passed_sockets()?;
    let config = settings::config(args.clone(), registry)?;
    let said = Said::of(&args.source, args.given.of_source(), &config);
    let has_socket = config.sources.iter().any(|source| source.kind == SourceKind::Unix);
    if has_socket && config.privileges.user.is_some() {
        // The sockets are bound before signals are handled.
        held_back.begin();
    }
    let privileges = privileges::give_up(&config, registry, &mut held, &said);
    let privileges = privileges.map_err(|failure| settings::explained(failure, args, registry))?;
    Ok((config, held, privileges))
}

/// Tells the user and systemd how a reload is going.
fn tell(service: &Service, step: ReloadStep<'_>) {
    match step {
        ReloadStep::Begun => service.reloading(),
        ReloadStep::Done(what) => {
            say(&format!("read the configuration again: {what}"));
            service.reloaded(None);
        }
        ReloadStep::Refused(problem) => {
            error!("cannot reload, so the configuration stays as it was: {problem}");
            service.reloaded(Some(format!("cannot reload: {problem}")));
        }
    }
}

/// An error if handlers failed for alerts, or dropped some that were wanted: these were not delivered.
fn all_delivered(counters: &Snapshot) -> Result<(), Failure> {
    let failed = counters.handlers.iter().map(|(name, lane)| {
        let dropped = if lane.is_unwanted { 0 } else { lane.dropped };
        (name, lane.failed + dropped)
    });
    let failed: Vec<_> = failed
        .filter(|(_, alerts)| *alerts > 0)
        .map(|(name, alerts)| format!("{} of handler {name}", plural::count(alerts, "alert")))
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(anyhow!("not delivered: {}", failed.join(", ")).into())
}

/// How exact the number of missed alerts is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// Each alert is compared with Snort's log.
    Exact,
    /// From gaps in the event ids.
    Estimate,
    /// Only what a stream or topic had, and removed.
    Removed,
    /// A recording or a log has what it has.
    Unknown,
}

impl Missed {
    fn of(sources: &[SourceConfig]) -> Self {
        let live = || sources.iter().filter(|source| !source.kind.is_patient());
        match (live().count(), live().all(|source| source.complete_from.is_some())) {
            (0, _) if sources.iter().any(|source| source.kind.is_of_fleet()) => Self::Removed,
            (0, _) if !sources.is_empty() => Self::Unknown,
            (1.., true) => Self::Exact,
            _ => Self::Estimate,
        }
    }

    fn text(self, missed: u64) -> String {
        match (self, missed) {
            (Self::Unknown, _) | (Self::Removed, 0) => String::new(),
            (Self::Exact | Self::Removed, _) | (Self::Estimate, 0) => format!(", missed {missed}"),
            (Self::Estimate, _) => format!(", missed about {missed}"),
        }
    }
}

/// Writes the counters at a forced end.
fn say_how_it_ended(counters: &Snapshot, file: Option<PathBuf>, missed: Missed) {
    if let Some(mut file) = file.map(StatsFile::new)
        && let Err(error) = file.write(counters)
    {
        say(&format!("cannot write {}: {error}", file.path().display()));
    }
    say(&summary(counters, missed));
}

/// Prints a message that is neither an alert nor a warning.
pub(super) fn say(text: &str) {
    log::inform(text);
}

/// The counters, in one line.
pub(super) fn summary(counters: &Snapshot, how_missed: Missed) -> String {
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
        let mut shown = format!("; {name}: handled {handled}, dropped {dropped}, failed {failed}");
        for (what, count) in counts.into_iter().filter_map(|(what, count)| Some((what, count?))) {
            // Writing to a `String` can't fail.
            let _ = write!(shown, ", {what} {count}");
        }
        shown
    });
    let lanes: String = lanes.collect();
    format!(
        "received {received}, malformed {malformed}, refused {refused}{}{joined}{lanes}",
        how_missed.text(*missed)
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
            summary(&counters, Missed::Estimate)
        };
        let begin =
            "received 15, malformed 0, refused 0, missed 0; print: handled 1, dropped 2, failed 3";
        assert_eq!(of(lane, counters.clone()), begin);
        (lane.filtered, lane.muted, lane.waiting) = (Some(0), Some(4), 5);
        assert_eq!(of(lane, counters), format!("{begin}, filtered 0, muted 4, waiting 5"));
    }

    #[test]
    fn what_the_user_did_not_want_any_more_is_no_failure() {
        let with = |failed, dropped, is_unwanted| {
            let mut lane = LaneSnapshot::default();
            (lane.failed, lane.dropped, lane.is_unwanted) = (failed, dropped, is_unwanted);
            let mut counters = Snapshot::default();
            counters.handlers.insert("print".to_owned(), lane);
            all_delivered(&counters).is_ok()
        };
        assert_eq!([with(0, 0, false), with(0, 1, true)], [true, true]);
        assert_eq!([with(0, 1, false), with(1, 0, false), with(1, 1, true)], [false; 3]);
    }
}
