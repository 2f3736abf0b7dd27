use std::path::PathBuf;

use anyhow::anyhow;
use clap::Subcommand;
use jiff::tz::TimeZone;
use pigear_alert::format::FormatName;
use pigear_alert::packet::IpProtocol;

use crate::command::failure::Failure;
use crate::command::local_zone::local_zone;
use crate::keys::number;
use crate::store::{CountBy, Criteria, Network, moment};

#[derive(Debug, clap::Args)]
pub(in crate::command) struct StoreArgs {
    /// The store [default: that of --config, of the environment variable `PIGEAR_STORE`, or of
    /// /etc/pigear/pigear.toml]
    #[arg(long, value_name = "PATH", global = true)]
    pub(in crate::command) store: Option<PathBuf>,

    /// The configuration file whose [store] says where it is
    #[arg(long, value_name = "FILE", global = true)]
    pub(in crate::command) config: Option<PathBuf>,
}

/// A format of counts, for other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::command) enum CountFormat {
    Json,
    Csv,
}

#[derive(Debug, clap::Args)]
pub(in crate::command) struct QueryArgs {
    #[command(flatten)]
    pub(in crate::command) store: StoreArgs,

    /// How many alerts [default: 100], or counts [default: 25]
    #[arg(long, value_name = "N", value_parser = number::<usize>)]
    pub(in crate::command) limit: Option<usize>,

    /// Output format: fast, full, json, eve, ecs, ocsf, cef, snort, `alert_json`, csv [default: fast,
    /// with its number before]; json or csv for counts [default: a table]
    #[arg(long, value_name = "NAME", value_parser = known_format)]
    format: Option<String>,

    /// Keep running, and show each new alert
    #[arg(long)]
    pub(in crate::command) follow: bool,

    /// Count instead, by: sid, src, dst, class, priority, proto, port (destination), sensor, hour, day
    #[arg(long, value_name = "WHAT", conflicts_with = "follow")]
    pub(in crate::command) count_by: Option<CountBy>,

    /// Show the alerts of these numbers; several with commas between
    #[arg(
        long,
        value_name = "ID",
        value_delimiter = ',',
        conflicts_with_all = ["follow", "count_by", "packet", "limit", "WhichArgs"]
    )]
    pub(in crate::command) id: Vec<i64>,

    /// Show the alert of this number with its packet: each header, and a hexdump
    #[arg(long, value_name = "ID", value_parser = number::<i64>, conflicts_with_all = ["follow", "count_by", "limit", "WhichArgs"])]
    pub(in crate::command) packet: Option<i64>,

    /// Write the packets to a new file for Wireshark, oldest first; all of them without --limit
    #[arg(long, value_name = "FILE", conflicts_with_all = ["follow", "count_by", "format"])]
    pub(in crate::command) pcap: Option<PathBuf>,

    /// Show and read times in UTC. Without it, times without an offset are local, and a list on a
    /// terminal shows local time
    #[arg(long)]
    pub(in crate::command) utc: bool,

    /// Show dead letters: what was refused for good, with the reasons
    #[arg(
        long,
        alias = "dead-letter",
        conflicts_with_all = ["follow", "count_by", "id", "packet", "pcap", "WhichArgs"]
    )]
    pub(in crate::command) dead_letters: bool,

    /// Only the dead letters of this handler
    #[arg(long, value_name = "NAME", requires = "dead_letters")]
    pub(in crate::command) lane: Option<String>,

    #[command(flatten)]
    which: WhichArgs,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which alerts")]
struct WhichArgs {
    /// From this time on: today, yesterday, how long ago (90m, 1h, 2d, 1month), a date, or a time
    /// such as "2026-11-18 16:27" or 2026-11-18T16:27:50Z
    #[arg(long, value_name = "TIME", value_parser = known_moment)]
    since: Option<String>,

    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = known_moment)]
    until: Option<String>,

    /// Of this generator; several with commas between
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = number::<u32>)]
    gid: Vec<u32>,

    /// With this signature id; several with commas between
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = number::<u32>)]
    sid: Vec<u32>,

    /// With this priority; several with commas between
    #[arg(long, value_name = "N", value_delimiter = ',', value_parser = number::<u32>)]
    priority: Vec<u32>,

    /// Of this class, by its short name; several with commas between
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    class: Vec<String>,

    /// From this address or network
    #[arg(long, value_name = "NET")]
    src: Option<Network>,

    /// To this address or network
    #[arg(long, value_name = "NET")]
    dst: Option<Network>,

    /// From or to this address or network
    #[arg(long, value_name = "NET")]
    host: Option<Network>,

    /// From or to this port
    #[arg(long, value_name = "N", value_parser = number::<u16>)]
    port: Option<u16>,

    /// With this protocol: tcp, udp, icmp, icmpv6, or a number
    #[arg(long, value_name = "NAME", value_parser = protocol)]
    proto: Option<IpProtocol>,

    /// Of this sensor
    #[arg(long, value_name = "NAME")]
    sensor: Option<String>,

    /// With this text in the message, in upper or lower case
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,

    /// For which EXPR is true, such as `msg.caplen > 1000`; see docs/script.md
    #[cfg(feature = "script")]
    #[arg(long, value_name = "EXPR")]
    filter: Option<String>,
}

