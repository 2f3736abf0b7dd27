//! What a Snort alert *is*: the datagrams of Snort's `alert_unixsock`, decoded, dissected, named
//! and formatted. No I/O, no threads, no `unsafe`.

pub mod maps;
pub mod packet;
