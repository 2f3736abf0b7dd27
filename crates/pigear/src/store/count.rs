//! Counting alerts by what they have in common.
//!
//! Most of it stands in what is noted of blocks; only blocks of which that doesn't tell enough are
//! opened.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use jiff::Timestamp;
use pigear_alert::Alert;
use rusqlite::{Connection, Row};

use super::criteria::Criteria;
use super::error::{Problem, StoreError};
use super::reader::{Further, Reader};
use super::record::microseconds;
use super::search::Search;

/// What alerts are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CountBy {
    /// Generator and signature id.
    Sid,
    /// Source address.
    Src,
    /// Destination address.
    Dst,
    /// Class, by short name.
    Class,
    /// Priority.
    Priority,
    /// Protocol.
    Proto,
    /// Destination port.
    Port,
    /// Sensor.
    Sensor,
    /// Hour, in UTC.
    Hour,
    /// Day, in UTC.
    Day,
}

const NAMES: [(&str, CountBy); 10] = [
    ("sid", CountBy::Sid),
    ("src", CountBy::Src),
    ("dst", CountBy::Dst),
    ("class", CountBy::Class),
    ("priority", CountBy::Priority),
    ("proto", CountBy::Proto),
    ("port", CountBy::Port),
    ("sensor", CountBy::Sensor),
    ("hour", CountBy::Hour),
    ("day", CountBy::Day),
];

impl FromStr for CountBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = NAMES.iter().find(|(name, _)| *name == text).map(|(_, by)| *by);
        found.ok_or_else(|| {
            let known = NAMES.map(|(name, _)| name).join(", ");
            format!("cannot count by {text:?}; known are {known}")
        })
    }
}

impl CountBy {
    /// Whether counts have an order of their own, and are not best sorted by how many.
    #[must_use]
    pub fn is_time(self) -> bool {
        self.unit().is_some()
    }

    /// How long an hour or a day is, in microseconds.
    fn unit(self) -> Option<i64> {
        const HOUR: i64 = 60 * 60 * 1_000_000;
        match self {
            Self::Hour => Some(HOUR),
            Self::Day => Some(24 * HOUR),
            _ => None,
        }
    }

    /// The table that has the counts of blocks, with its column.
    fn table(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Sid | Self::Class | Self::Priority => Some(("signed", "signature")),
            Self::Src => Some(("source", "address")),
            Self::Dst => Some(("destination", "address")),
            _ => None,
        }
    }

    fn is_of_signature(self) -> bool {
        matches!(self, Self::Sid | Self::Class | Self::Priority)
    }
}

/// How many alerts have something in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// What they have in common; nothing if it isn't known of them.
    pub what: Option<String>,
    /// How many there are.
    pub alerts: u64,
}

/// What alerts have in common.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Key {
    Unknown,
    Sid(u32, u32),
    Number(u32),
    Text(String),
    Address(IpAddr),
    Time(i64),
}

struct Tally {
    by: CountBy,
    counts: HashMap<Key, u64>,
    /// The messages of signatures.
    messages: HashMap<Key, Vec<u8>>,
}

impl Tally {
    fn new(by: CountBy) -> Self {
        Self { by, counts: HashMap::new(), messages: HashMap::new() }
    }

    fn add(&mut self, key: Key, n: u64) {
        *self.counts.entry(key).or_default() += n;
    }

    fn add_alert(&mut self, alert: &Alert) {
        let message = &alert.message;
        let key = match self.by {
            CountBy::Sid => Some(Key::Sid(message.sig_generator, message.sig_id)),
            CountBy::Src => alert.src_ip().map(Key::Address),
            CountBy::Dst => alert.dst_ip().map(Key::Address),
            CountBy::Class => alert.class().map(|class| Key::Text(class.name.to_string())),
            CountBy::Priority => alert.priority().map(Key::Number),
            CountBy::Proto => alert.protocol().map(|proto| Key::Text(proto.to_string())),
            CountBy::Port => alert.dst_port().map(|port| Key::Number(port.into())),
            CountBy::Sensor => alert.origin.sensor.clone().map(Key::Text),
            CountBy::Hour | CountBy::Day => self.time(microseconds(alert.timestamp())),
        };
        let key = key.unwrap_or(Key::Unknown);
        if self.by == CountBy::Sid && !self.messages.contains_key(&key) {
            self.messages.insert(key.clone(), alert.msg().into_owned());
        }
        self.add(key, 1);
    }

    fn time(&self, microseconds: i64) -> Option<Key> {
        let unit = self.by.unit()?;
        Some(Key::Time(microseconds.div_euclid(unit) * unit))
    }

    /// The counts: the most first, or the newest last.
    fn finish(self) -> Vec<Count> {
        let mut counts: Vec<_> = self.counts.into_iter().filter(|(_, n)| *n > 0).collect();
        if self.by.is_time() {
            counts.sort_unstable();
        } else {
            counts.sort_unstable_by(|(a, many), (b, few)| few.cmp(many).then_with(|| a.cmp(b)));
        }
        let messages = self.messages;
        let day = self.by == CountBy::Day;
        let count = |(key, alerts): (Key, u64)| Count { what: text(&key, &messages, day), alerts };
        counts.into_iter().map(count).collect()
    }
}

fn text(key: &Key, messages: &HashMap<Key, Vec<u8>>, day: bool) -> Option<String> {
    Some(match key {
        Key::Unknown => return None,
        Key::Sid(gid, sid) => {
            let message = messages.get(key).map(|message| String::from_utf8_lossy(message));
            format!("{gid}:{sid} {}", message.unwrap_or_default())
        }
        Key::Number(number) => number.to_string(),
        Key::Text(text) => text.clone(),
        Key::Address(ip) => ip.to_string(),
        Key::Time(microseconds) => {
            let time = Timestamp::from_microsecond(*microseconds).unwrap_or_default();
            let form = if day { "%Y-%m-%d" } else { "%Y-%m-%d %H:00" };
            time.strftime(form).to_string()
        }
    })
}

