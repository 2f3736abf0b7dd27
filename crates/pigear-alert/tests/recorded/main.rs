//! What eight real Snorts sent, held against what the same Snorts wrote in their own logs.
//!
//! `tests/data/README.md` says what the files are, and where datagram and log part.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agreement;
#[path = "../../src/format/tests/cef_parser.rs"]
mod cef_parser;
mod completed;
mod ecs;
mod events;
mod foreign;
mod json;
mod lines;
mod live;
mod logged;
mod logs;
mod messages;
mod packets;
mod readers;
mod recordings;
mod schemas;
mod snapshots;
mod snort;
mod unified2;
mod written;

#[path = "../support/requirements.rs"]
mod requirements;
