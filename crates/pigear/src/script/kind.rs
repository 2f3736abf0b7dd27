//! The kinds of values, as far as they are known before a script runs.

use pigear_alert::packet::IpProtocol;
use pigear_alert::wire::Dialect;

/// The kind of a field's value, where it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Not known before the script runs.
    Any,
    /// True or false.
    Truth,
    /// A number between two others.
    Number { min: i64, max: i64 },
    /// A text.
    Text,
    /// An address, as a text.
    Address,
    /// A protocol's name, as a text, or the number of one without a name.
    Protocol,
    /// One of some words, as a text.
    Word(Words),
    /// Bytes.
    Bytes,
    /// A list.
    List(&'static Kind),
    /// A range of numbers.
    Range,
    /// Values by name.
    Map,
    /// Values by name, of which these are all.
    Keys(&'static [&'static str]),
    /// `msg`.
    Message,
    /// `alert`.
    Alert,
}

/// The words that a field can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Words {
    /// Classes: the user's own may be among them.
    Class,
    Action,
    Dialect,
    Source,
}

impl Kind {
    /// Any number.
    pub(crate) const NUMBER: Self = Self::Number { min: i64::MIN, max: i64::MAX };
    /// A number of 32 bits.
    pub(crate) const WIDE: Self = Self::Number { min: 0, max: u32::MAX as i64 };
    /// A port, or another number of 16 bits.
    pub(crate) const PORT: Self = Self::Number { min: 0, max: u16::MAX as i64 };

    /// The kind, with its article.
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Truth => "true or false",
            Self::Number { .. } => "a number",
            Self::Text | Self::Protocol | Self::Word(_) => "a text",
            Self::Address => "an address",
            Self::Bytes => "bytes",
            Self::List(_) => "a list",
            Self::Range => "a range",
            Self::Map | Self::Keys(_) => "a map",
            Self::Message => "a whole message",
            Self::Alert => "a whole alert",
        }
    }

    /// Whether its values are texts.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Text | Self::Address | Self::Protocol | Self::Word(_))
    }

    /// Whether texts compare with it without case.
    pub(super) fn ignores_case(self) -> bool {
        matches!(self, Self::Protocol | Self::Word(_))
    }

    /// Whether two values may be equal.
    pub(super) fn compares_with(self, other: Self) -> bool {
        match (self, other) {
            (Self::Any, _)
            | (_, Self::Any)
            | (Self::Protocol, Self::Number { .. })
            | (Self::Number { .. }, Self::Protocol | Self::Number { .. })
            | (Self::List(_), Self::List(_))
            | (Self::Map | Self::Keys(_), Self::Map | Self::Keys(_)) => true,
            (Self::Message | Self::Alert, _) => false,
            (one, other) if one.is_text() => other.is_text(),
            (one, other) => one == other,
        }
    }

    /// The kind of a list's elements, or of what else is indexed.
    pub(super) fn element(self) -> Self {
        match self {
            Self::List(element) => *element,
            Self::Bytes => Self::Number { min: 0, max: 255 },
            _ => Self::Any,
        }
    }

    /// What is common to two kinds.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (one, other) if one == other => one,
            (Self::Number { .. }, Self::Number { .. }) => Self::NUMBER,
            (one, other) if one.is_text() && other.is_text() => Self::Text,
            (Self::Map | Self::Keys(_), Self::Map | Self::Keys(_)) => Self::Map,
            _ => Self::Any,
        }
    }

    /// All texts that values of this kind can be, if these are known.
    pub(super) fn texts(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Protocol => {
                Some((0..=u8::MAX).filter_map(|number| IpProtocol(number).name()).collect())
            }
            Self::Word(words) => words.all(),
            _ => None,
        }
    }

    /// All these texts, to be shown; of protocols there are too many.
    pub(super) fn choice(self) -> String {
        match self.texts() {
            Some(texts) if self != Self::Protocol => {
                let texts: Vec<_> = texts.iter().map(|text| format!("{text:?}")).collect();
                format!("; it is {}", texts.join(", "))
            }
            _ => String::new(),
        }
    }

    /// Why no value of this kind is this text, if none is: what to write instead.
    pub(super) fn never(self, text: &str) -> Option<Never> {
        match self {
            Self::Protocol => no_protocol(text),
            Self::Word(words) => words.never(text),
            _ => None,
        }
    }
}

/// What to write instead of a text that a field never has.
pub(super) enum Never {
    /// This text.
    Write(String),
    /// This number.
    WriteNumber(u8),
    /// One of these.
    OneOf(String),
}

impl Words {
    fn never(self, text: &str) -> Option<Never> {
        match self {
            Self::Class => None,
            Self::Action => {
                let meant = ACTIONS.iter().find(|(not, _)| not.eq_ignore_ascii_case(text));
                meant.map_or_else(
                    || none_of(&VERDICTS, text),
                    |(_, meant)| Some(Never::Write((*meant).to_owned())),
                )
            }
            Self::Dialect => none_of(&Dialect::ALL.map(Dialect::name), text),
            Self::Source => none_of(&["unified2"], text),
        }
    }

    /// All words, if the user can't add some.
    fn all(self) -> Option<Vec<&'static str>> {
        match self {
            Self::Class => None,
            Self::Action => Some(VERDICTS.to_vec()),
            Self::Dialect => Some(Dialect::ALL.map(Dialect::name).to_vec()),
            Self::Source => Some(vec!["unified2"]),
        }
    }
}

/// What Snort may have done with a packet.
const VERDICTS: [&str; 5] = ["allowed", "blocked", "would_block", "cannot_block", "held"];

/// What users write for what Snort did with a packet.
const ACTIONS: [(&str, &str); 9] = [
    ("hold", "held"),
    ("allow", "allowed"),
    ("alert", "allowed"),
    ("pass", "allowed"),
    ("block", "blocked"),
    ("drop", "blocked"),
    ("dropped", "blocked"),
    ("would block", "would_block"),
    ("reject", "blocked"),
];

fn none_of(words: &[&str], text: &str) -> Option<Never> {
    if words.iter().any(|word| word.eq_ignore_ascii_case(text)) {
        return None;
    }
    let near = crate::similar::nearest(text, words.iter().copied());
    Some(near.map_or_else(
        || {
            Never::OneOf(
                words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", "),
            )
        },
        |near| Never::Write(near.to_owned()),
    ))
}

fn no_protocol(text: &str) -> Option<Never> {
    let all = || (0..=u8::MAX).map(IpProtocol);
    let named = all().filter_map(IpProtocol::name);
    if named.clone().any(|name| name.eq_ignore_ascii_case(text)) {
        return None;
    }
    let number = text.parse().ok().map(IpProtocol);
    let called = |protocol: &IpProtocol| {
        protocol.keyword().is_some_and(|keyword| keyword.eq_ignore_ascii_case(text))
    };
    let meant = number.or_else(|| all().find(called));
    Some(match meant {
        Some(protocol) => protocol
            .name()
            .map_or(Never::WriteNumber(protocol.0), |name| Never::Write(name.to_owned())),
        None => match crate::similar::nearest(text, named) {
            Some(name) => Never::Write(name.to_owned()),
            None => Never::OneOf("\"TCP\", \"UDP\", \"ICMP\", \"ICMPv6\", or a number".to_owned()),
        },
    })
}
