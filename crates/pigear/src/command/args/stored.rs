use std::path::PathBuf;

use anyhow::anyhow;
use clap::Subcommand;
use jiff::tz::TimeZone;
use pigear_alert::format::FormatName;

use crate::command::failure::Failure;
use crate::command::local_zone::local_zone;
use crate::keys::number;
use crate::store::{CountBy, Criteria, Selection};

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

    /// Keep running, and show each new alert, up to the time of --until
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
        value_parser = number::<i64>,
        conflicts_with_all = ["follow", "count_by", "packet", "limit", "Selection"]
    )]
    pub(in crate::command) id: Vec<i64>,

    /// Show the alert of this number with its packet: each header, and a hexdump
    #[arg(long, value_name = "ID", value_parser = number::<i64>, conflicts_with_all = ["follow", "count_by", "limit", "Selection"])]
    pub(in crate::command) packet: Option<i64>,

    /// With --packet: show the rule, too, from a file of Snort's rules or a directory with `*.rules`; may be
    /// repeated
    // clap asks for nothing that can't be used with what was given: so each of that is refused here, too.
    #[arg(
        long,
        value_name = "PATH",
        requires = "packet",
        conflicts_with_all = ["pcap", "follow", "count_by", "limit", "id", "dead_letters", "lane", "Selection"]
    )]
    pub(in crate::command) rules: Vec<PathBuf>,

    /// Write the packets to a new file for Wireshark (`-`: standard output), oldest first; all of them
    /// without --limit
    #[arg(long, value_name = "FILE", conflicts_with_all = ["follow", "count_by", "format"])]
    pub(in crate::command) pcap: Option<PathBuf>,

    /// Show and read times in UTC. Without it, times without an offset are local, and a list on a
    /// terminal shows local time
    #[arg(long)]
    pub(in crate::command) utc: bool,

    /// Show dead letters, which were refused for good, with the reasons; also only those of some alerts
    #[arg(
        long,
        alias = "dead-letter",
        conflicts_with_all = [
            "follow", "count_by", "id", "packet", "pcap", "acknowledged", "starred", "comment"
        ]
    )]
    pub(in crate::command) dead_letters: bool,

    /// Only the dead letters of this handler
    #[arg(
        long,
        value_name = "NAME",
        requires = "dead_letters",
        conflicts_with_all = ["follow", "count_by", "id", "packet", "pcap", "acknowledged", "starred", "comment"]
    )]
    pub(in crate::command) lane: Option<String>,

    #[command(flatten)]
    which: Selection,
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
        self.which.criteria(|| self.zone()).map_err(Failure::from)
    }
}

#[cfg(feature = "top")]
#[derive(Debug, clap::Args)]
pub(in crate::command) struct TopArgs {
    #[command(flatten)]
    pub(in crate::command) store: StoreArgs,

    /// Show and read times in UTC instead of local time
    #[arg(long)]
    utc: bool,

    #[command(flatten)]
    pub(in crate::command) which: Selection,
}

#[cfg(feature = "top")]
impl TopArgs {
    /// The time zone of times that are shown and typed.
    pub(in crate::command) fn zone(&self) -> TimeZone {
        if self.utc { TimeZone::UTC } else { local_zone() }
    }
}

fn known_format(name: &str) -> Result<String, String> {
    match name.parse::<FormatName>() {
        Err(error) if name != "csv" => Err(error.to_string()),
        _ => Ok(name.to_owned()),
    }
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

    /// Wait at most this long for what becomes of them, if a Pigear runs that writes to the store
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(in crate::command) wait: u64,
}
