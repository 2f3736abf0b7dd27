//! The brokers of a mock cluster, which the benchmark starts too.

use std::io::{BufRead, BufReader, Result, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// The topic.
pub(crate) const TOPIC: &str = "pigear.alerts";

/// The program, if it is built.
pub(crate) fn program() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/kafka/mock")
}

/// Three brokers; they are killed when this is dropped.
pub(crate) struct Brokers {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
    servers: String,
}

impl Brokers {
    /// Starts a cluster whose topic has this many partitions; it is missing with 0. None if the program isn't built.
    pub(crate) fn start(partitions: u32) -> Result<Option<Self>> {
        let program = program();
        if !program.exists() {
            return Ok(None);
        }
        let mut child = Command::new(program)
            .args(["serve", TOPIC, &partitions.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(commands), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Ok(None);
        };
        let mut brokers =
            Self { child, commands, answers: BufReader::new(answers), servers: String::new() };
        brokers.servers = brokers.answer()?;
        Ok(Some(brokers))
    }

    /// Their addresses, with commas between.
    pub(crate) fn servers(&self) -> &str {
        &self.servers
    }

    pub(crate) fn url(&self) -> String {
        format!("kafka://{}", self.servers)
    }

    /// Has a command carried out; see `mock.c`.
    #[allow(dead_code, reason = "the benchmark gives none")]
    pub(crate) fn obey(&mut self, command: &str) -> Result<String> {
        writeln!(self.commands, "{command}")?;
        self.answer()
    }

    fn answer(&mut self) -> Result<String> {
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        answer.truncate(answer.trim_end().len());
        Ok(answer)
    }
}

impl Drop for Brokers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
