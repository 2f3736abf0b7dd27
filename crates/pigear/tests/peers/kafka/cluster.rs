//! A mock cluster of the test's own, and what is in its topic.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::peer::output;
use crate::requirements::missing;

/// The topic of all tests.
pub(super) const TOPIC: &str = "pigear.alerts";

/// The kinds of requests that errors are pushed for.
pub(super) const PRODUCE: u32 = 0;
pub(super) const FETCH: u32 = 1;

/// The program; none if it isn't built, and then the caller skips its test.
fn program() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/kafka/mock");
    if path.exists() {
        return Some(path);
    }
    missing(format_args!("{} is not there; `make peers` builds it", path.display()));
    None
}

/// Three brokers; they are killed when this is dropped.
pub(super) struct Cluster {
    program: PathBuf,
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    brokers: String,
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
    /// Starts a cluster whose topic has this many partitions; it is missing with 0.
    pub(super) fn start(partitions: u32) -> Option<Self> {
        let program = program()?;
        let mut child = Command::new(&program)
            .args(["serve", TOPIC, &partitions.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let commands = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut brokers = String::new();
        answers.read_line(&mut brokers).unwrap();
        let brokers = brokers.trim().to_owned();
        Some(Self { program, child, commands, answers, brokers, partitions })
    }

    pub(super) fn url(&self) -> String {
        format!("kafka://{}", self.brokers)
    }

    /// What `--from` of the source is.
    pub(super) fn from(&self) -> String {
        format!("{}/{TOPIC}", self.url())
    }

    fn obey(&mut self, command: &str) {
        writeln!(self.commands, "{command}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        assert_eq!(answer, "ok\n");
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

    /// What the topic has, oldest first in each partition.
    pub(super) fn messages(&self) -> Vec<Message> {
        let mut command = Command::new(&self.program);
        command.args(["read", &self.brokers, TOPIC, &self.partitions.to_string()]);
        output(command.stderr(Stdio::null())).lines().map(message).collect()
    }

    /// The partition that librdkafka chooses for a key, as Kafka's own clients do.
    pub(super) fn partition_of(&self, key: &str) -> u32 {
        let mut command = Command::new(&self.program);
        output(command.args(["partition", key, &self.partitions.to_string()]))
            .trim()
            .parse()
            .unwrap()
    }

    /// Writes messages as another program would.
    pub(super) fn write(&self, partition: u32, values: &[&[u8]]) {
        let mut lines = String::new();
        for value in values {
            value.iter().for_each(|byte| write!(lines, "{byte:02x}").unwrap());
            lines.push('\n');
        }
        let mut command = Command::new(&self.program);
        command.args(["write", &self.brokers, TOPIC, &partition.to_string()]);
        let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
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
