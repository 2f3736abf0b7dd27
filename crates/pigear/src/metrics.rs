//! Counters for Prometheus, and whether the program is well.
//!
//! ```text
//! connection ─▶ limits ─▶ /metrics ─▶ gathered at most four times a second ─▶ counters, store, sensors
//!                         /healthz ─▶ the threads that receive move
//!                         /readyz  ─▶ and all lanes are open
//! ```
//!
//! One thread of a low priority serves it. The threads that receive and handle alerts only add to atomic numbers,
//! which are read here.

mod alerts;
mod exposition;
mod fleet;
mod gathered;
mod negotiation;
mod process;
mod router;
mod server;
#[cfg(feature = "store")]
mod stored;

pub(crate) use gathered::Subjects;
pub(crate) use server::{Bound, Running};
