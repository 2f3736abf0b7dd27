//! TCP, as Snort's `alert_full` prints it.

use std::fmt::{self, Display, Write as _};

use crate::packet::Tcp;

const FIXED_LEN: usize = 20;
const URGENT: u8 = 0x20;

/// `***A**** Seq: 0x1  Ack: 0x2  Win: 0x2000  TcpLen: 20`, and a line of options if there are any.
pub(super) struct TcpLines<'a> {
    pub(super) tcp: &'a Tcp,
    /// The header's bytes, as far as there are any.
    pub(super) bytes: &'a [u8],
}

impl Display for TcpLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tcp { flags, sequence, acknowledgment, window, header_len, urgent, .. } = *self.tcp;
        write!(f, "{} Seq: {sequence:#X}  Ack: {acknowledgment:#X}", Flags(flags))?;
        write!(f, "  Win: {window:#X}")?;
        write!(f, "  TcpLen: {header_len}")?;
        if flags & URGENT != 0 {
            write!(f, "  UrgPtr: {urgent:#X}")?;
        }
        f.write_str("\n")?;
        let options = options(self.bytes.get(FIXED_LEN..).unwrap_or_default());
        if options.is_empty() {
            return Ok(());
        }
        writeln!(f, "TCP Options ({}) => {}", options.len(), options.join(" "))
    }
}

/// TCP's flags as Snort has them: the two reserved bits, then URG to FIN.
pub(super) struct Flags(pub(super) u8);

impl Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut flags = "12UAPRSF".chars().enumerate();
        flags.try_for_each(|(n, name)| {
            f.write_char(if self.0 & (0x80 >> n) == 0 { '*' } else { name })
        })
    }
}

/// The options up to the one that ends the list, or up to a broken one.
fn options(mut bytes: &[u8]) -> Vec<String> {
    const END: u8 = 0;
    const NOTHING: u8 = 1;
    let mut texts = Vec::new();
    while let Some((&kind, rest)) = bytes.split_first() {
        match kind {
            END => {
                texts.push("EOL".to_owned());
                break;
            }
            NOTHING => {
                texts.push("NOP".to_owned());
                bytes = rest;
            }
            _ => {
                let Some((value, rest)) = value(rest) else { break };
                texts.push(option(kind, value));
                bytes = rest;
            }
        }
    }
    texts
}

/// What an option holds, and what follows it. Its length counts its kind and the length too.
fn value(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&len, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(len).checked_sub(2)?)
}

fn option(kind: u8, value: &[u8]) -> String {
    match (kind, value) {
        (2, &[a, b]) => format!("MSS: {}", u16::from_be_bytes([a, b])),
        (3, &[shift]) => format!("WS: {shift}"),
        (4, []) => "SackOK".to_owned(),
        // Snort reads the edges as 16 bits; they have 32.
        (5, edges) if !edges.is_empty() && edges.len() % 8 == 0 => {
            let edges: Vec<String> = numbers(edges).map(|edge| edge.to_string()).collect();
            let blocks: Vec<String> = edges.chunks(2).map(|block| block.join("@")).collect();
            format!("Sack: {}", blocks.join(" "))
        }
        (8, times) if times.len() == 8 => {
            let times: Vec<String> = numbers(times).map(|time| time.to_string()).collect();
            format!("TS: {}", times.join(" "))
        }
        _ => {
            let pairs = value.chunks(2).map(|pair| {
                pair.iter().fold(" ".to_owned(), |text, byte| text + &format!("{byte:02X}"))
            });
            format!("Opt {kind} ({}):{}", value.len(), pairs.collect::<String>())
        }
    }
}

fn numbers(bytes: &[u8]) -> impl Iterator<Item = u32> {
    let words = bytes.chunks_exact(4).filter_map(<[u8]>::first_chunk::<4>);
    words.map(|word| u32::from_be_bytes(*word))
}
