//! The configuration of a source.
//!
//! The docs of these fields are the text of the manual and of `--help`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use pigear_alert::packet::LinkType;
use pigear_alert::wire::Dialect;
use pigear_pipeline::complete::Completed;
use serde::Deserialize;

use crate::host_name::host_name;
use crate::keys::{FileMode, Time, parsed, parsed_option};

/// The configuration of a source.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "command", derive(clap::Args))]
#[cfg_attr(feature = "command", command(next_help_heading = "Where alerts come from"))]
pub struct SourceConfig {
    /// Full path to Snort's log directory [default: `config logdir:` in FILE of --snort-conf, else
    /// /var/log/snort]
    ///
    /// The socket is created in this directory as `snort_alert`; make sure that Snort can write to
    /// it. Snort 2: `snort -A unsock -l DIR`, Snort 3: `snort -A alert_unixsock -l DIR`.
    #[cfg_attr(feature = "command", arg(long, value_name = "DIR"))]
    pub logdir: Option<PathBuf>,

    /// Snort's configuration
    ///
    /// Its `config logdir:` says where Snort logs. The classes and references in it and in the files
    /// that it includes are used, and classification.config, reference.config, snort.lua, sid-msg.map,
    /// community-sid-msg.map and gen-msg.map beside it, unless other files are given.
    #[cfg_attr(feature = "command", arg(long, value_name = "FILE"))]
    pub snort_conf: Option<PathBuf>,

