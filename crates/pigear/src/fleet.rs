//! A fleet: many sensors that hand their alerts to one place, over an engine that is made for it.
//!
//! Pigear is the engine's producer (the handler [`nats`]) and consumer (the source of the same name). What
//! travels is an alert as the store keeps it: see [`encode`] and [`decode`], and `docs/fleet.md` for each byte.

mod archive;
mod form;
#[cfg(feature = "kafka")]
pub mod kafka;
mod message_id;
pub mod nats;
mod outcome;
mod payload;
mod recent;
mod runtime;
mod source_keys;
mod subject;

use std::time::Duration;

use pigear_pipeline::BatchPolicy;

pub(crate) use archive::Archive;
use form::Decoder;
pub use form::{FormError, decode, encode};
pub use subject::SubjectTemplate;

/// So many alerts are published without waiting for others.
const ENOUGH: usize = 64;

/// How long an alert waits for others. Of a sensor with few alerts, waking up costs more than publishing.
const COLLECT: Duration = Duration::from_millis(250);

/// How alerts are collected to be published.
fn batch_policy(most: usize) -> BatchPolicy {
    BatchPolicy { enough: ENOUGH.min(most), most, delay: COLLECT }
}
