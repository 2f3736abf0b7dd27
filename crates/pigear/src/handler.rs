//! The handlers that come with Pigear.
//!
//! | name | does |
//! |---|---|
//! | [`print`](mod@print) | writes each alert to standard output |
//! | [`file`](mod@file) | appends each alert to a file, which it rotates |
//! | `http` (with the feature of this name) | posts alerts to a web server |
//! | [`record`] | keeps the datagrams as they came, for `play` |
//! | [`null`] | counts only |

pub mod file;
#[cfg(feature = "http")]
pub mod http;
pub mod null;
pub mod print;
pub mod record;
mod writer;
