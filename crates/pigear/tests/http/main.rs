//! `http` against real servers and faulty ones, all on loopback.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod backlog;
mod chats;
mod faults;
mod harness;
mod hostile;
mod httpbin;
mod logged;
mod nginx;
mod outage;
mod people;
mod presets;
mod program;
mod refusals;
mod server;
mod tls;

#[path = "../../../pigear-alert/tests/support/ports.rs"]
mod ports;
#[path = "../../../pigear-alert/tests/support/requirements.rs"]
mod requirements;
