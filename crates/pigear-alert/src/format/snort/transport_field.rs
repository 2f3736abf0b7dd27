//! Fields of transport headers, which Snort 2 and Snort 3 write alike.

use super::subject::Subject;
use super::value::{Plain, Value};
use crate::packet::{Header, Icmp, Tcp};

/// A field of TCP's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TcpField {
    Flags,
    Seq,
    Ack,
    Len,
    Window,
}

/// A field of an ICMP message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IcmpField {
    Type,
    Code,
    Id,
    Seq,
}

impl TcpField {
    pub(super) fn value<'a>(self, subject: &Subject<'a>) -> Value<'a> {
        let Some(Header::Tcp(tcp)) = subject.packet.transport() else { return Value::Absent };
        let &Tcp { flags, sequence, acknowledgment, header_len, window, .. } = tcp;
        match self {
            Self::Flags => Value::Plain(Plain::Flags(flags)),
            Self::Seq => Value::Hexadecimal(sequence.into()),
            Self::Ack => Value::Hexadecimal(acknowledgment.into()),
            Self::Len => Value::Number(header_len.into()),
            Self::Window => Value::Hexadecimal(window.into()),
        }
    }
}

impl IcmpField {
    pub(super) fn value<'a>(self, subject: &Subject<'a>) -> Value<'a> {
        let Some(Header::Icmpv4(icmp) | Header::Icmpv6(icmp)) = subject.packet.transport() else {
            return Value::Absent;
        };
        let &Icmp { icmp_type, code, rest: [a, b, c, d], .. } = icmp;
        Value::Number(match self {
            Self::Type => icmp_type.into(),
            Self::Code => code.into(),
            Self::Id => u16::from_be_bytes([a, b]).into(),
            Self::Seq => u16::from_be_bytes([c, d]).into(),
        })
    }
}
