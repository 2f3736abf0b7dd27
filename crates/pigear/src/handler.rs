//! The handlers that come with Pigear.
//!
//! | name | does |
//! |---|---|
//! | [`print`](mod@print) | writes each alert to standard output |
//! | [`exec`] | runs a program, for each alert or for all |
//! | [`file`](mod@file) | appends each alert to a file, which it rotates |
//! | `http` | posts alerts to a web server |
//! | `kafka` | publishes each alert to a topic of Kafka; see `pigear::fleet` |
//! | `nats` | publishes each alert to a stream of NATS; see `pigear::fleet` |
//! | [`pcap`] | each alert's packet in a file for Wireshark, with the alert as its comment |
//! | [`record`] | writes the raw datagrams, for `play` |
//! | `shell` | opens a shell on each alert; see `pigear::shell` |
//! | [`socket`] | sends each alert to a Unix socket |
//! | [`syslog`] | sends each alert to a syslog server |
//! | [`null`] | counts only |

pub mod compress;
#[cfg(feature = "exec")]
pub mod exec;
pub mod file;
#[cfg(feature = "http")]
pub mod http;
pub mod null;
#[cfg(any(feature = "exec", feature = "http"))]
mod pace;
pub mod pcap;
pub mod print;
mod receiver;
pub mod record;
pub mod rotate;
pub mod socket;
#[cfg(feature = "syslog")]
pub mod syslog;
mod writer;
