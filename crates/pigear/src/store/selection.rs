//! Which alerts are selected, as users write it: the options of `pigear query`, and the parameters of the
//! page's API.

mod criteria;

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use pigear_alert::packet::IpProtocol;

use super::moment::moment;
use super::priority::priority;
use crate::keys::number;
use crate::network::Network;

pub use criteria::SelectionProblem;

/// Which alerts are selected, as users write it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
#[cfg_attr(feature = "command", derive(clap::Args))]
#[cfg_attr(feature = "command", command(next_help_heading = "Which alerts"))]
#[cfg_attr(feature = "web", derive(utoipa::IntoParams), into_params(parameter_in = Query))]
pub struct Selection {
    /// From this time on: today, yesterday, how long ago (90m, 1h, 2d, 1month), a date, or a time
    /// such as "2026-11-18 16:27" or 2026-11-18T16:27:50Z
    #[cfg_attr(feature = "command", arg(long, value_name = "TIME", value_parser = known_moment))]
    pub since: Option<String>,

    /// Before this time; all of yesterday is `--since yesterday --until today`
    #[cfg_attr(feature = "command", arg(long, value_name = "TIME", value_parser = known_moment))]
    pub until: Option<String>,

    /// Of this generator; several with commas between
    #[cfg_attr(
        feature = "command",
        arg(long, value_name = "N", value_delimiter = ',', value_parser = number::<u32>)
    )]
    #[cfg_attr(feature = "web", param(style = Form, explode = false, required = false))]
    pub gid: Vec<u32>,

    /// With this signature id, or this generator and signature id (1:384); several with commas between
    #[cfg_attr(feature = "command", arg(long, value_name = "N", value_delimiter = ','))]
    #[cfg_attr(feature = "web", param(value_type = Vec<String>, style = Form, explode = false, required = false))]
    pub sid: Vec<RuleId>,

    /// With this priority: a number, or high (1), medium, low, very-low, or unknown (0); several with
    /// commas between
    #[cfg_attr(
        feature = "command",
        arg(long, value_name = "N", value_delimiter = ',', value_parser = priority)
    )]
    #[cfg_attr(feature = "web", param(value_type = Vec<String>, style = Form, explode = false, required = false))]
    pub priority: Vec<u32>,

    /// Of this class, by its short name or its description; `none` for alerts without a class; several
    /// with commas between
    #[cfg_attr(feature = "command", arg(long, value_name = "NAME", value_delimiter = ','))]
    #[cfg_attr(feature = "web", param(style = Form, explode = false, required = false))]
    pub class: Vec<String>,

    /// From this address or network
    #[cfg_attr(feature = "command", arg(long, value_name = "NET"))]
    #[cfg_attr(feature = "web", param(value_type = Option<String>, example = "10.0.0.0/8"))]
    pub src: Option<Network>,

    /// To this address or network
    #[cfg_attr(feature = "command", arg(long, value_name = "NET"))]
    #[cfg_attr(feature = "web", param(value_type = Option<String>, example = "10.0.0.0/8"))]
    pub dst: Option<Network>,

    /// From or to this address or network
    #[cfg_attr(feature = "command", arg(long, value_name = "NET", alias = "ip"))]
    #[cfg_attr(feature = "web", param(value_type = Option<String>, example = "10.0.0.0/8"))]
    pub host: Option<Network>,

    /// From or to this port
    #[cfg_attr(feature = "command", arg(long, value_name = "N", value_parser = number::<u16>))]
    pub port: Option<u16>,

    /// With this protocol: tcp, udp, icmp, icmpv6, or a number
    #[cfg_attr(feature = "command", arg(long, value_name = "NAME", value_parser = protocol))]
    #[cfg_attr(feature = "web", param(value_type = Option<String>, example = "tcp"))]
    pub proto: Option<IpProtocol>,

    /// Of this sensor
    #[cfg_attr(feature = "command", arg(long, value_name = "NAME"))]
    pub sensor: Option<String>,

    /// With this text in the message, in upper or lower case
    #[cfg_attr(feature = "command", arg(long, value_name = "TEXT"))]
    pub text: Option<String>,

    /// Only those that were acknowledged; `no` for those that were not
    #[cfg_attr(feature = "command", arg(long, value_name = "yes|no", num_args = 0..=1,
        require_equals = true, default_missing_value = "yes", value_parser = yes_or_no))]
    pub acknowledged: Option<bool>,

    /// Only those that were starred; `no` for those that were not
    #[cfg_attr(feature = "command", arg(long, value_name = "yes|no", num_args = 0..=1,
        require_equals = true, default_missing_value = "yes", value_parser = yes_or_no))]
    pub starred: Option<bool>,

    /// With this text in a comment, in upper or lower case
    #[cfg_attr(feature = "command", arg(long, value_name = "TEXT"))]
    pub comment: Option<String>,

    /// For which EXPR is true, such as `msg.caplen > 1000`; may be repeated, then all must be; see
    /// pigear help fields
    #[cfg(feature = "script")]
    #[cfg_attr(feature = "command", arg(long, value_name = "EXPR"))]
    #[cfg_attr(feature = "web", param(required = false, max_items = 16))]
    pub filter: Vec<String>,
}

