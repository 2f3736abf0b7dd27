use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::EventKey;
use super::fields::Fields;

/// What comes before the data itself.
pub(super) const HEAD_LEN: usize = 32;

/// The blob's length counts itself and the data type before it.
const COUNTED_BEFORE: usize = 8;

/// Something more that Snort knows of an event (`SerialUnified2ExtraData`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtraData<'a> {
    /// The event that it belongs to.
    pub key: EventKey,
    /// What it is.
    pub info: InfoType,
    /// The thing itself: text in any encoding, or an address in network byte order.
    pub data: &'a [u8],
}

impl<'a> ExtraData<'a> {
    /// `None` if there are not even the head's bytes.
    ///
    /// # Errors
    /// With the length that the data claims to have, if the body is shorter.
    pub(super) fn parse(body: &'a [u8]) -> Result<Option<Self>, u32> {
        let Some((head, data)) = body.split_first_chunk::<HEAD_LEN>() else { return Ok(None) };
        let head = Fields(head);
        let claimed = head.u32_at::<28>();
        let length = usize::try_from(claimed).unwrap_or(usize::MAX);
        Ok(Some(Self {
            key: EventKey {
                sensor_id: head.u32_at::<8>(),
                event_id: head.u32_at::<12>(),
                second: head.u32_at::<16>(),
            },
            info: InfoType(head.u32_at::<20>()),
            data: data.get(..length.saturating_sub(COUNTED_BEFORE)).ok_or(claimed)?,
        }))
    }

    /// The address, where the information is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        address(self.info, self.data)
    }
}

/// The address that `data` is, if the information is one.
pub(super) fn address(info: InfoType, data: &[u8]) -> Option<IpAddr> {
    match info {
        InfoType::XFF_IPV4 => {
            let bytes: [u8; 4] = data.try_into().ok()?;
            Some(Ipv4Addr::from(bytes).into())
        }
        InfoType::XFF_IPV6 | InfoType::IPV6_SOURCE | InfoType::IPV6_DESTINATION => {
            let bytes: [u8; 16] = data.try_into().ok()?;
            Some(Ipv6Addr::from(bytes).into())
        }
        _ => None,
    }
}

/// What kind of thing extra data is (`EventInfoEnum`). Open: unknown kinds are kept as numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InfoType(pub u32);

impl InfoType {
    /// The client's address, as a proxy gave it.
    pub const XFF_IPV4: Self = Self(1);
    /// The client's address, as a proxy gave it.
    pub const XFF_IPV6: Self = Self(2);
    /// A body, unpacked.
    pub const GZIP_DATA: Self = Self(4);
    /// Name of a file in mail.
    pub const SMTP_FILENAME: Self = Self(5);
    /// Sender of mail (`MAIL FROM`).
    pub const SMTP_MAIL_FROM: Self = Self(6);
    /// Recipient of mail (`RCPT TO`).
    pub const SMTP_RCPT_TO: Self = Self(7);
    /// Headers of mail.
    pub const SMTP_HEADERS: Self = Self(8);
    /// The path that was asked for.
    pub const HTTP_URI: Self = Self(9);
    /// The host that was asked.
    pub const HTTP_HOST: Self = Self(10);
    /// Source address of an IPv6 packet.
    pub const IPV6_SOURCE: Self = Self(11);
    /// Destination address of an IPv6 packet.
    pub const IPV6_DESTINATION: Self = Self(12);
    /// A script, normalised.
    pub const JAVASCRIPT: Self = Self(13);

    /// All kinds that are known here.
    pub const ALL: [Self; 12] = {
        let mut all = [Self(0); 12];
        let mut i = 0;
        while i < all.len() {
            all[i] = Self::NAMES[i].0;
            i += 1;
        }
        all
    };

    const NAMES: [(Self, &'static str); 12] = [
        (Self::XFF_IPV4, "xff"),
        (Self::XFF_IPV6, "xff"),
        (Self::GZIP_DATA, "gzip_data"),
        (Self::SMTP_FILENAME, "smtp_filename"),
        (Self::SMTP_MAIL_FROM, "smtp_mail_from"),
        (Self::SMTP_RCPT_TO, "smtp_rcpt_to"),
        (Self::SMTP_HEADERS, "smtp_headers"),
        (Self::HTTP_URI, "http_uri"),
        (Self::HTTP_HOST, "http_host"),
        (Self::IPV6_SOURCE, "ipv6_source"),
        (Self::IPV6_DESTINATION, "ipv6_destination"),
        (Self::JAVASCRIPT, "javascript"),
    ];

    /// A name in lower case, for the kinds that are known.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Self::NAMES.iter().find(|(info, _)| *info == self).map(|(_, name)| *name)
    }
}

impl fmt::Display for InfoType {
    /// The name, or the number where there is none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => self.0.fmt(f),
        }
    }
}