    /// What alerts come from: `unix` (Snort's socket), `unified2` (Snort's log), `play` (a
    /// recording), `nats` or `kafka` (a stream or topic that other Pigears publish to)
    #[serde(rename = "type", deserialize_with = "parsed")]
    #[cfg_attr(
        feature = "command",
        arg(
            long = "socket-handler",
            value_name = "NAME",
            default_value_t,
            hide_default_value = true
        )
    )]
    pub kind: SourceKind,

    /// What the socket handler reads: for `unix` a socket's path instead of --logdir, for `unified2`
    /// a log, for `play` a recording, for `nats` and `kafka` servers
    ///
    /// `fd:NAME` is the socket that systemd passes under this name (docs/service.md).
    ///
    /// A log is a directory and the log's name, such as /var/log/snort/unified2.log: this file, and
    /// those with a time appended to the name, are read in order of time.
    ///
    /// Servers of NATS are nats://HOST:PORT, several with commas between, and settings behind them:
    /// ?stream=NAME&consumer=NAME&sensor=NAME&priority=N&creds=FILE and more (docs/fleet.md). Those of Kafka
    /// are kafka://HOST:PORT/TOPIC?partitions=0-3&begin=start and more (docs/kafka.md).
    #[cfg_attr(feature = "command", arg(long, value_name = "WHERE"))]
    pub from: Option<PathBuf>,

    /// Read Snort's log from its oldest record on
    ///
    /// Without it, reading continues where it last stopped, or starts at the log's end if this is the
    /// first run.
    #[cfg_attr(feature = "command", arg(long))]
    pub from_start: bool,

    /// Read Snort's log to its current end, then exit
    #[cfg_attr(feature = "command", arg(long))]
    pub once: bool,

    /// Complete alerts from Snort's log in unified2: a directory and the log's name
    ///
    /// In Snort 3, six alerts of ten come without packet and addresses; the log has their addresses,
    /// the data that Snort inspected, and Snort's action. Alerts that the socket lost, or that were logged while Pigear was down, are read
    /// from the log.
    #[cfg_attr(feature = "command", arg(long, value_name = "PATH"))]
    pub complete_from: Option<PathBuf>,

    /// Which alerts wait for the log: `lacking` or `all`
    ///
    /// `lacking` are those without packet, addresses or a sound event; the others have the log's fields
    /// (`action`, `extra`) only if the log comes first. With `all`, every alert has them, and every alert
    /// comes as late as Snort's log does.
    #[serde(deserialize_with = "parsed_option")]
    #[cfg_attr(feature = "command", arg(long, value_name = "WHICH"))]
    pub complete: Option<Completed>,

    /// How long an alert waits for the log
    #[serde(deserialize_with = "parsed_option")]
    #[cfg_attr(feature = "command", arg(long, value_name = "TIME"))]
    pub complete_wait: Option<Time>,

    /// Where to remember how far Snort's log was read [default: beside the log]
    #[cfg_attr(feature = "command", arg(long, value_name = "FILE"))]
    pub bookmark: Option<PathBuf>,

    /// Permissions of the socket, in octal
    #[cfg_attr(feature = "command", arg(long, value_name = "MODE"))]
    pub socket_mode: Option<FileMode>,

    /// Group of the socket: a name or a number
    ///
    /// Without it, a socket that root creates gets owner and group of the log directory, so that
    /// Snort's user can write to it.
    #[cfg_attr(feature = "command", arg(long, value_name = "GROUP"))]
    pub socket_group: Option<String>,

    /// Users who may send besides root, you and the log directory's owner: names or numbers
    ///
    /// May be repeated, or have several with commas between. Datagrams of others are refused and counted.
    #[cfg_attr(feature = "command", arg(long, value_name = "UID", value_delimiter = ','))]
    pub allow_uid: Vec<String>,

    /// Packet threads of Snort 3, each with its own socket: a number, or `auto`
    ///
    /// Binds `0_snort_alert`, `1_snort_alert` and so on, and merges them; `auto` binds as many as
    /// there are processors, and `snort_alert` too.
    #[serde(deserialize_with = "parsed_option")]
    #[cfg_attr(feature = "command", arg(long, value_name = "N"))]
    pub instances: Option<InstanceCount>,

    /// Snort 3's --run-prefix: the prefix of the socket's name
    #[cfg_attr(feature = "command", arg(long, value_name = "PREFIX"))]
    pub run_prefix: Option<String>,

    /// Snort 3's --id-offset: the number of its first packet thread
    #[cfg_attr(
        feature = "command",
        arg(long, value_name = "N", value_parser = crate::keys::number::<u32>)
    )]
    pub id_offset: Option<u32>,

    /// Snort 3's --id-subdir: each packet thread has a directory, as in `0/snort_alert`
    #[cfg_attr(feature = "command", arg(long))]
    pub id_subdir: bool,

    /// Decode all datagrams as this dialect, instead of detecting it by their length
    ///
    /// snort3, snort2.9, snort2.9-appid, snort2.9.7-appid, snort2.7, snort2.2, snort2-32bit; and
    /// barnyard2, barnyard2-32bit, which are never detected. Also as KEY=VALUE: `dialect=barnyard2`.
    #[serde(deserialize_with = "parsed_option")]
    #[cfg_attr(feature = "command", arg(long, value_name = "NAME"))]
    pub dialect: Option<Dialect>,

    /// The link type of all packets, instead of detecting it: ethernet, raw, linux-sll,
    /// null, ppp, fddi, c-hdlc, or libpcap's number
    ///
    /// Snort doesn't send the link type. Also as KEY=VALUE: `linktype=raw`.
    #[serde(deserialize_with = "parsed_option")]
    #[cfg_attr(feature = "command", arg(long, value_name = "NAME"))]
    pub linktype: Option<LinkType>,

    /// The sensor's name, which is added to its alerts; the host's name by default
    ///
    /// An empty name adds none.
    #[cfg_attr(feature = "command", arg(long, value_name = "NAME"))]
    pub sensor: Option<String>,
}

impl SourceConfig {
    /// Whether it says nothing about the place of its socket.
    pub(crate) fn names_no_socket(&self) -> bool {
        self.from.is_none() && self.logdir.is_none() && self.instances.is_none()
    }

    /// Whether its alerts come from a Snort, and not from a recording.
    pub(crate) fn is_live(&self) -> bool {
        matches!(self.kind, SourceKind::Unix | SourceKind::Unified2)
    }

    /// The sensor's name: the configured one, or the host's.
    pub(crate) fn sensor_name(&self) -> Option<String> {
        self.sensor.clone().or_else(host_name).filter(|name| !name.is_empty())
    }

