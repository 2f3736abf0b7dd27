//! Finding the blocks that may have wanted alerts.

use std::fmt::Write;
use std::net::IpAddr;
use std::{collections::HashSet, iter};

use pigear_alert::Alert;
use rusqlite::{Connection, params_from_iter, types::Value};

use super::criteria::{Criteria, Network};
use super::record::microseconds;
use super::sides::{self, Signature};
use super::writer::address;

/// So many blocks are looked up first, and then more and more: whoever wants a few alerts finds them
/// among the newest, as a rule.
const FIRST_WINDOW: i64 = 64;

/// More signatures than these are not looked up one by one.
const MOST_SIGNATURES: usize = 2_000;

/// Criteria, with what they come to in this store.
pub(super) struct Search<'a> {
    criteria: &'a Criteria,
    /// The wanted signatures, if not all are.
    signatures: Option<HashSet<i64>>,
}

impl<'a> Search<'a> {
    pub(super) fn new(criteria: &'a Criteria, connection: &Connection) -> rusqlite::Result<Self> {
        let text = criteria.text.as_ref().map(|text| text.to_lowercase());
        let signatures = criteria
            .names_signatures()
            .then(|| {
                sides::signatures(connection, &criteria.sid, |signature| {
                    wants(criteria, text.as_deref(), signature)
                })
            })
            .transpose()?;
        Ok(Self { criteria, signatures: signatures.map(|ids| ids.into_iter().collect()) })
    }

    /// Whether alerts of this signature may be wanted.
    pub(super) fn may_be(&self, signature: i64) -> bool {
        self.signatures.as_ref().is_none_or(|wanted| wanted.contains(&signature))
    }

    /// Whether an alert is wanted, whose signature is.
    pub(super) fn accepts(&self, alert: &Alert) -> bool {
        self.criteria.accepts(alert)
    }

    /// The wanted signatures as a list in SQL, if they are few.
    pub(super) fn list(&self) -> Option<String> {
        let ids = self.signatures.as_ref()?;
        if ids.len() > MOST_SIGNATURES {
            return None;
        }
        let ids: Vec<_> = ids.iter().map(ToString::to_string).collect();
        Some(ids.join(","))
    }

    /// Ranges of blocks to look up one after the other, newest first, from the newest block on.
    pub(super) fn windows(&self, newest: i64) -> impl Iterator<Item = (i64, i64)> + use<> {
        let Criteria { src, dst, host, .. } = self.criteria;
        let wide = [src, dst, host].into_iter().flatten().any(|network| network.is_wide());
        // The blocks of a network are looked up once only: that means to go through all its addresses.
        let mut size = if wide { newest + 1 } else { FIRST_WINDOW };
        let mut to = newest;
        iter::from_fn(move || {
            let from = (to - size + 1).max(0);
            let window = (to >= 0).then_some((from, to));
            to = from - 1;
            size = size.saturating_mul(2);
            window
        })
    }

    /// The blocks of a range that may have wanted alerts, newest first.
    pub(super) fn blocks(
        &self,
        connection: &Connection,
        from: i64,
        to: i64,
    ) -> rusqlite::Result<Vec<i64>> {
        let mut sql = "SELECT id FROM block WHERE id BETWEEN ?1 AND ?2".to_owned();
        let mut values = vec![Value::Integer(from), Value::Integer(to)];
        self.narrow(&mut sql, &mut values);
        sql.push_str(" ORDER BY id DESC");
        let mut select = connection.prepare_cached(&sql)?;
        let blocks = select.query_map(params_from_iter(values), |row| row.get(0))?;
        blocks.collect()
    }

    fn narrow(&self, sql: &mut String, values: &mut Vec<Value>) {
        let Criteria { since, until, src, dst, host, .. } = self.criteria;
        if let Some(since) = since {
            values.push(Value::Integer(microseconds(*since)));
            push(sql, format_args!(" AND last >= ?{}", values.len()));
        }
        if let Some(until) = until {
            values.push(Value::Integer(microseconds(*until)));
            push(sql, format_args!(" AND first < ?{}", values.len()));
        }
        if let Some(list) = self.list() {
            push(
                sql,
                format_args!(
                    " AND id IN (SELECT block FROM signed WHERE signature IN ({list}) \
                    AND block BETWEEN ?1 AND ?2)"
                ),
            );
        }
        for (network, tables) in
            [(src, &["source"][..]), (dst, &["destination"]), (host, &["source", "destination"])]
        {
            if let Some(network) = network {
                among(*network, tables, sql, values);
            }
        }
    }
}

/// Adds that a block must be noted for some address of a network in one of these tables.
fn among(network: Network, tables: &[&str], sql: &mut String, values: &mut Vec<Value>) {
    let (first, last) = network.ends();
    values.extend([bytes(first), bytes(last)]);
    let (first, last) = (values.len() - 1, values.len());
    let length = if matches!(network.ends().0, IpAddr::V4(_)) { 4 } else { 16 };
    let of_network = if network.is_wide() {
        format!("address BETWEEN ?{first} AND ?{last} AND length(address) = {length}")
    } else {
        format!("address = ?{first} AND ?{last} IS NOT NULL")
    };
    let select = |table: &&str| {
        format!("SELECT block FROM {table} WHERE {of_network} AND block BETWEEN ?1 AND ?2")
    };
    let selects: Vec<_> = tables.iter().map(select).collect();
    push(sql, format_args!(" AND id IN ({})", selects.join(" UNION ")));
}

fn push(sql: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string can't fail.
    let _ = sql.write_fmt(text);
}

fn bytes(ip: IpAddr) -> Value {
    let (bytes, len) = address(ip);
    Value::Blob(bytes.get(..len).unwrap_or_default().to_vec())
}

fn wants(criteria: &Criteria, text: Option<&str>, signature: &Signature) -> bool {
    let among = |wanted: &[u32], number| wanted.is_empty() || wanted.contains(&number);
    let class = signature.class();
    let of_class =
        criteria.class.is_empty() || criteria.class.iter().any(|wanted| Some(&**wanted) == class);
    of_class
        && among(&criteria.gid, signature.gid)
        && among(&criteria.sid, signature.sid)
        && among(&criteria.priority, signature.priority)
        && text.is_none_or(|text| {
            String::from_utf8_lossy(signature.message()).to_lowercase().contains(text)
        })
}
