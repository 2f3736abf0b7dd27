//! A nats-server of the test's own, or a cluster of three.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::harness::{DEADLINE, until};
use crate::ports::free_port;
use crate::requirements::missing;

/// The oldest supported server, and the current one. Those that aren't installed are left out, and reported.
pub(super) fn generations() -> Vec<PathBuf> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
    let all =
        ["nats-2.9/usr/sbin/nats-server", "nats/bin/nats-server"].map(|path| peers.join(path));
    if let Some(absent) = all.iter().find(|path| !path.exists()) {
        missing(format_args!("{} is not installed; `make peers` installs it", absent.display()));
    }
    all.into_iter().filter(|path| path.exists()).collect()
}

/// Whether it is the oldest supported server.
pub(super) fn is_old(program: &Path) -> bool {
    program.to_string_lossy().contains("nats-2.9")
}

/// A server; it is killed when this is dropped.
pub(super) struct Server {
    dir: TempDir,
    program: PathBuf,
    pub(super) port: u16,
    child: Option<Child>,
}

pub(super) const JETSTREAM: &str = "jetstream { store_dir: \"DIR/js\", max_file: 64MB }\n";

impl Server {
    /// Starts a server with this configuration besides its address; `DIR` is its directory.
    pub(super) fn start(program: &Path, config: &str) -> Self {
        let mut server = Self::down(program, config);
        server.up();
        server
    }

    pub(super) fn down(program: &Path, config: &str) -> Self {
        let (dir, port) = (TempDir::new().unwrap(), free_port());
        let path = dir.path().to_str().unwrap();
        let config = format!("listen: \"127.0.0.1:{port}\"\n{}", config.replace("DIR", path));
        fs::write(dir.path().join("nats.conf"), config).unwrap();
        Self { dir, program: program.to_owned(), port, child: None }
    }

    pub(super) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn up(&mut self) {
        self.spawn();
        let mut ended = false;
        until("nats-server is up, or has ended", || {
            ended = self.child.as_mut().unwrap().try_wait().unwrap().is_some();
            ended || self.is_up()
        });
        let said = || fs::read_to_string(self.dir.path().join("stderr")).unwrap_or_default();
        assert!(!ended, "nats-server ended: {}", said());
    }

    pub(super) fn spawn(&mut self) {
        let child = Command::new(&self.program)
            .arg("-c")
            .arg(self.dir.path().join("nats.conf"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.dir.path().join("stderr")).unwrap())
            .spawn();
        self.child = Some(child.unwrap());
    }

    pub(super) fn is_up(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
    }

    /// Sends a signal.
    pub(super) fn signal(&self, signal: Signal) {
        let id = self.child.as_ref().unwrap().id();
        nix::sys::signal::kill(Pid::from_raw(id.try_into().unwrap()), signal).unwrap();
    }

    /// SIGKILL.
    pub(super) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    pub(super) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(super) fn is_old(&self) -> bool {
        is_old(&self.program)
    }

    /// A client that knows only how to publish and ask.
    pub(super) fn client(&self) -> Client {
        Client::new(self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Three servers.
pub(super) struct Cluster(pub(super) [Server; 3]);

impl Cluster {
    pub(super) fn start(program: &Path) -> Self {
        let ports = [free_port(), free_port(), free_port()];
        let routes = ports.map(|port| format!("nats://127.0.0.1:{port}")).join(", ");
        let mut number = 0;
        let mut servers = ports.map(|port| {
            number += 1;
            Server::down(
                program,
                &format!(
                    "server_name: n{number}\n{JETSTREAM}cluster {{ name: c, listen: \"127.0.0.1:{port}\", \
                     routes: [{routes}] }}\n"
                ),
            )
        });
        servers.iter_mut().for_each(Server::spawn);
        let cluster = Self(servers);
        // A node that has no leader yet answers nothing.
        until("the cluster has a leader", || {
            cluster.0.iter().all(Server::is_up)
                && cluster.0[0]
                    .client()
                    .ask("$JS.API.INFO", "")
                    .is_some_and(|info| info.contains("\"limits\""))
        });
        cluster
    }

    pub(super) fn url(&self) -> String {
        self.0.each_ref().map(Server::url).join(",")
    }

    /// The place of the stream's leader.
    pub(super) fn leader(&self) -> usize {
        let mut leader = None;
        until("the stream has a leader", || {
            let up = self.0.iter().find(|server| server.is_up()).unwrap();
            let info = up.client().ask("$JS.API.STREAM.INFO.PIGEAR", "").unwrap_or_default();
            let name = info.split("\"leader\":\"n").nth(1).and_then(|rest| rest.chars().next());
            leader = name.and_then(|name| name.to_digit(10));
            leader.is_some()
        });
        leader.unwrap() as usize - 1
    }
}

/// A client that knows only how to publish and ask.
pub(super) struct Client(BufReader<TcpStream>);

impl Client {
    fn new(port: u16) -> Self {
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(DEADLINE / 2)).unwrap();
        let mut client = Self(BufReader::new(socket));
        client.line();
        client.write("CONNECT {\"verbose\":false,\"headers\":true,\"no_responders\":true}\r\n");
        client
    }

    fn write(&mut self, text: &str) {
        self.0.get_mut().write_all(text.as_bytes()).unwrap();
    }

    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        self.0.read_line(&mut line).ok().filter(|len| *len > 0).map(|_| line)
    }

    /// Publishes, and waits until the server has it.
    pub(super) fn publish(&mut self, subject: &str, payload: &[u8]) {
        self.write(&format!("PUB {subject} {}\r\n", payload.len()));
        self.0.get_mut().write_all(payload).unwrap();
        self.write("\r\nPING\r\n");
        while self.line().unwrap() != "PONG\r\n" {}
    }

    /// Asks for the next messages of a consumer, and waits until the server knows.
    pub(super) fn pull(&mut self, stream: &str, consumer: &str, count: usize) {
        let request = format!("{{\"batch\":{count},\"expires\":20000000000}}");
        self.write("SUB pulled 2\r\n");
        self.write(&format!(
            "PUB $JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer} pulled {}\r\n{request}\r\nPING\r\n",
            request.len()
        ));
        while self.line().unwrap() != "PONG\r\n" {}
    }

    /// Waits until so many messages have come, and acknowledges none.
    pub(super) fn delivered(&mut self, count: usize) {
        for _ in 0..count {
            // Alerts are no text.
            let mut line = Vec::new();
            while !line.starts_with(b"HMSG pigear.alerts.") {
                line.clear();
                assert!(self.0.read_until(b'\n', &mut line).unwrap() > 0, "the server ended");
            }
        }
    }

    /// Asks, and returns the answer; none if it doesn't come.
    pub(super) fn ask(&mut self, subject: &str, payload: &str) -> Option<String> {
        self.write(&format!(
            "SUB answer 1\r\nPUB {subject} answer {}\r\n{payload}\r\n",
            payload.len()
        ));
        loop {
            let line = self.line()?;
            let mut words = line.split_whitespace();
            if words.next() == Some("MSG") {
                let mut answer = vec![0; words.last()?.parse().ok()?];
                self.0.read_exact(&mut answer).ok()?;
                return String::from_utf8(answer).ok();
            }
            if line.starts_with("HMSG") {
                return None;
            }
        }
    }
}
