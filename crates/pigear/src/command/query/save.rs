//! `--pcap`: packets in a file for Wireshark.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use pigear_alert::Alert;
use pigear_alert::plural::count;
use pigear_pipeline::Handler;

use crate::command::failure::{Failure, create_hint};
use crate::handler::compress::Compress;
use crate::handler::pcap::{Options, Pcap};
use crate::handler::rotate::Rotation;
use crate::listen::directories;
use crate::output_file::dir;
use crate::store::Reader;

/// Writes the packets of alerts to a new file, in this order, and returns what was written.
pub(super) fn save(reader: &mut Reader, ids: &[i64], path: &Path) -> Result<String, Failure> {
    let is_stdout = path == Path::new("-");
    if is_stdout && io::stdout().is_terminal() {
        let error: Failure = anyhow!("packets are not written to a terminal").into();
        return Err(
            error.with_hint("give a file, or a pipe: pigear query … --pcap - | tcpdump -r -")
        );
    }
    let (path, shown) = if is_stdout {
        (Path::new("/dev/stdout"), "standard output".to_owned())
    } else {
        (path, path.display().to_string())
    };
    if !is_stdout && path.exists() {
        return Err(anyhow!("{shown} exists and is not overwritten").into());
    }
    let (mut file, mut packets, mut without) = (None, 0, 0);
    for &id in ids {
        // It may have been removed meanwhile.
        let Some(alert) = reader.get(id)? else { continue };
        if !alert.message.has_packet() {
            without += 1;
            continue;
        }
        packets += 1 + alert.further_packets().len();
        let file = match &mut file {
            Some(file) => file,
            // Only now, so that no file is left behind without packets.
            none => none.insert(create(path)?),
        };
        put(file, alert)?;
    }
    let Some(mut file) = file else {
        let none = match without {
            1 => "the alert has no packet".to_owned(),
            n => format!("none of the {} has a packet", count(n, "alert")),
        };
        let error: Failure = anyhow!("nothing is written to {shown}: {none}").into();
        return Err(error.with_hint(
            "Snort 3 sends alerts of rebuilt streams without a packet; --complete-from adds it",
        ));
    };
    file.finish().context("cannot write the packets")?;
    let written = format!("wrote {} to {shown}", count(packets, "packet"));
    Ok(match without {
        0 => written,
        1 => format!("{written}; 1 alert has no packet"),
        n => format!("{written}; {n} alerts have no packet"),
    })
}

fn create(path: &Path) -> Result<Pcap, Failure> {
    if directories::is_missing(path) {
        let dir = dir(path);
        let error: Failure = anyhow!("no such directory: {}", dir.display()).into();
        return Err(error.with_hint(create_hint(std::iter::once(dir))));
    }
    let options = Options {
        path: path.to_owned(),
        mode: None,
        rotate: Rotation::default(),
        keep: None,
        compress: Compress::default(),
    };
    Ok(Pcap::new(options).map_err(|problem| anyhow!("{problem}"))?)
}

fn put(file: &mut Pcap, alert: Alert) -> Result<(), Failure> {
    file.handle(&[Arc::new(alert)]).context("cannot write the packets")?;
    Ok(())
}
