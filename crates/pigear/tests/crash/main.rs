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

#[path = "../../../pigear-alert/tests/support/ports.rs"]
mod ports;

use std::env;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let args: Vec<_> = env::args().skip(1).collect();
    if let ["receive", address, file] = args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        return receiver::receive(address, file.as_ref());
    }
    let kills = env::var("PIGEAR_KILLS").map_or(10, |kills| kills.parse().unwrap());
    let test = |name, run: fn(usize)| {
        Trial::test(name, move || {
            run(kills);
            Ok(())
        })
    };
    let tests = vec![
        test("killed::nothing_is_missing", killed::nothing_is_missing),
        test("killed::nothing_is_missing_of_groups", killed::nothing_is_missing_of_groups),
        test("killed::no_minute_has_more_messages", killed::no_minute_has_more_messages),
        test("killed::an_outage_is_made_up_for", |_| killed::an_outage_is_made_up_for()),
        test("log::nothing_is_missing", log::nothing_is_missing),
    ];
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}
