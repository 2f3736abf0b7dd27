//! The real program against those that read what it hands on: each is started by the test, on
//! loopback or in a directory of the test's own, and asked what it got.
//!
//! `make peers` installs them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod firewall;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(feature = "nats")]
mod nats;
mod peer;
mod program;
#[cfg(all(feature = "metrics", feature = "store"))]
mod prometheus;
mod reader;
mod syslog;
mod wireshark;

#[path = "../../../pigear-alert/tests/support/ports.rs"]
mod ports;
#[path = "../../../pigear-alert/tests/support/requirements.rs"]
mod requirements;

// The transcripts' own tools.
#[allow(dead_code, reason = "the transcripts use all of it")]
#[path = "../cli/harness.rs"]
mod harness;
#[allow(dead_code, reason = "the transcripts use all of it")]
#[path = "../cli/room.rs"]
mod room;
#[allow(dead_code, reason = "the transcripts use all of it")]
#[path = "../cli/running.rs"]
mod running;
#[cfg(all(feature = "metrics", feature = "store"))]
#[allow(dead_code, reason = "the transcripts use all of it")]
#[path = "../cli/scrape.rs"]
mod scrape;
#[allow(dead_code, reason = "the transcripts use all of it")]
#[path = "../cli/snort.rs"]
mod snort;
