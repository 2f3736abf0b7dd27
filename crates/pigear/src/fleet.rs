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

pub(crate) use archive::Archive;
use form::Decoder;
pub use form::{FormError, decode, encode};
pub use subject::SubjectTemplate;
