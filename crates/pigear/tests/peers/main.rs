//! The real program against those that read what it hands on: each is started by the test, on
//! loopback or in a directory of the test's own, and asked what it got.
//!
//! What a machine lacks is said by the tests that would need it; `make peers` installs it.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it leaves out"
)]

mod firewall;
mod peer;
mod program;
mod reader;
mod syslog;
mod wireshark;

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
#[allow(dead_code, reason = "the transcripts use all of it")]
#[path = "../cli/snort.rs"]
mod snort;
