use std::path::PathBuf;

use clap::Subcommand;
use jiff::Timestamp;
use pigear_alert::format::FormatName;
use pigear_alert::packet::IpProtocol;

use crate::command::failure::Failure;
use crate::keys::number;
use crate::store::{CountBy, Criteria, Network, moment};

#[derive(Debug, clap::Args)]
pub(in crate::command) struct StoreArgs {
    /// The store
    #[arg(long, value_name = "PATH", global = true)]
    pub(in crate::command) store: Option<PathBuf>,

    /// The configuration file whose [store] says where it is
    #[arg(long, value_name = "FILE", global = true)]
    pub(in crate::command) config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(in crate::command) struct QueryArgs {
    #[command(flatten)]
    pub(in crate::command) store: StoreArgs,

    /// How many alerts [default: 100], or counts [default: 25]
    #[arg(long, value_name = "N", value_parser = number::<usize>)]
    pub(in crate::command) limit: Option<usize>,

    /// Output format: fast, full, json, eve, ecs, ocsf, cef [default: fast, with its number
    /// before]
    #[arg(long, value_name = "NAME")]
    pub(in crate::command) format: Option<FormatName>,

    /// Keep running, and show each new alert
    #[arg(long)]
    pub(in crate::command) follow: bool,

    /// Count instead, by: sid, src, dst, class, priority, proto, port (destination), sensor, hour, day
    #[arg(long, value_name = "WHAT", conflicts_with_all = ["follow", "format"])]
    pub(in crate::command) count_by: Option<CountBy>,

    /// Show the alert of this number with its packet: each header, and a hexdump
    #[arg(long, value_name = "ID", value_parser = number::<i64>, conflicts_with_all = ["follow", "count_by"])]
    pub(in crate::command) packet: Option<i64>,

    /// Write the packets to a new file for Wireshark, oldest first; all of them without --limit
    #[arg(long, value_name = "FILE", conflicts_with_all = ["follow", "count_by", "packet", "format"])]
    pub(in crate::command) pcap: Option<PathBuf>,

    /// Show dead letters: what was refused for good, with the reasons
    #[arg(
        long,
        alias = "dead-letter",
        conflicts_with_all = ["follow", "count_by", "packet", "pcap"]
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
    /// From this time on: how long ago (90m, 1h, 2d, 1w), a date, or a time as 2026-11-18T16:27:50Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,

    /// Before this time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,

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
    #[cfg_attr(
        not(feature = "script"),
        expect(clippy::unnecessary_wraps, reason = "a filter may make no sense")
    )]
    pub(in crate::command) fn criteria(&self) -> Result<Criteria, Failure> {
        let which = &self.which;
        let mut criteria = Criteria::default();
        (criteria.since, criteria.until) = (which.since, which.until);
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
