//! A program that serves the page, and a client of it.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::harness::{DEADLINE, Test, program, until};
use crate::room::Room;
use crate::running::Running;
use crate::snort::sent;

/// How many alerts `icmp_ping` has.
pub(super) const PINGS: usize = 27;

/// The id of the last of them.
pub(super) const LAST: i64 = 27;

/// A program that serves the page.
pub(super) struct Page {
    pub(super) running: Running,
    pub(super) address: SocketAddr,
    pub(super) prefix: String,
}

/// A response.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Page {
    /// Receives alerts and serves the page, with these keys.
    pub(super) fn listening(keys: &[&str]) -> Self {
        Self::of(Test::new().args(["--store", "a.db", "--data-handler", "web"]), keys)
    }

    /// The same, with a test that has the files that the keys name.
    pub(super) fn of(test: Test, keys: &[&str]) -> Self {
        Self::started(test.args(["listen=127.0.0.1:0"]).args(keys.to_vec()).loud().start())
    }

    /// Serves a page over a store that no program writes.
    pub(super) fn over(room: Room, args: &[&str]) -> Self {
        let mut command = program();
        command.args(["web", "--store", "a.db", "--listen", "127.0.0.1:0"]).args(args);
        command.current_dir(room.path());
        Self::from(command, room)
    }

    /// Serves with a command, which works in a directory.
    pub(super) fn from(mut command: Command, room: Room) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::started(Running::start(room, command).read_stdout().read_stderr())
    }

    /// Serves as the arguments and files of a test say.
    pub(super) fn begun(test: Test) -> Self {
        Self::started(test.loud().start())
    }

    fn started(mut running: Running) -> Self {
        running.warns("the page is at ");
        until("the whole line was written", || running.stderr_so_far().ends_with("/\n"));
        let said = running.stderr_so_far();
        let url = said.split("the page is at ").nth(1).unwrap().lines().next().unwrap();
        let (address, prefix) = url.split_once("://").unwrap().1.split_once('/').unwrap();
        let prefix = format!("/{prefix}").trim_end_matches('/').to_owned();
        Self { address: address.parse().unwrap(), prefix, running }
    }

    /// Receives the alerts of `icmp_ping`, and waits until they are stored.
    pub(super) fn pinged(keys: &[&str]) -> Self {
        let mut page = Self::listening(keys);
        page.ping();
        page
    }

    pub(super) fn ping(&mut self) {
        self.ping_up_to(self.last() + LAST);
    }

    /// The same; this is the number of the last one then.
    pub(super) fn ping_up_to(&mut self, last: i64) {
        for datagram in sent("v2919/icmp_ping") {
            self.running.send(&datagram);
        }
        until("they are stored", || self.last() == last);
    }

    pub(super) fn last(&self) -> i64 {
        self.json("alerts?limit=1")["last"].as_i64().unwrap()
    }

    pub(super) fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        stream
    }

    /// Sends a request as it is, and reads the response to its end.
    pub(super) fn ask(&self, request: &str) -> Answer {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        Answer::read(&mut stream)
    }

    /// A request with these headers (each ending with a newline) and this body, for a path below the page's.
    pub(super) fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let mut head = format!("{method} {}/{path} HTTP/1.1\r\n", self.prefix);
        if !headers.to_lowercase().contains("host:") {
            write!(head, "Host: {}\r\n", self.address).unwrap();
        }
        if !body.is_empty() || method == "POST" {
            write!(head, "Content-Length: {}\r\n", body.len()).unwrap();
        }
        let headers = headers.replace('\n', "\r\n");
        self.ask(&format!("{head}{headers}Connection: close\r\n\r\n{body}"))
    }

    pub(super) fn get(&self, path: &str) -> Answer {
        self.request("GET", &format!("api/v1/{path}"), "", "")
    }

    /// The JSON of a response, which must be a success.
    #[track_caller]
    pub(super) fn json(&self, path: &str) -> Value {
        self.get(path).json(200)
    }

    /// The detail of a problem.
    #[track_caller]
    pub(super) fn problem(&self, path: &str, status: u16) -> Value {
        self.get(path).problem(status)
    }

    /// What `pigear query` prints of the same store.
    pub(super) fn query(&self, args: &[&str]) -> Vec<u8> {
        let mut command = program();
        command.args(["query", "--store", "a.db"]).args(args).env("TZ", "UTC");
        let output = command.current_dir(self.running.room().path()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        output.stdout
    }
}

