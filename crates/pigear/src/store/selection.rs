//! Which alerts are selected, as users write it: the options of `pigear query`, and the parameters of the
//! page's API.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
#[cfg(feature = "script")]
use pigear_alert::Alert;
use pigear_alert::packet::IpProtocol;

use super::criteria::Criteria;
#[cfg(feature = "script")]
use super::criteria::Test;
use super::moment::moment;
#[cfg(feature = "script")]
use super::narrowing::NativeCondition;
use crate::keys::number;
use crate::network::Network;

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

    /// With this priority; several with commas between
    #[cfg_attr(
        feature = "command",
        arg(long, value_name = "N", value_delimiter = ',', value_parser = number::<u32>)
    )]
    #[cfg_attr(feature = "web", param(style = Form, explode = false, required = false))]
    pub priority: Vec<u32>,

    /// Of this class, by its short name; `none` for alerts without a class; several with commas between
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

    /// For which EXPR is true, such as `msg.caplen > 1000`; see docs/script.md
    #[cfg(feature = "script")]
    #[cfg_attr(feature = "command", arg(long, value_name = "EXPR"))]
    pub filter: Option<String>,
}

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
        let (gid, sid) = text.split_once(':').map_or((None, text), |(gid, sid)| (Some(gid), sid));
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

/// A selection makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionProblem {
    /// A time can't be read.
    #[error("{0}")]
    Time(String),
    /// The span of time is empty.
    #[error("--since is {since:.0}, and --until is {until:.0}: --since must be the earlier one")]
    Reversed {
        /// Its begin.
        since: Timestamp,
        /// Its end.
        until: Timestamp,
    },
    /// The filter is invalid.
    #[cfg(feature = "script")]
    #[error("--filter: {0}")]
    Filter(crate::script::ScriptProblem),
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
    /// If the text can't be read, or the criterion has one value and is already set.
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
            "priority" => several(&mut self.priority, text)?,
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
            "filter" => once(&mut self.filter, Ok(text.to_owned()))?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// The criteria. Times without an offset are in the zone, which is asked for only if there are times.
    ///
    /// # Errors
    /// If the span of time is empty, or the filter is invalid.
    pub fn criteria(&self, zone: impl Fn() -> TimeZone) -> Result<Criteria, SelectionProblem> {
        self.criteria_with(zone, true)
    }

    /// The same, for a change of what meets them: an alert for which the filter fails doesn't.
    ///
    /// # Errors
    /// If the span of time is empty, or the filter is invalid.
    pub fn criteria_for_change(
        &self,
        zone: impl Fn() -> TimeZone,
    ) -> Result<Criteria, SelectionProblem> {
        self.criteria_with(zone, false)
    }

    fn criteria_with(
        &self,
        zone: impl Fn() -> TimeZone,
        on_failure: bool,
    ) -> Result<Criteria, SelectionProblem> {
        let time = |text: &Option<String>| {
            let time = text.as_deref().map(|text| moment(text, &zone())).transpose();
            time.map_err(SelectionProblem::Time)
        };
        let (since, until) = (time(&self.since)?, time(&self.until)?);
        if let Some((since, until)) = since.zip(until)
            && since > until
        {
            return Err(SelectionProblem::Reversed { since, until });
        }
        #[cfg(feature = "script")]
        let filter = self.filter.as_deref();
        let (also, native) = match filter.map(|it| passes(it, on_failure)).transpose()? {
            Some((also, native)) => (Some(also), native),
            None => (None, None),
        };
        #[cfg(not(feature = "script"))]
        let (also, native) = (None, None);
        Ok(Criteria {
            since,
            until,
            received: None,
            gid: self.gid.clone(),
            sid: self.sid.iter().filter(|id| id.gid.is_none()).map(|id| id.sid).collect(),
            rule: self.sid.iter().filter_map(|id| Some((id.gid?, id.sid))).collect(),
            priority: self.priority.clone(),
            class: self.class.clone(),
            src: self.src,
            dst: self.dst,
            host: self.host,
            port: self.port,
            proto: self.proto,
            sensor: self.sensor.clone(),
            text: self.text.clone(),
            acknowledged: self.acknowledged,
            starred: self.starred,
            comment: self.comment.clone(),
            also,
            native,
        })
    }
}

/// A filter's condition, and the same if it needs no engine. If the filter fails, an alert passes, as with
/// handlers, or does not.
#[cfg(feature = "script")]
fn passes(
    script: &str,
    on_failure: bool,
) -> Result<(Test, Option<NativeCondition>), SelectionProblem> {
    use std::cell::{Cell, RefCell};
    use std::sync::Arc;

    let filter = crate::script::Filter::compile(script).map_err(SelectionProblem::Filter)?;
    let native = filter.native_condition();
    let (filter, failed) = (RefCell::new(filter), Cell::new(false));
    let test = move |alert: &Alert| {
        if let Some(passes) = filter.borrow().passes_natively(alert) {
            return passes;
        }
        let passes = filter.borrow_mut().passes(&Arc::new(alert.clone()));
        passes.unwrap_or_else(|error| {
            if !failed.replace(true) {
                let passes = if on_failure { "passes" } else { "doesn't pass" };
                tracing::warn!("the filter failed, so the alert {passes}: {error}");
            }
            on_failure
        })
    };
    Ok((Box::new(test), native))
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
    let named = [
        ("tcp", IpProtocol::TCP),
        ("udp", IpProtocol::UDP),
        ("icmp", IpProtocol::ICMP),
        ("icmpv6", IpProtocol::ICMPV6),
        ("sctp", IpProtocol::SCTP),
        ("gre", IpProtocol::GRE),
    ];
    let found = named.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, n)| *n);
    found
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
            let is_list = ["gid", "sid", "priority", "class"].contains(&name);
            assert_eq!(selection.set(name, text).is_ok(), is_list, "{name} twice");
        }
        assert_eq!(Selection::default().set("sids", "1"), Ok(false));
        assert!(Selection::default().set("sid", "1,x").is_err());
    }

    #[test]
    fn a_reversed_span_is_refused() {
        let mut selection = Selection::default();
        selection.set("since", "2026-11-02").unwrap();
        selection.set("until", "2026-11-01").unwrap();
        let problem = selection.criteria(|| TimeZone::UTC).err().unwrap();
        assert!(matches!(problem, SelectionProblem::Reversed { .. }));
    }
}
