//! What is *done* with alerts: handlers, their registry, configuration, and the command.
//!
//! | module | what |
//! |---|---|
//! | [`handler`] | the handlers that come with Pigear: `print`, `file`, `pcap` and others |
//! | [`registry`] | handlers by name, including your own |
//! | [`config`] | what a configuration file and the command line build |
//! | [`listen`] | runs a configuration |
//! | [`names`] | the files with names for an alert's numbers, reloaded when they change |
//! | [`rules`] | Snort's rules: the one of an alert, and its contents in the packet |
//! | `store` | every alert in a file, for queries and for delivery |
//! | [`player`] | sends recorded alerts to a socket, as Snort does |
//! | [`script`] | the language of filters: its variables, fields and functions |
//! | [`shell`] | the handler that opens a shell on each alert |
//! | [`snort_conf`] | the log directory in Snort's own configuration |
//! | [`visible`] | text of alerts, escaped for display |
//! | [`command`] | the command line, for your own programs too |
//!
//! Your own program, with your own handler:
//!
//! ```
//! use std::convert::Infallible;
//! use std::sync::Arc;
//!
//! use pigear::registry::Registry;
//! use pigear_alert::Alert;
//! use pigear_pipeline::{Failure, Handler, Progress};
//!
//! #[derive(serde::Deserialize)]
//! struct Options {
//!     prefix: String,
//! }
//!
//! struct Shout(Options);
//!
//! impl Handler for Shout {
//!     fn handle(&mut self, alerts: &[Arc<Alert>]) -> Result<Progress, Failure> {
//!         for alert in alerts {
//!             eprintln!("{} {}", self.0.prefix, String::from_utf8_lossy(&alert.msg()));
//!         }
//!         Ok(Progress::All)
//!     }
//! }
//!
//! let mut registry = Registry::builtin();
//! let about = "cries out; prefix=TEXT";
//! registry.register("shout", about, |options| Ok::<_, Infallible>(Shout(options)));
//! // … and then: pigear::command::main(&registry)
//! ```

// Without the command line, some of what the parts share is not used.
#![cfg_attr(not(feature = "command"), allow(unused, unfulfilled_lint_expectations))]

#[cfg(feature = "command")]
mod account;
#[cfg(feature = "command")]
pub mod command;
pub mod config;
#[cfg(any(feature = "http", feature = "nats", feature = "syslog", feature = "web"))]
mod crypto;
mod description;
#[cfg(any(feature = "command", feature = "store"))]
mod descriptors;
#[cfg(feature = "command")]
mod doctor;
mod error_policy;
mod file_name;
#[cfg(feature = "nats")]
pub mod fleet;
#[cfg(feature = "command")]
mod guarded;
pub mod handler;
mod host_name;
#[cfg(any(feature = "metrics", feature = "web"))]
mod hosts;
#[cfg(any(feature = "http", feature = "nats"))]
mod in_time;
mod input_file;
#[cfg(any(feature = "command", feature = "store"))]
mod kernel_table;
pub mod keys;
#[cfg(feature = "command")]
mod killed;
pub mod listen;
#[cfg(any(feature = "metrics", feature = "web"))]
mod liveness;
#[cfg(any(feature = "command", feature = "web"))]
mod manual;
#[cfg(feature = "metrics")]
mod metrics;
pub mod names;
#[cfg(any(feature = "script", feature = "store"))]
mod network;
mod output_file;
#[cfg(any(feature = "nats", feature = "syslog", all(feature = "http", feature = "command")))]
mod pem;
pub mod player;
#[cfg(feature = "command")]
mod probed;
pub mod registry;
pub mod rules;
#[cfg(feature = "script")]
pub mod script;
#[cfg(any(feature = "http", feature = "nats"))]
mod secret;
#[cfg(all(feature = "exec", feature = "http"))]
mod secret_variables;
#[cfg(any(feature = "metrics", feature = "nats", feature = "web"))]
mod sensors;
#[cfg(feature = "shell")]
pub mod shell;
mod shell_word;
#[cfg(any(feature = "command", feature = "http", feature = "script", feature = "web"))]
mod similar;
pub mod snort_conf;
mod standard_error;
mod standard_output;
mod stats_file;
#[cfg(feature = "store")]
pub mod store;
#[cfg(feature = "top")]
mod top;
pub mod visible;
#[cfg(feature = "web")]
mod web;
