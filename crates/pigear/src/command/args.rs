//! The arguments.

mod given;
#[cfg(feature = "store")]
mod stored;
#[cfg(feature = "web")]
mod web;

use std::path::PathBuf;

use clap::builder::{BoolishValueParser, StyledStr};
use clap::{Arg, ArgAction, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::config::{MetricsAddress, PrivilegeConfig, SourceConfig, StoreConfig};
use crate::keys::{number, number_from_1};
use crate::listen::usual_of_source;
use crate::manual;
use crate::names::NameFiles;
use crate::registry::Registry;

/// Open the socket for Snort and wait for alerts
///
/// Prints each alert as it arrives, unless other data handlers are named. A slow handler never holds
/// Snort up: each handler has a queue, and alerts that don't fit are dropped and counted.
#[derive(Debug, Parser)]
#[command(
    name = "pigear",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) listen: ListenArgs,

    /// Log debug messages too, not only errors and warnings
    #[arg(long, global = true, help_heading = None::<&'static str>)]
    pub(super) debug: bool,

    /// Log warnings and errors only: no counters at the end, and not what is listened on
    #[arg(long, global = true, help_heading = None::<&'static str>)]
    pub(super) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show what Pigear does, in twenty seconds, with alerts recorded from a real Snort
    Demo(DemoArgs),
    /// Send a recording to a socket as Snort does, and report how long it was held up
    Play(PlayArgs),
    /// Show what is in the store, newest first: alerts, counts, packets
    #[cfg(feature = "store")]
    Query(Box<QueryArgs>),
    /// Show on a screen what a store gets: rates, top signatures and sources, the newest alerts
    ///
    /// Another Pigear may write to the store, or none. The screen needs 80 columns and 24 rows; `?` lists the
    /// keys. docs/top.md has more.
    #[cfg(feature = "top")]
    Top(Box<TopArgs>),
    /// List the handlers that get their alerts from the store, with how many wait for each
    #[cfg(feature = "store")]
    Lanes(LanesArgs),
    /// Send alerts again that were refused for good
    ///
    /// They are the dead letters that `pigear query --dead-letters` shows. The Pigear that runs their handler sends
    /// them: at once, or when it next starts. At the end it says how many it delivered, how many were refused again, and
    /// how many are left. The status is 1 if a running Pigear delivered none.
    #[cfg(feature = "store")]
    Redeliver(RedeliverArgs),
    /// List the sensors of a fleet: last sign of life, what they received and lost, how far they are behind
    #[cfg(feature = "nats")]
    Sensors(SensorsArgs),
    /// Serve a live page over the store, and its API, or manage who may see it
    ///
    /// The store may be one that another Pigear writes, or that none writes any more; nothing but triage is written
    /// to it. With --config, the keys of [web] apply too. docs/web.md explains the page, the API and who may see them.
    #[cfg(feature = "web")]
    Web(Box<WebArgs>),
    /// Check a configuration file, or show what can be written into one
    Config {
        /// What to do
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Look for what is wrong between Snort and Pigear, and say what to do about it
    ///
    /// Reads only, and changes nothing; --listen makes a socket for a while. Each finding says what was found, why it
    /// matters, and what to type. The status is 1 if something is wrong. docs/doctor.md has more.
    Doctor(DoctorArgs),
    /// Print a script that completes the command line in a shell: options, handlers, keys, fields
    ///
    /// For this shell only: `source <(pigear completions bash)`, the same with zsh, or
    /// `pigear completions fish | source`.
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print the manual page, of a command or of all
    Man {
        /// The command
        #[arg(value_name = "COMMAND")]
        command: Vec<String>,
        /// Write all pages to this directory instead
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        dir: Option<PathBuf>,
    },
    /// Explain a command, a handler's keys, or the fields of alerts
    Help {
        /// A command, a handler, or `fields`
        #[arg(value_name = "TOPIC")]
        topic: Vec<String>,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// The configuration file of Pigear
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    /// Snort's log directory, instead of the configuration's sources; may be repeated
    #[arg(long, value_name = "DIR")]
    pub(super) logdir: Vec<PathBuf>,

    /// The user as whom Snort runs, if that is neither root, nor `snort`, nor the log directory's owner
    ///
    /// Any user can start a program named snort, so that one of another user is only noted.
    #[arg(long, value_name = "USER")]
    pub(super) snort_user: Option<String>,

    /// Listen for this time, and say whether alerts come, from which processes, and how complete they are
    ///
    /// If a Pigear has the socket, nothing is taken from it: its counters are read. If no program has it, the socket
    /// is made, and removed afterwards.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(super) listen: Option<u64>,

    /// Print the findings as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print all mistakes in a configuration file, with line and column
    ///
    /// They are what `pigear --config FILE` would refuse, in the same words. The status is 1 if there are any. Files
    /// that it names are not read, and nothing is connected to.
    Check {
        /// The configuration file
        file: PathBuf,
    },
    /// Print what is in force, and where each value comes from
    ///
    /// Takes the options that listening takes, and the same variables PIGEAR_…. What is printed is a
    /// configuration file without its secrets. docs/usage.md has more.
    Show(Box<ShowArgs>),
    /// Print a configuration file with every key, and what each is for
    Example,
    /// Print a JSON Schema of configuration files, for editors
    Schema,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// Print the settings as JSON
    #[arg(long)]
    pub(super) json: bool,

    #[command(flatten)]
    pub(super) listen: ListenArgs,
}

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "What is done with alerts")]
pub(super) struct ListenArgs {
    #[command(flatten)]
    pub(super) given: Given,

