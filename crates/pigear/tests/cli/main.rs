//! The real program, as its users have it: each test is a transcript of what was typed and sent, and
//! of what the program then wrote and returned.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_datagrams;
mod builds;
#[cfg(all(
    feature = "exec",
    feature = "http",
    feature = "kafka",
    feature = "nats",
    feature = "shell",
    feature = "store",
    feature = "syslog",
    feature = "web"
))]
mod checked;
mod commands;
mod completed;
#[cfg(feature = "shell")]
mod completions;
mod config;
mod config_command;
mod config_mistakes;
mod counters;
#[cfg(all(feature = "exec", feature = "store", feature = "syslog"))]
mod delivery;
mod disk;
mod doctor;
mod documented;
mod file;
#[cfg(feature = "script")]
mod filters;
#[cfg(feature = "store")]
mod flooded;
mod formats;
mod harness;
mod instances;
mod log;
#[cfg(feature = "metrics")]
mod metrics;
mod names;
#[cfg(feature = "store")]
mod no_room;
mod occupied;
mod odd_files;
mod pipes;
#[cfg(feature = "store")]
mod query;
mod record;
mod reload;
mod room;
mod rules;
mod running;
#[cfg(feature = "store")]
mod same_file;
#[cfg(all(feature = "store", feature = "syslog"))]
mod sandbox;
#[cfg(feature = "metrics")]
mod scrape;
#[cfg(feature = "shell")]
mod screen;
#[cfg(any(feature = "nats", all(feature = "exec", feature = "http")))]
mod secrets;
mod senders;
mod service;
#[cfg(feature = "shell")]
mod shell;
mod signals;
mod snort;
#[cfg(feature = "store")]
mod store;
#[cfg(feature = "store")]
mod stuck_disk;
mod synced;
mod terminal;
#[cfg(all(feature = "shell", feature = "top"))]
mod top;
#[cfg(feature = "metrics")]
mod unreachable;
mod usage;
#[cfg(feature = "web")]
mod web;

#[allow(dead_code, reason = "not every set of features needs ports")]
#[path = "../../../pigear-alert/tests/support/ports.rs"]
mod ports;
#[path = "../../../pigear-alert/tests/support/requirements.rs"]
mod requirements;
