//! `web`: the page over the store, and its API.
//!
//! ```text
//! connection ─▶ limits, TLS ─▶ host ─▶ login ─▶ route ─▶ query on a thread of its own ─▶ store
//! ```
//!
//! Everything is read from the store's file, so the server needs nothing from the pipeline but its counters, and
//! holds nothing up: the handler's lane only counts. Each query has a thread of a small pool, and a time limit.

mod access;
mod acknowledging;
mod api;
mod assets;
mod body;
#[cfg(test)]
mod deadlines;
mod ends;
mod feed;
mod handler;
mod history;
mod openapi;
mod options;
mod parameters;
mod place;
mod problem;
mod proxies;
mod queries;
mod router;
mod server;
mod single_flight;
mod site;
mod streams;
mod timeouts;
mod tls;
mod turns;
mod visitor;

use crate::description::{Description, FileUse};
#[cfg(feature = "command")]
pub(crate) use access::users;
pub(crate) use handler::Web;
pub(crate) use options::Options;
#[cfg(feature = "command")]
pub(crate) use options::{Listen, Token};
#[cfg(feature = "command")]
pub(crate) use server::{Running, Server, look};
pub(crate) use streams::SharedStreams;

pub(crate) const DESCRIPTION: Description = Description {
    about: "a live page over the store, and its API; \
    listen=ADDR:PORT path=/PREFIX token_file=FILE users=FILE tls_cert=FILE tls_key=FILE hosts=NAME,NAME \
    trusted_proxies=ADDR,ADDR",
    files: &[
        ("users", FileUse::Reads),
        ("token_file", FileUse::Reads),
        ("tls_cert", FileUse::Reads),
        ("tls_key", FileUse::Reads),
    ],
};
