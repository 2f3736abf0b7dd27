//! ICMP, as Snort's `alert_full` prints it.

use std::fmt::{self, Display};
use std::net::Ipv4Addr;

use crate::packet::{Echo, Icmp};

/// `Type:8  Code:0  ID:1   Seq:1  ECHO`
pub(super) enum IcmpLine<'a> {
    V4(&'a Icmp),
    V6(&'a Icmp),
}

impl Display for IcmpLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::V4(icmp) | Self::V6(icmp)) = self;
        write!(f, "Type:{}  Code:{}", icmp.icmp_type, icmp.code)?;
        match (self, icmp.echo) {
            // The three spaces are Snort's, and so are the two of a reply.
            (_, Some(Echo { id, sequence })) if matches!(icmp.icmp_type, 8 | 128) => {
                write!(f, "  ID:{id}   Seq:{sequence}  ECHO")
            }
            (_, Some(Echo { id, sequence })) => write!(f, "  ID:{id}  Seq:{sequence}  ECHO REPLY"),
            (Self::V4(_), None) => {
                f.write_str("  ")?;
                write_meaning(icmp, f)
            }
            (Self::V6(_), None) => Ok(()),
        }
    }
}

fn write_meaning(icmp: &Icmp, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Icmp { icmp_type, code, rest, .. } = *icmp;
    let first = u16::from_be_bytes([rest[0], rest[1]]);
    let second = u16::from_be_bytes([rest[2], rest[3]]);
    match icmp_type {
        3 => write!(f, "DESTINATION UNREACHABLE: {}", named(&UNREACHABLE, code, "UNKNOWN"))?,
        4 => f.write_str("SOURCE QUENCH")?,
        5 => write!(f, "REDIRECT{} NEW GW: {}", named(&REDIRECT, code, ""), Ipv4Addr::from(rest))?,
        // Snort's spelling.
        9 => write!(f, "ROUTER ADVERTISMENT: Num addrs: {} Addr entry size: {}", rest[0], rest[1])?,
        10 => f.write_str("ROUTER SOLICITATION")?,
        11 => write!(f, "TTL EXCEEDED{}", named(&EXCEEDED, code, ""))?,
        12 => write!(f, "PARAMETER PROBLEM{}", named(&PROBLEM, code, ""))?,
        13..=18 => {
            let query = named(&QUERIES, icmp_type - 13, "");
            write!(f, "ID: {first}  Seq: {second}  {query}")?;
        }
        _ => f.write_str("UNKNOWN")?,
    }
    match (icmp_type, code) {
        (3, 4) => write!(f, "\nNEXT LINK MTU: {second}"),
        (9, _) => write!(f, " Lifetime: {second}"),
        (12, 0) => write!(f, " {}", rest[0]),
        _ => Ok(()),
    }
}

fn named(names: &[&'static str], code: u8, other: &'static str) -> &'static str {
    names.get(usize::from(code)).unwrap_or(&other)
}

const UNREACHABLE: [&str; 16] = [
    "NET UNREACHABLE",
    "HOST UNREACHABLE",
    "PROTOCOL UNREACHABLE",
    "PORT UNREACHABLE",
    "FRAGMENTATION NEEDED, DF SET",
    "SOURCE ROUTE FAILED",
    "NET UNKNOWN",
    "HOST UNKNOWN",
    "HOST ISOLATED",
    "ADMINISTRATIVELY PROHIBITED NETWORK FILTERED",
    "ADMINISTRATIVELY PROHIBITED HOST FILTERED",
    "NET UNREACHABLE FOR TOS",
    "HOST UNREACHABLE FOR TOS",
    "ADMINISTRATIVELY PROHIBITED,\nPACKET FILTERED",
    "PREC VIOLATION",
    "PREC CUTOFF",
];
const REDIRECT: [&str; 4] = [" NET", " HOST", " TOS NET", " TOS HOST"];
const EXCEEDED: [&str; 2] = [" IN TRANSIT", " TIME EXCEEDED IN FRAG REASSEMBLY"];
const PROBLEM: [&str; 3] = [": BAD IP HEADER BYTE", ": OPTION MISSING", ": BAD LENGTH"];
const QUERIES: [&str; 6] = [
    "TIMESTAMP REQUEST",
    "TIMESTAMP REPLY",
    "INFO REQUEST",
    "INFO REPLY",
    "ADDRESS REQUEST",
    "ADDRESS REPLY",
];