impl QueryArgs {
    /// The format of alerts.
    pub(in crate::command) fn format(&self) -> Result<Option<FormatName>, Failure> {
        let format = self.format.as_deref().map(str::parse).transpose();
        format.map_err(|error| Failure::usage(anyhow!("--format: {error}")))
    }

    /// The format of counts; `None` is a table.
    pub(in crate::command) fn count_format(&self) -> Result<Option<CountFormat>, Failure> {
        match self.format.as_deref() {
            None => Ok(None),
            Some("json") => Ok(Some(CountFormat::Json)),
            Some("csv") => Ok(Some(CountFormat::Csv)),
            Some(other) => {
                Err(Failure::usage(anyhow!("--format {other}: counts are a table, json, or csv")))
            }
        }
    }

    /// The time zone of times that are typed.
    pub(in crate::command) fn zone(&self) -> TimeZone {
        if self.utc { TimeZone::UTC } else { local_zone() }
    }

    /// Which alerts.
    pub(in crate::command) fn criteria(&self) -> Result<Criteria, Failure> {
        let which = &self.which;
        let time = |text: &Option<String>| {
            let text = text.as_deref();
            let time = text.map(|text| moment(text, &self.zone())).transpose();
            time.map_err(|error| Failure::usage(anyhow!(error)))
        };
        let mut criteria = Criteria::default();
        (criteria.since, criteria.until) = (time(&which.since)?, time(&which.until)?);
        if let Some((since, until)) = criteria.since.zip(criteria.until)
            && since > until
        {
            let times = format!("--since is {since:.0}, and --until is {until:.0}");
            return Err(Failure::usage(anyhow!("{times}: --since must be the earlier one")));
        }
        criteria.gid.clone_from(&which.gid);
        criteria.sid.clone_from(&which.sid);
        criteria.priority.clone_from(&which.priority);
        criteria.class.clone_from(&which.class);
        (criteria.src, criteria.dst, criteria.host) = (which.src, which.dst, which.host);
        (criteria.port, criteria.proto) = (which.port, which.proto);
        criteria.sensor.clone_from(&which.sensor);
        criteria.text.clone_from(&which.text);
        #[cfg(feature = "script")]
        if let Some(script) = &which.filter {
            criteria.also = Some(passes(script)?);
        }
        Ok(criteria)
    }
}

/// Filters alerts. An alert passes if the filter fails, as with handlers.
#[cfg(feature = "script")]
fn passes(script: &str) -> Result<crate::store::Test, Failure> {
    use std::cell::{Cell, RefCell};

    let filter = crate::script::Filter::compile(script)
        .map_err(|problem| Failure::usage(anyhow::anyhow!("--filter: {problem}")))?;
    let (filter, failed) = (RefCell::new(filter), Cell::new(false));
    Ok(Box::new(move |alert| {
        let passes = filter.borrow_mut().passes(&std::sync::Arc::new(alert.clone()));
        passes.unwrap_or_else(|error| {
            if !failed.replace(true) {
                tracing::warn!("the filter failed, so the alert passes: {error}");
            }
            true
        })
    }))
}

fn known_format(name: &str) -> Result<String, String> {
    match name.parse::<FormatName>() {
        Err(error) if name != "csv" => Err(error.to_string()),
        _ => Ok(name.to_owned()),
    }
}

/// Only checked: it depends on `--utc`, which may come later, what time this is.
fn known_moment(text: &str) -> Result<String, String> {
    moment(text, &TimeZone::UTC).map(|_| text.to_owned())
}

fn protocol(text: &str) -> Result<IpProtocol, String> {
    let named = [
        ("tcp", IpProtocol::TCP),
        ("udp", IpProtocol::UDP),
        ("icmp", IpProtocol::ICMP),
        ("icmpv6", IpProtocol::ICMPV6),
        ("sctp", IpProtocol::SCTP),
        ("gre", IpProtocol::GRE),
    ];
    let found = named.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, n)| *n);
    found
        .or_else(|| text.parse().ok().map(IpProtocol))
        .ok_or_else(|| "expected tcp, udp, icmp, icmpv6, sctp, gre, or a number".to_owned())
}

#[derive(Debug, clap::Args)]
pub(in crate::command) struct LanesArgs {
    #[command(flatten)]
    pub(in crate::command) store: StoreArgs,

    #[command(subcommand)]
    pub(in crate::command) command: Option<LanesCommand>,
}

#[derive(Debug, Subcommand)]
pub(in crate::command) enum LanesCommand {
    /// Remove a handler that is no longer configured from the store, with its dead letters
    Drop {
        /// The handler's name
        name: String,
    },
}

#[derive(Debug, clap::Args)]
pub(in crate::command) struct RedeliverArgs {
    #[command(flatten)]
    pub(in crate::command) store: StoreArgs,

    /// Only the dead letters of this handler
    #[arg(long, value_name = "NAME")]
    pub(in crate::command) lane: Option<String>,
}
