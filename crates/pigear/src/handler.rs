//! The handlers that come with Pigear.
//!
//! | name | does |
//! |---|---|
//! | [`print`](mod@print) | writes each alert to standard output |
//! | [`file`](mod@file) | appends each alert to a file, which it rotates |
//! | [`record`] | keeps the datagrams as they came, for `play` |
//! | [`null`] | counts only |

pub mod file;
pub mod null;
pub mod print;
pub mod record;
pub mod rotate;
mod writer;