/// The most filters of a selection that comes over the network: each is compiled, and run for each alert.
#[cfg(feature = "script")]
const MAX_FILTERS: usize = 16;

/// The most bytes of all of them.
#[cfg(feature = "script")]
const MAX_FILTER_BYTES: usize = 8 << 10;

/// A signature id, as `384` or, with its generator, `1:384`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId {
    /// The generator, if it is given.
    pub gid: Option<u32>,
    /// The signature id.
    pub sid: u32,
}

impl FromStr for RuleId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // As Snort writes it, in brackets.
        let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let text = inside.unwrap_or(text);
        let (gid, sid) = text.split_once(':').map_or((None, text), |(gid, sid)| (Some(gid), sid));
        let without = |problem: String| match sid.split_once(':') {
            Some((sid, _)) => {
                let rule = gid.map_or_else(String::new, |gid| format!("{gid}:{sid}"));
                format!("alerts are not selected by their revision; give {rule}")
            }
            None => format!("{problem}, or with its generator, such as 1:384"),
        };
        let number = |text| number(text).map_err(without);
        Ok(Self { gid: gid.map(number).transpose()?, sid: number(sid)? })
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.gid {
            Some(gid) => write!(f, "{gid}:{}", self.sid),
            None => write!(f, "{}", self.sid),
        }
    }
}

impl Selection {
    /// The names that [`set`](Self::set) knows: those of the options of `pigear query`, and `ip` for `host`.
    pub const NAMES: [&str; 18] = [
        "since",
        "until",
        "gid",
        "sid",
        "priority",
        "class",
        "src",
        "dst",
        "host",
        "ip",
        "port",
        "proto",
        "sensor",
        "text",
        "acknowledged",
        "starred",
        "comment",
        "filter",
    ];

