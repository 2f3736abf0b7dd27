//! A mock cluster of the test's own, and what is in its topic.

use std::fmt::Write as _;
use std::io::Write;
use std::process::{Command, Stdio};

use super::brokers::{Brokers, TOPIC, program};
use crate::peer::output;
use crate::requirements::missing;

/// The kinds of requests that errors are pushed for.
pub(super) const PRODUCE: u32 = 0;
pub(super) const FETCH: u32 = 1;

/// Three brokers.
pub(super) struct Cluster {
    brokers: Brokers,
    partitions: u32,
}

/// What the topic has.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) partition: u32,
    pub(super) key: String,
    pub(super) id: String,
    pub(super) retry: String,
    pub(super) value: Vec<u8>,
}

impl Message {
    pub(super) fn text(&self) -> &str {
        str::from_utf8(&self.value).unwrap()
    }
}

impl Cluster {
    /// Starts a cluster whose topic has this many partitions; it is missing with 0. None if the program isn't built, and
    /// then the caller skips its test.
    pub(super) fn start(partitions: u32) -> Option<Self> {
        let brokers = Brokers::start(partitions).unwrap();
        if brokers.is_none() {
            missing(format_args!("{} is not there; `make peers` builds it", program().display()));
        }
        brokers.map(|brokers| Self { brokers, partitions })
    }

    pub(super) fn url(&self) -> String {
        self.brokers.url()
    }

    /// What `--from` of the source is.
    pub(super) fn from(&self) -> String {
        format!("{}/{TOPIC}", self.url())
    }

    fn obey(&mut self, command: &str) {
        assert_eq!(self.brokers.obey(command).unwrap(), "ok");
    }

    /// A broker, 1 to 3, closes its connections, and accepts no more.
    pub(super) fn down(&mut self, broker: u32) {
        self.obey(&format!("down {broker}"));
    }

    pub(super) fn up(&mut self, broker: u32) {
        self.obey(&format!("up {broker}"));
    }

    /// The leader of all partitions.
    pub(super) fn lead(&mut self, broker: u32) {
        for partition in 0..self.partitions {
            self.obey(&format!("leader {partition} {broker}"));
        }
    }

    /// Answers the next requests of this kind with an error.
    pub(super) fn fail(&mut self, kind: u32, error: i32, count: u32) {
        self.obey(&format!("error {kind} {error} {count}"));
    }

    /// Each answer takes this long from now on.
    pub(super) fn delay(&mut self, milliseconds: u32) {
        self.obey(&format!("rtt {milliseconds}"));
    }

    /// What the topic has, oldest first in each partition.
    pub(super) fn messages(&self) -> Vec<Message> {
        let mut command = Command::new(program());
        command.args(["read", self.brokers.servers(), TOPIC, &self.partitions.to_string()]);
        output(command.stderr(Stdio::null())).lines().map(message).collect()
    }

    /// The partition that librdkafka chooses for a key, as Kafka's own clients do.
    pub(super) fn partition_of(&self, key: &str) -> u32 {
        let mut command = Command::new(program());
        output(command.args(["partition", key, &self.partitions.to_string()]))
            .trim()
            .parse()
            .unwrap()
    }

    /// Writes messages as another program would.
    pub(super) fn write(&self, partition: u32, values: &[&[u8]]) {
        self.write_with(partition, "", values);
    }

    /// The same, with a header that has no value: the client's library can't read that.
    pub(super) fn write_unreadable(&self, partition: u32, values: &[&[u8]]) {
        self.write_with(partition, "-", values);
    }

    fn write_with(&self, partition: u32, mark: &str, values: &[&[u8]]) {
        let mut lines = String::new();
        for value in values {
            lines.push_str(mark);
            value.iter().for_each(|byte| write!(lines, "{byte:02x}").unwrap());
            lines.push('\n');
        }
        let mut command = Command::new(program());
        command.args(["write", self.brokers.servers(), TOPIC, &partition.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

fn message(line: &str) -> Message {
    let fields: Vec<_> = line.split('\t').collect();
    let [partition, key, id, retry, value] = fields[..] else { panic!("{line}") };
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap();
    Message {
        partition: partition.parse().unwrap(),
        key: key.to_owned(),
        id: id.to_owned(),
        retry: retry.to_owned(),
        value: value.as_bytes().chunks(2).map(byte).collect(),
    }
}
