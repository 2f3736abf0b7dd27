//! The real program, as its users have it: each test is a transcript of what was typed and sent, and
//! of what the program then wrote and returned.

mod bad_datagrams;
mod harness;
mod occupied;
mod running;
mod snort;
mod usage;
