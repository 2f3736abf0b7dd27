//! Pigear as a service of systemd.

mod notified;
mod passed;
mod units;
