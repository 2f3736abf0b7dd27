//! `pigear play`: sends a recording.

use anyhow::{Context, anyhow};

use super::args::PlayArgs;
use super::failure::Failure;
use super::host::Host;
use super::output::write_out;
use super::signals;
use crate::listen::Reload;
use crate::player::{PlayReport, PlaySettings, play};

pub(super) fn run(args: &PlayArgs, host: &dyn Host) -> Result<(), Failure> {
    let in_log_directory = [args.logdir.join("snort_alert")];
    let targets = if args.sockets.is_empty() { &in_log_directory } else { args.sockets.as_slice() };
    let settings = PlaySettings { rate: args.rate, count: args.count, repeat: args.repeat };
    let interrupt = signals::listen(host, Reload::default()).context("cannot listen to signals")?;
    let report =
        play(&args.recording, targets, settings, interrupt.stop()).map_err(anyhow::Error::from)?;
    let text = if args.json {
        serde_json::to_string(&report).context("cannot write the report")? + "\n"
    } else {
        describe(&report)
    };
    write_out(text.as_bytes())?;
    if !report.unreached.is_empty() {
        let error = anyhow!("nothing could be sent to {}", report.unreached.join("; to "));
        return Err(Failure::from(error).with_hint("start pigear on the same directory first"));
    }
    match report.cut {
        Some(reason) => {
            let path = args.recording.display();
            Err(anyhow!("{path} was played up to where it is cut: {reason}").into())
        }
        None => Ok(()),
    }
}

fn describe(report: &PlayReport) -> String {
    let PlayReport { sent, refused, seconds, held_up_us: held_up, refused_because, .. } = report;
    let reason = refused_because.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
    let rate = if *seconds > 0.0 {
        f64::from(u32::try_from(*sent).unwrap_or(u32::MAX)) / seconds
    } else {
        0.0
    };
    format!(
        "sent {sent}, refused {refused}{reason}, in {seconds:.3} s ({rate:.0} a second)\n\
         held up: p50 {:.1} µs, p99 {:.1} µs, p99.9 {:.1} µs, max {:.1} µs\n",
        held_up.p50, held_up.p99, held_up.p999, held_up.max
    )
}