    /// Keyword arguments for the data handler, in form `key=value another_key=next_value`
    ///
    /// With several handlers write NAME.KEY=VALUE. Every handler has, beside its own keys, `filter=EXPR`,
    /// `group=TIME` (similar alerts within this time become one, with their count), `per_minute=N` (more
    /// alerts than that wait, the most severe first) and `limit=N` (more than N a minute are left out and
    /// counted as muted). `dialect=` and `linktype=` are for the socket handler.
    #[arg(value_name = "KEY=VALUE", value_parser = key_value)]
    pub(super) keys: Vec<(String, String)>,

    /// Data handler: what is done with each alert; may be repeated [default: print]
    ///
    /// NAME=KIND gives it its own name, which its keys, its counters and its position in the store use:
    /// `--data-handler slack=http slack.url=URL`.
    #[arg(long, value_name = "NAME")]
    pub(super) data_handler: Vec<String>,

    /// Continue with the next alert after an error in a handler or a malformed datagram
    ///
    /// The error is logged and counted. Without this option the first error ends the program with
    /// status 1.
    #[arg(long)]
    pub(super) serve_forever: bool,

    /// Handle only alerts for which EXPR is true, such as `msg.priority <= 2`
    ///
    /// For all handlers; `NAME.filter=EXPR` is for one. EXPR sees Snort's fields as `msg`, and what
    /// is known besides as `alert`: `alert.dst_port == 5060 && !ip_in(alert.src_ip, "10.0.0.0/8")`.
    /// A field that an alert doesn't have is `()`, which equals no value; a misspelt one is an error.
    /// docs/script.md has all fields and functions.
    #[arg(long, value_name = "EXPR")]
    pub(super) filter: Option<String>,

    /// Stop after N alerts
    ///
    /// Counts alerts that are received, before filters.
    #[arg(long, value_name = "N", value_parser = number_from_1)]
    pub(super) count: Option<u64>,

    /// Write the counters to FILE, as JSON, every ten seconds and at the end
    #[arg(long, value_name = "FILE")]
    pub(super) stats: Option<PathBuf>,

    /// Serve the counters for Prometheus at this address and port, such as 127.0.0.1:9187
    ///
    /// They are at /metrics. /healthz says whether alerts are received, and /readyz whether all handlers get them. docs/metrics.md has more.
    #[arg(long, value_name = "ADDRESS")]
    pub(super) metrics: Option<MetricsAddress>,

    /// Read Snort's rules from PATH, a file or a directory with `*.rules`; may be repeated
    ///
    /// The shell shows the rule of an alert, and where its contents are in the packet. Rules of Snort 2 and 3
    /// are understood, and `include`s followed, also from snort.conf and snort.lua. docs/rules.md has more.
    #[arg(long, value_name = "PATH")]
    pub(super) rules: Vec<PathBuf>,

    /// Read sources, handlers and settings from FILE (TOML)
    ///
    /// Options on the command line add to it or take precedence.
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,

    #[command(flatten)]
    pub(super) source: SourceConfig,

    #[command(flatten)]
    pub(super) store: StoreConfig,

    #[command(flatten)]
    pub(super) names: NameFiles,

    #[command(flatten)]
    pub(super) privileges: PrivilegeConfig,
}

#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Alerts a second
    #[arg(long, value_name = "N", default_value_t = 3.5, value_parser = rate)]
    pub(super) rate: f64,

    /// Show the alerts on a page, spread over the last day, until Ctrl-C
    #[cfg(feature = "web")]
    #[arg(long, conflicts_with = "rate")]
    pub(super) web: bool,

    /// Where the page is
    #[cfg(feature = "web")]
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080", requires = "web")]
    pub(super) listen: crate::web::Listen,
}

#[derive(Debug, clap::Args)]
pub(super) struct PlayArgs {
    /// The recording: datagrams, each with its length (u32, little-endian) before it; .gz and .zst
    /// are understood
    #[arg(value_name = "FILE")]
    pub(super) recording: PathBuf,

    /// The log directory with the socket `snort_alert` to send to
    #[arg(long, value_name = "DIR", default_value = "/var/log/snort")]
    pub(super) logdir: PathBuf,

    /// The socket to send to, instead of one in a log directory; of several, each gets every alert
    #[arg(long = "socket", value_name = "PATH", conflicts_with = "logdir")]
    pub(super) sockets: Vec<PathBuf>,

    /// Alerts a second to each socket; 0 for as fast as possible
    #[arg(long, value_name = "N", default_value_t = 0.0, value_parser = rate)]
    pub(super) rate: f64,

