//! `pigear demo`: a first demonstration.

#[cfg(feature = "web")]
mod page;
mod recorded;

use std::path::Path;
use std::thread;

use anyhow::{Context, anyhow};
use pigear_pipeline::OnError;

use super::args::DemoArgs;
use super::failure::Failure;
use super::host::Host;
use super::listen::{Missed, say, summary};
use super::signals;
use crate::config::{Config, SourceConfig};
use crate::listen::{Listener, Reload};
use crate::names::NameFiles;
use crate::player::{PlayError, PlaySettings, play};
use crate::registry::Registry;
use recorded::unpack;

const NEXT: &str = "\
this was a recording. For your own alerts, start Pigear and then Snort:
  sudo pigear --logdir /var/log/snort
  Snort 2.9: snort -A unsock -c /etc/snort/snort.conf -l /var/log/snort -i eth0
  Snort 3:   snort -A alert_unixsock -c /etc/snort/snort.lua -l /var/log/snort -i eth0
             most alerts about HTTP, SMB and others then lack addresses: see --complete-from";

/// How to see the same on a page.
#[cfg(feature = "web")]
const PAGE: &str = "the same on a page:
  pigear demo --web                                  these alerts, spread over a day
  sudo pigear --store alerts.db --data-handler web   your own";

pub(super) fn run(args: &DemoArgs, registry: &Registry, host: &dyn Host) -> Result<(), Failure> {
    #[cfg(feature = "web")]
    if args.web {
        return page::run(args, host);
    }
    let dir = tempfile::tempdir().context("cannot make a temporary directory")?;
    let recording = unpack(dir.path()).context("cannot write to the temporary directory")?;
    let reload = Reload::default();
    let interrupt = signals::listen(host, reload.clone()).context("cannot listen to signals")?;
    let listener = Listener::prepare(config(dir.path()), registry)?;
    say("alerts that a real Snort sent, played through a real socket; Ctrl-C ends");

    let sockets = [dir.path().join("snort_alert")];
    let settings = PlaySettings { rate: args.rate, ..PlaySettings::default() };
    let ends = interrupt.stop().clone();
    let player = thread::Builder::new().name("player".to_owned()).spawn(move || {
        let report = play(&recording, &sockets, settings, &ends);
        ends.request();
        report
    });
    let player = player.context("cannot start a thread")?;
    let (counters, result) = listener.run(interrupt.stop(), &reload);
    // The recording is a selection: its event ids have gaps, though nothing was missed.
    say(&summary(&counters, Missed::Unknown));
    result.map_err(|error| Failure::of_run(error, OnError::Stop))?;
    let played: Result<_, PlayError> =
        player.join().map_err(|_| anyhow!("the player thread panicked"))?;
    played.map_err(anyhow::Error::from)?;
    say(NEXT);
    #[cfg(feature = "web")]
    say(PAGE);
    Ok(())
}

fn config(dir: &Path) -> Config {
    let source = SourceConfig { logdir: Some(dir.to_owned()), ..SourceConfig::default() };
    let names = NameFiles::default().or_in(dir);
    Config { sources: vec![source], names, ..Config::default() }
}