    /// Why the settings are invalid: some don't apply to this kind of source.
    #[must_use]
    pub fn misplaced(&self) -> Option<&'static str> {
        self.all_misplaced().into_iter().next().map(|(_, problem)| problem)
    }

    /// All such settings, each with the keys that are looked at.
    pub(crate) fn all_misplaced(&self) -> Vec<(&'static [&'static str], &'static str)> {
        let is_socket = self.kind == SourceKind::Unix;
        let is_log = self.kind == SourceKind::Unified2;
        let is_foreign = matches!(self.kind, SourceKind::Resolved(_));
        let completes = self.complete_from.is_some();
        let has_log = is_log || is_socket && completes;
        let rules: [(bool, &[&str], &str); 10] = [
            (self.once && !is_log, &["once"], "--once is for --socket-handler unified2"),
            (
                self.from_start && self.kind == SourceKind::Play,
                &["from_start"],
                "leave out --from-start: a recording is always read from its start",
            ),
            (
                self.from_start && self.kind != SourceKind::Play && !has_log,
                &["from_start", "complete_from"],
                "--from-start is for Snort's log: --socket-handler unified2, or --complete-from",
            ),
            (
                self.complete.is_some() && !completes,
                &["complete", "complete_from"],
                "--complete is for alerts that --complete-from completes",
            ),
            (
                self.bookmark.is_some() && !has_log,
                &["bookmark", "complete_from"],
                "--bookmark is for Snort's log: --socket-handler unified2, or --complete-from",
            ),
            (
                (completes || self.complete_wait.is_some()) && !is_socket,
                &["complete_from", "complete_wait"],
                "--complete-from and --complete-wait are for Snort's socket",
            ),
            (
                self.instances.is_some() && !is_socket,
                &["instances"],
                "--instances is for Snort's socket",
            ),
            (
                self.kind == SourceKind::Nats && self.sensor.is_some(),
                &["sensor"],
                "alerts from nats have their own sensors' names: leave out --sensor; for a selection, write \
                --from nats://HOST:PORT?sensor=NAME",
            ),
            (
                self.kind == SourceKind::Kafka && self.sensor.is_some(),
                &["sensor"],
                "alerts from kafka have their own sensors' names: leave out --sensor",
            ),
            (
                self.from.is_some() && is_foreign,
                &["from"],
                "--from is for the socket handlers unix, unified2, play, nats and kafka",
            ),
        ];
        let wrong = rules.into_iter().filter(|(is_wrong, ..)| *is_wrong);
        wrong.map(|(_, keys, problem)| (keys, problem)).collect()
    }
}

/// The kind of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SourceKind {
    /// Snort's socket, or several.
    #[default]
    Unix,
    /// Snort's log.
    Unified2,
    /// A recording.
    Play,
    /// A stream of NATS, to which other Pigears publish.
    Nats,
    /// A topic of Kafka, to which other Pigears publish.
    Kafka,
    /// A source that a [`Resolver`](crate::registry::Resolver) creates: its name has dots.
    Resolved(String),
}

impl SourceKind {
    const BUILTIN: [(Self, &'static str); 5] = [
        (Self::Unix, "unix"),
        (Self::Unified2, "unified2"),
        (Self::Play, "play"),
        (Self::Nats, "nats"),
        (Self::Kafka, "kafka"),
    ];

    /// The names of the built-in kinds.
    pub(crate) fn names() -> [&'static str; 5] {
        Self::BUILTIN.map(|(_, name)| name)
    }

    /// The names of the built-in kinds, for an error.
    pub(crate) fn known() -> String {
        Self::names().join(", ")
    }

    /// Whether alerts from there can wait until there is room for them. Snort can't wait.
    pub(crate) fn is_patient(&self) -> bool {
        self.is_of_fleet() || matches!(self, Self::Unified2 | Self::Play)
    }

    /// Whether other Pigears publish to it.
    pub(crate) fn is_of_fleet(&self) -> bool {
        matches!(self, Self::Nats | Self::Kafka)
    }
}

impl fmt::Display for SourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::BUILTIN.iter().find(|(kind, _)| kind == self).map(|(_, name)| *name);
        f.pad(match self {
            Self::Resolved(name) => name,
            _ => known.unwrap_or_default(),
        })
    }
}

impl FromStr for SourceKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        // The name in the Python program of 2012.
        if name == "pigear.core.SocketHandler" {
            return Ok(Self::Unix);
        }
        if name.contains('.') {
            return Ok(Self::Resolved(name.to_owned()));
        }
        let known = Self::BUILTIN.into_iter().find(|(_, known)| *known == name);
        known
            .map(|(kind, _)| kind)
            .ok_or_else(|| format!("unknown socket handler {name:?}; known are {}", Self::known()))
    }
}

/// The number of packet threads of Snort 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstanceCount {
    /// As many as there are processors, or one.
    Auto,
    /// This many.
    Fixed(u32),
}

impl FromStr for InstanceCount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let count = || text.parse().ok().filter(|count| (1..=1_024).contains(count));
        match text {
            "auto" => Ok(Self::Auto),
            _ => count().map(Self::Fixed).ok_or_else(|| "expected `auto`, or 1 to 1024".to_owned()),
        }
    }
}
