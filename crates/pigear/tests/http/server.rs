//! A server of the tests' own, which does what real ones won't.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::Value;

use crate::harness::until;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) target: String,
    headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
    /// Which connection it came over.
    pub(crate) connection: usize,
}

/// What is said to a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// An answer: status, headers, body.
    Say(u16, Vec<(&'static str, String)>, String),
    /// Nothing, with the connection held open.
    Hang,
    /// An answer byte by byte.
    Slow,
    /// Half an answer.
    HalfWay,
    /// Half an answer of success.
    HalfOfSuccess,
    /// What is no HTTP.
    Garbage,
    /// Nothing: the connection is closed.
    Close,
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::Say(status, Vec::new(), String::new())
    }

    pub(crate) fn ok() -> Self {
        Self::status(200)
    }

    pub(crate) fn header(self, name: &'static str, value: impl Into<String>) -> Self {
        match self {
            Self::Say(status, mut headers, body) => {
                headers.push((name, value.into()));
                Self::Say(status, headers, body)
            }
            other => other,
        }
    }

    pub(crate) fn body(self, body: impl Into<String>) -> Self {
        match self {
            Self::Say(status, headers, _) => Self::Say(status, headers, body.into()),
            other => other,
        }
    }
}

impl Request {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The events' numbers in a body of a JSON object a line.
    pub(crate) fn numbers(&self) -> Vec<u64> {
        let lines = std::str::from_utf8(&self.body).unwrap().lines();
        let object = |line| serde_json::from_str::<Value>(line).unwrap();
        lines.map(|line| object(line)["event_id"].as_u64().unwrap()).collect()
    }

    pub(crate) fn key(&self) -> &str {
        self.header("idempotency-key")
    }
}

type Script = Box<dyn Fn(usize, &Request) -> Reply + Send + Sync>;

/// A server that answers as a script says, and keeps what it got.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    requests: Mutex<Vec<Request>>,
    script: Script,
    ended: AtomicBool,
}

impl Server {
    /// The script gets each request with its number, counted from 0.
    pub(crate) fn start(script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), script)
    }

    pub(crate) fn start_at(
        address: SocketAddr,
        script: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared {
            requests: Mutex::default(),
            script: Box::new(script),
            ended: AtomicBool::new(false),
        };
        let shared = Arc::new(shared);
        let server = Self { address, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                if shared.ended.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&shared);
                thread::spawn(move || shared.serve(&stream.unwrap(), connection));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/alerts", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Waits until so many requests have come, and gives them.
    pub(crate) fn gets(&self, requests: usize) -> Vec<Request> {
        until("the requests have come", || self.shared.requests.lock().unwrap().len() >= requests);
        self.requests()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream, connection: usize) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        while let Some(request) = read(&mut reader, connection) {
            let number = {
                let mut requests = self.requests.lock().unwrap();
                requests.push(request.clone());
                requests.len() - 1
            };
            if !answer(stream, (self.script)(number, &request)) {
                return;
            }
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>, connection: usize) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { target, headers, body, connection })
}

/// Answers, and says whether the connection is still good.
fn answer(mut stream: &TcpStream, reply: Reply) -> bool {
    match reply {
        Reply::Say(status, headers, body) => {
            let mut text =
                format!("HTTP/1.1 {status} Whatever\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                text.extend([name, ": ", &value, "\r\n"]);
            }
            text.extend(["\r\n", &body]);
            stream.write_all(text.as_bytes()).is_ok()
        }
        Reply::Hang => {
            // Until the client gives up.
            let _ = stream.read(&mut [0]);
            false
        }
        Reply::Slow => {
            for byte in b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok" {
                thread::sleep(std::time::Duration::from_millis(2));
                if stream.write_all(&[*byte]).is_err() {
                    return false;
                }
            }
            true
        }
        Reply::HalfWay => {
            let _ = stream.write_all(b"HTTP/1.1 503 Whatever\r\ncontent-length: 100\r\n\r\nhalf");
            false
        }
        Reply::HalfOfSuccess => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"err");
            false
        }
        Reply::Garbage => {
            let _ = stream.write_all(b"\x00\xff\x1b[31m SSH-2.0-nonsense\r\n\r\n");
            false
        }
        Reply::Close => false,
    }
}