impl Answer {
    /// Reads to the end of the connection. An interim response comes before none here.
    pub(super) fn read(stream: &mut impl Read) -> Self {
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes) {
            // TLS that ends without saying so.
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => panic!("{error}"),
            _ => {}
        }
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let answer = Self { status, head, body: bytes[end..].to_vec() };
        match answer.header("transfer-encoding") {
            Some("chunked") => Self { body: unchunked(&answer.body), ..answer },
            _ => answer,
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = headers.filter(|(known, _)| known.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }

    #[track_caller]
    pub(super) fn json(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}{}", self.head, String::from_utf8_lossy(&self.body));
        serde_json::from_slice(&self.body).unwrap()
    }

    #[track_caller]
    pub(super) fn problem(&self, status: u16) -> Value {
        let problem = self.json(status);
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        assert_eq!(problem["status"], status);
        for field in ["type", "title", "detail"] {
            assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{problem}");
        }
        problem
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|it| it == b"\r\n").unwrap();
        let len = usize::from_str_radix(str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if len == 0 {
            return body;
        }
        body.extend(&rest[end + 2..end + 2 + len]);
        rest = &rest[end + 4 + len..];
    }
}

/// A live stream.
pub(super) struct Stream {
    lines: BufReader<TcpStream>,
    /// The events that came so far: each its id and its data.
    pub(super) events: Vec<(i64, Value)>,
    pub(super) last_id: i64,
    /// The last id as it was sent: with the store that it is of.
    pub(super) last_event: String,
    kind: String,
    pub(super) resets: usize,
    /// The other events: each its kind and its data.
    pub(super) others: Vec<(String, Value)>,
}

impl Stream {
    pub(super) fn open(page: &Page, parameters: &str, headers: &str) -> Self {
        let mut stream = page.connect();
        let (prefix, address) = (&page.prefix, page.address);
        let target = format!("{prefix}/api/v1/stream{parameters}");
        let head = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut lines = BufReader::new(stream);
        let mut line = String::new();
        lines.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        let mut stream = Self {
            lines,
            events: Vec::new(),
            last_id: -1,
            last_event: String::new(),
            kind: String::new(),
            resets: 0,
            others: Vec::new(),
        };
        // The first piece says where it begins.
        while stream.last_id < 0 {
            stream.read_line();
        }
        stream
    }

    /// Reads until there are this many events.
    pub(super) fn read(&mut self, events: usize) {
        while self.events.len() < events {
            self.read_line();
        }
    }

    /// Reads until an event `reset` came.
    pub(super) fn read_reset(&mut self) {
        while self.resets == 0 {
            self.read_line();
        }
    }

    /// Reads until an event of a kind came, and returns its data.
    pub(super) fn read_other(&mut self, kind: &str) -> Value {
        loop {
            if let Some((_, data)) = self.others.iter().find(|(of, _)| of == kind) {
                return data.clone();
            }
            self.read_line();
        }
    }

    fn read_line(&mut self) {
        let mut line = String::new();
        assert!(self.lines.read_line(&mut line).unwrap() > 0, "the stream has ended");
        match line.trim_end().split_once(": ") {
            Some(("id", id)) => {
                self.last_id = id.split('-').next().unwrap().parse().unwrap();
                id.clone_into(&mut self.last_event);
            }
            Some(("event", kind)) => kind.clone_into(&mut self.kind),
            Some(("data", data)) => {
                let data = serde_json::from_str(data).unwrap();
                match std::mem::take(&mut self.kind) {
                    kind if kind.is_empty() => self.events.push((self.last_id, data)),
                    kind if kind == "reset" => self.resets += 1,
                    kind => self.others.push((kind, data)),
                }
            }
            // An end of an event, the size of a piece, a header.
            _ => {}
        }
    }

    pub(super) fn ids(&self) -> Vec<i64> {
        self.events.iter().map(|(id, _)| *id).collect()
    }
}
