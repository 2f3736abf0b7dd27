//! The real program, as its users have it: each test is a transcript of what was typed and sent, and
//! of what the program then wrote and returned.

mod bad_datagrams;
mod builds;
mod counters;
mod harness;
mod occupied;
mod pipes;
mod running;
mod signals;
mod snort;
mod usage;