    /// Sets a criterion from its name and its text. Returns false if there is no criterion of this name.
    ///
    /// # Errors
    /// If the text can't be read, the criterion has one value and is already set, or filters become too many or too
    /// long.
    pub fn set(&mut self, name: &str, text: &str) -> Result<bool, String> {
        match name {
            "since" => once(&mut self.since, known_moment(text))?,
            "until" => once(&mut self.until, known_moment(text))?,
            "gid" => several(&mut self.gid, text)?,
            "sid" => {
                for text in text.split(',') {
                    self.sid.push(text.parse()?);
                }
            }
            "priority" => {
                for text in text.split(',') {
                    self.priority.push(priority(text)?);
                }
            }
            "class" => self.class.extend(text.split(',').map(str::to_owned)),
            "src" => once(&mut self.src, network(text))?,
            "dst" => once(&mut self.dst, network(text))?,
            "host" | "ip" => once(&mut self.host, network(text))?,
            "port" => once(&mut self.port, number(text))?,
            "proto" => once(&mut self.proto, protocol(text))?,
            "sensor" => once(&mut self.sensor, Ok(text.to_owned()))?,
            "text" => once(&mut self.text, Ok(text.to_owned()))?,
            "acknowledged" => once(&mut self.acknowledged, yes_or_no(text))?,
            "starred" => once(&mut self.starred, yes_or_no(text))?,
            "comment" => once(&mut self.comment, Ok(text.to_owned()))?,
            #[cfg(feature = "script")]
            "filter" => self.add_filter(text)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    #[cfg(feature = "script")]
    fn add_filter(&mut self, text: &str) -> Result<(), String> {
        if self.filter.len() >= MAX_FILTERS {
            return Err(format!("there are more than {MAX_FILTERS} filters"));
        }
        let bytes = self.filter.iter().map(String::len).sum::<usize>() + text.len();
        if bytes > MAX_FILTER_BYTES {
            return Err(format!("the filters have more than {MAX_FILTER_BYTES} bytes"));
        }
        self.filter.push(text.to_owned());
        Ok(())
    }
}

fn once<T>(field: &mut Option<T>, value: Result<T, String>) -> Result<(), String> {
    if field.is_some() {
        return Err("it is given twice".to_owned());
    }
    *field = Some(value?);
    Ok(())
}

fn several(field: &mut Vec<u32>, text: &str) -> Result<(), String> {
    for text in text.split(',') {
        field.push(number(text)?);
    }
    Ok(())
}

fn network(text: &str) -> Result<Network, String> {
    text.parse().map_err(|error: crate::network::NotANetwork| error.to_string())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err("expected yes or no".to_owned()),
    }
}

/// Only checked: it depends on the time zone, which may become known later, what time this is.
fn known_moment(text: &str) -> Result<String, String> {
    moment(text, &TimeZone::UTC).map(|_| text.to_owned())
}

fn protocol(text: &str) -> Result<IpProtocol, String> {
    let is_named = |it: &IpProtocol| it.name().is_some_and(|name| name.eq_ignore_ascii_case(text));
    let named = (0..=u8::MAX).map(IpProtocol).find(is_named);
    named
        .or_else(|| text.parse().ok().map(IpProtocol))
        .ok_or_else(|| "expected tcp, udp, icmp, icmpv6, sctp, gre, or a number".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_sets_a_criterion_and_others_are_not_known() {
        for name in Selection::NAMES {
            let text = match name {
                "since" | "until" => "1h",
                "src" | "dst" | "host" | "ip" => "10.0.0.0/8",
                "proto" => "tcp",
                "acknowledged" | "starred" => "yes",
                _ => "1",
            };
            let mut selection = Selection::default();
            assert_eq!(selection.set(name, text), Ok(true), "{name}");
            let is_list = ["gid", "sid", "priority", "class", "filter"].contains(&name);
            assert_eq!(selection.set(name, text).is_ok(), is_list, "{name} twice");
        }
        assert_eq!(Selection::default().set("sids", "1"), Ok(false));
        assert!(Selection::default().set("sid", "1,x").is_err());
    }

    #[test]
    fn a_protocol_has_the_name_that_alerts_have_or_a_number() {
        for (text, number) in
            [("tcp", 6), ("UDP", 17), ("ICMPv6", 58), ("igmp", 2), ("OSPFIGP", 89), ("255", 255)]
        {
            assert_eq!(protocol(text), Ok(IpProtocol(number)), "{text}");
        }
        assert!(protocol("nosuch").is_err() && protocol("256").is_err());
    }

    #[cfg(feature = "script")]
    #[test]
    fn filters_are_neither_too_many_nor_too_long() {
        let mut selection = Selection::default();
        for _ in 0..16 {
            assert_eq!(selection.set("filter", "true"), Ok(true));
        }
        let problem = selection.set("filter", "true").unwrap_err();
        assert_eq!(problem, "there are more than 16 filters");

        let (mut selection, half) = (Selection::default(), " ".repeat(4 << 10));
        assert_eq!(selection.set("filter", &half), Ok(true));
        assert_eq!(selection.set("filter", &half), Ok(true));
        let problem = selection.set("filter", "1").unwrap_err();
        assert_eq!(problem, "the filters have more than 8192 bytes");
    }
}
