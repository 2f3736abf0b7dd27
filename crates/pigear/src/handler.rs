//! The handlers that come with Pigear.
//!
//! | name | does |
//! |---|---|
//! | [`print`](mod@print) | writes each alert to standard output |
//! | [`exec`] | runs a program, for each alert or for all |
//! | [`file`](mod@file) | appends each alert to a file, which it rotates |
//! | [`pcap`] | each alert's packet in a file for Wireshark, with the alert as its comment |
//! | [`record`] | keeps the datagrams as they came, for `play` |
//! | [`null`] | counts only |

#[cfg(feature = "exec")]
mod backoff;
#[cfg(feature = "exec")]
pub mod exec;
pub mod file;
pub mod null;
pub mod pcap;
pub mod print;
pub mod record;
pub mod rotate;
mod visible;
mod writer;
