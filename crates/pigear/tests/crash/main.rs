//! Pigear and a receiver are killed again and again under load, and in the end nothing is missing; nor is
//! it after a long outage.
//!
//! Every alert that was stored has arrived, in order; what arrived twice came with the same key; and the
//! store was never damaged, or Pigear would not have started. `PIGEAR_KILLS` says how often Pigear is
//! killed, ten times by default.
//!
//! This program is also the receiver, as a process of its own: `crash receive ADDRESS FILE`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and says what it found"
)]

mod killed;
mod log;
mod receiver;
mod snort;

use std::env;

fn main() {
    let args: Vec<_> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["receive", address, file] => receiver::receive(address, file.as_ref()),
        // As `cargo test` asks every test program.
        [.., "--list"] | ["--list", ..] => println!("nothing_is_missing: test"),
        _ => {
            let kills = env::var("PIGEAR_KILLS").map_or(10, |kills| kills.parse().unwrap());
            killed::nothing_is_missing(kills);
            killed::an_outage_is_made_up_for();
            log::nothing_is_missing(kills);
        }
    }
}