/// Which blocks need not be opened: a condition in SQL on their table's columns.
struct Whole {
    condition: String,
}

impl Whole {
    /// `None` if all must be opened.
    fn of(criteria: &Criteria, by: CountBy) -> Option<Self> {
        let by_signature = by.is_of_signature();
        let counted = by.table().is_some() || by.unit().is_some();
        if !counted || criteria.looks_inside() || (criteria.names_signatures() && !by_signature) {
            return None;
        }
        let since = criteria.since.map(|since| format!("first >= {}", microseconds(since)));
        let until = criteria.until.map(|until| format!("last < {}", microseconds(until)));
        let unit = by.unit().map(|unit| format!("first / {unit} = last / {unit}"));
        let conditions: Vec<_> =
            ["TRUE".to_owned()].into_iter().chain(since).chain(until).chain(unit).collect();
        let condition = conditions.join(" AND ");
        Some(Self { condition })
    }

    fn is_everything(&self) -> bool {
        self.condition == "TRUE"
    }
}

impl Reader {
    /// Counts the alerts that meet the criteria.
    ///
    /// # Errors
    /// If the store can't be read.
    pub fn count(&mut self, criteria: &Criteria, by: CountBy) -> Result<Vec<Count>, StoreError> {
        self.try_count(criteria, by).map_err(|problem| problem.at(&self.path))
    }

    fn try_count(&mut self, criteria: &Criteria, by: CountBy) -> Result<Vec<Count>, Problem> {
        let search = Search::new(criteria, &self.connection)?;
        let mut tally = Tally::new(by);
        let mut opened = search.blocks(&self.connection, 0, i64::MAX)?;
        if let Some(whole) = Whole::of(criteria, by) {
            let closed = self.count_whole(&search, &whole, &mut tally)?;
            opened.retain(|block| !closed.contains(block));
        }
        for block in opened {
            self.visit_block(&search, block, &mut |stored| {
                tally.add_alert(&stored.alert);
                Further::On
            })?;
        }
        Ok(tally.finish())
    }

    /// Counts what needs no look into a block, and returns which blocks these are.
    fn count_whole(
        &mut self,
        search: &Search<'_>,
        whole: &Whole,
        tally: &mut Tally,
    ) -> Result<HashSet<i64>, Problem> {
        let connection = &self.connection;
        let condition = &whole.condition;
        let mut total = 0;
        let mut blocks = HashSet::new();
        each(connection, &format!("SELECT id, n FROM block WHERE {condition}"), |row| {
            blocks.insert(row.get(0)?);
            total += row.get::<_, u64>(1)?;
            Ok(())
        })?;
        if let Some(unit) = tally.by.unit() {
            let sql = format!(
                "SELECT first / {unit} * {unit}, sum(n) FROM block WHERE {condition} GROUP BY 1"
            );
            each(connection, &sql, |row| {
                tally.add(Key::Time(row.get(0)?), row.get(1)?);
                Ok(())
            })?;
            return Ok(blocks);
        }
        let Some((table, column)) = tally.by.table() else { return Ok(blocks) };
        let sql = if whole.is_everything() {
            format!("SELECT {column}, sum(n) FROM {table} GROUP BY {column}")
        } else {
            format!(
                "SELECT {column}, sum({table}.n) FROM {table} JOIN block ON id = block \
                WHERE {condition} GROUP BY {column}"
            )
        };
        if tally.by.is_of_signature() {
            self.count_signatures(&sql, search, tally)?;
        } else {
            let mut known = 0;
            each(connection, &sql, |row| {
                let n: u64 = row.get(1)?;
                known += n;
                tally.add(ip(row.get_ref(0)?.as_blob().unwrap_or_default()), n);
                Ok(())
            })?;
            tally.add(Key::Unknown, total - known);
        }
        Ok(blocks)
    }

    fn count_signatures(
        &mut self,
        sql: &str,
        search: &Search<'_>,
        tally: &mut Tally,
    ) -> Result<(), Problem> {
        let Self { connection, sides, .. } = self;
        let mut counts = Vec::new();
        each(connection, sql, |row| {
            counts.push((row.get(0)?, row.get(1)?));
            Ok(())
        })?;
        for (id, n) in counts.into_iter().filter(|(id, _)| search.may_be(*id)) {
            let signature = sides.signature(id, connection)?;
            let key = match tally.by {
                CountBy::Sid => Key::Sid(signature.gid, signature.sid),
                CountBy::Priority if signature.priority > 0 => Key::Number(signature.priority),
                CountBy::Class => {
                    signature.class().map_or(Key::Unknown, |class| Key::Text(class.to_owned()))
                }
                _ => Key::Unknown,
            };
            if tally.by == CountBy::Sid {
                tally.messages.insert(key.clone(), signature.message().to_vec());
            }
            tally.add(key, n);
        }
        Ok(())
    }
}

fn each(
    connection: &Connection,
    sql: &str,
    mut read: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        read(row)?;
    }
    Ok(())
}

fn ip(bytes: &[u8]) -> Key {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let v6 = <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    v4.or(v6).map_or(Key::Unknown, Key::Address)
}

impl fmt::Display for CountBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(NAMES.iter().find(|(_, by)| by == self).map_or("", |(name, _)| *name))
    }
}