    /// Stop after N alerts to each socket
    #[arg(long, value_name = "N", value_parser = number::<u64>)]
    pub(super) count: Option<u64>,

    /// Start over at the end of the recording
    #[arg(long = "loop")]
    pub(super) repeat: bool,

    /// Report as JSON
    #[arg(long)]
    pub(super) json: bool,
}

/// List the sensors of a fleet: last sign of life, what they received and lost, how far they are behind
///
/// Each Pigear that publishes with the handler `nats` sends a heartbeat every ten seconds. docs/fleet.md has
/// more.
#[cfg(feature = "nats")]
#[derive(Debug, clap::Args)]
pub(super) struct SensorsArgs {
    /// The servers: nats://HOST:PORT, several with commas between, and settings behind them:
    /// ?bucket=NAME&sensor=NAME&silent=N&creds=FILE and more
    #[arg(long, value_name = "WHERE")]
    pub(super) from: String,

    /// Print each sensor as JSON, in a line
    #[arg(long)]
    pub(super) json: bool,

    /// Remove a sensor that is gone for good from the list
    #[arg(long, value_name = "NAME", conflicts_with = "json")]
    pub(super) forget: Option<String>,
}

pub(super) use given::{Given, GivenName, GivenOption, variable};
#[cfg(feature = "top")]
pub(super) use stored::TopArgs;
#[cfg(feature = "store")]
pub(super) use stored::{
    CountFormat, LanesArgs, LanesCommand, QueryArgs, RedeliverArgs, StoreArgs,
};

#[cfg(feature = "web")]
pub(super) use web::{UserCommand, WebArgs, WebCommand};

/// The command line, with a list of all handlers.
pub(super) fn command(registry: &Registry) -> clap::Command {
    let handlers = registry.about().map(|(name, about)| format!("  {name:<8} {about}\n"));
    let after = format!("Data handlers:\n{}{AFTER_HELP}", handlers.collect::<String>());
    let command = Args::command().after_help(after).mut_args(with_default);
    with_addresses(command.mut_subcommand("config", |config| {
        config.mut_subcommand("show", |show| show.mut_args(with_default))
    }))
}

/// Says in an option's help what is in force without it.
fn with_default(arg: Arg) -> Arg {
    let Some(usual) = usual_of_source(arg.get_id().as_str()) else { return arg };
    let said = |text: &StyledStr| {
        let text = text.to_string();
        let (first, rest) = text.split_at(text.find("\n\n").unwrap_or(text.len()));
        format!("{first} [default: {usual}]{rest}")
    };
    let (short, long) = (arg.get_help().map(said), arg.get_long_help().map(said));
    let arg = if let Some(text) = short { arg.help(text) } else { arg };
    if let Some(text) = long { arg.long_help(text) } else { arg }
}

/// Names pages of the manual by their addresses in all help.
fn with_addresses(command: clap::Command) -> clap::Command {
    let named = |text: &StyledStr| manual::with_addresses(&text.to_string());
    let long_about = command.get_long_about().map(named);
    let command = match long_about {
        Some(text) => command.long_about(text),
        None => command,
    };
    let command = command.mut_args(|arg| {
        let (short, long) = (arg.get_help().map(named), arg.get_long_help().map(named));
        let arg = if let Some(text) = short { arg.help(text) } else { arg };
        if let Some(text) = long { arg.long_help(text) } else { arg }
    });
    command.mut_subcommands(with_addresses)
}

/// Options that may be several in one environment variable, with commas between.
const SEVERAL: &str = "data_handler";

/// Each option may be given as an environment variable, too: `--keep-days` as `PIGEAR_KEEP_DAYS`. An empty one is
/// none.
pub(super) fn with_environment(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| {
        // How it is shown is no setting.
        let Some(name) = arg.get_long().filter(|name| *name != "json").map(variable) else {
            return arg;
        };
        if std::env::var_os(&name).is_none_or(|value| value.is_empty()) {
            return arg;
        }
        let arg = match arg.get_action() {
            ArgAction::SetTrue => arg.value_parser(BoolishValueParser::new()),
            _ if arg.get_id() == SEVERAL => arg.value_delimiter(','),
            _ => arg,
        };
        arg.env(name).hide_env(true)
    })
}

/// The same for the command that shows what listening would do with these options.
pub(super) fn with_environment_of_show(command: clap::Command) -> clap::Command {
    command.mut_subcommand("config", |config| config.mut_subcommand("show", with_environment))
}

const AFTER_HELP: &str = "
Examples:
  pigear --logdir /var/log/snort
  pigear format=json | jq .msg
  pigear --data-handler print --data-handler file file.path=alerts.json file.format=json
  pigear --socket-handler play --from recording.gz format=full";

fn key_value(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or(
        "there is no such command, and KEY=VALUE for the data handler has a =; --help lists the commands",
    )?;
    if key.is_empty() {
        Err("the key is missing".to_owned())
    } else {
        Ok((key.to_owned(), value.to_owned()))
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| (0.0..=1e9).contains(rate));
    rate.ok_or_else(|| "expected a number of alerts a second".to_owned())
}
