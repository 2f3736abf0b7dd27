//! rsyslog, which writes down what `syslog` sends.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{DEADLINE, Test, counters, until};
use crate::peer::{HOSTILE, ends_in_time, has, saying};
use crate::ports::free_port;
use crate::requirements::missing;
use crate::snort::{objects, ping, sent};

/// A syslog server of the test's own; it is ended when this is dropped.
struct Rsyslog {
    dir: TempDir,
    input: Input,
    port: u16,
    child: Option<Child>,
}

#[derive(Clone, Copy, PartialEq)]
enum Input {
    Udp,
    Tcp,
    Tls,
    /// Clients must have a certificate of the same authority.
    MutualTls,
    Local,
}

impl Input {
    fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::MutualTls)
    }
}

/// Everything that it understands of a message, an object a line.
const TEMPLATE: &str = r#"
template(name="all" type="list" option.jsonf="on") {
    property(outname="pri" name="pri" format="jsonf")
    property(outname="time" name="timereported" dateformat="rfc3339" format="jsonf")
    property(outname="host" name="hostname" format="jsonf")
    property(outname="app" name="app-name" format="jsonf")
    property(outname="pid" name="procid" format="jsonf")
    property(outname="id" name="msgid" format="jsonf")
    property(outname="data" name="structured-data" format="jsonf")
    property(outname="version" name="protocol-version" format="jsonf")
    property(outname="msg" name="msg" format="jsonf")
}
"#;

impl Rsyslog {
    /// Starts a server; none without rsyslog.
    fn start(input: Input) -> Option<Self> {
        let mut server = Self::down(input)?;
        server.up();
        Some(server)
    }

    /// A server that is not up yet.
    fn down(input: Input) -> Option<Self> {
        if !has("rsyslogd") || (input.is_tls() && !has_tls()) {
            return None;
        }
        let dir = TempDir::new().unwrap();
        certificates(&dir);
        Some(Self { dir, input, port: free_port(), child: None })
    }

    fn up(&mut self) {
        let dir = self.dir.path().to_str().unwrap();
        let port = self.port;
        let input = match self.input {
            Input::Udp => format!(
                "module(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{port}\")"
            ),
            Input::Tcp => format!(
                "module(load=\"imtcp\")\ninput(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")"
            ),
            Input::Tls | Input::MutualTls => {
                let mutual = self.input == Input::MutualTls;
                let mode = if mutual { "x509/certvalid" } else { "anon" };
                format!(
                    "module(load=\"imtcp\" StreamDriver.Name=\"gtls\" StreamDriver.Mode=\"1\" \
                     StreamDriver.AuthMode=\"{mode}\")\n\
                     input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{port}\")"
                )
            }
            Input::Local => format!(
                "module(load=\"imuxsock\" SysSock.Use=\"off\")\n\
                 input(type=\"imuxsock\" Socket=\"{dir}/log\" CreatePath=\"on\")"
            ),
        };
        let config = format!(
            "global(workDirectory=\"{dir}\" maxMessageSize=\"256k\" net.enableDNS=\"off\" \
             parser.escapeControlCharactersOnReceive=\"off\" \
             defaultNetstreamDriverCAFile=\"{dir}/ca.pem\" \
             defaultNetstreamDriverCertFile=\"{dir}/cert.pem\" \
             defaultNetstreamDriverKeyFile=\"{dir}/key.pem\")\n\
             {input}\n{TEMPLATE}\n*.* action(type=\"omfile\" file=\"{dir}/messages\" template=\"all\")\n"
        );
        fs::write(self.dir.path().join("rsyslog.conf"), config).unwrap();
        let child = Command::new("rsyslogd")
            .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
            .args(["-n", "-f", &format!("{dir}/rsyslog.conf"), "-i", &format!("{dir}/pid")])
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.dir.path().join("stderr")).unwrap())
            .spawn()
            .unwrap();
        self.child = Some(child);
        until("rsyslog is up", || self.is_up());
    }

    fn is_up(&self) -> bool {
        match self.input {
            Input::Udp => is_bound(self.port),
            Input::Tcp | Input::Tls | Input::MutualTls => {
                std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
            }
            Input::Local => {
                let socket = UnixDatagram::unbound().unwrap();
                socket.connect(self.dir.path().join("log")).is_ok()
            }
        }
    }

    fn go_down(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM);
            let deadline = Instant::now() + DEADLINE;
            while child.try_wait().unwrap().is_none() && Instant::now() < deadline {
                std::thread::yield_now();
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn target(&self) -> String {
        let port = self.port;
        match self.input {
            Input::Udp => format!("target=udp://127.0.0.1:{port}"),
            Input::Tcp => format!("target=tcp://127.0.0.1:{port}"),
            Input::Tls | Input::MutualTls => format!("target=tls://localhost:{port}"),
            Input::Local => format!("target=unix:{}/log", self.dir.path().display()),
        }
    }

    fn ca(&self) -> String {
        file_of(&self.dir, "ca", "ca.pem")
    }

    /// The messages from us so far.
    fn messages(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.path().join("messages")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        objects(whole).into_iter().filter(|message| message["app"] == "snort").collect()
    }

    /// Waits for so many messages.
    fn has_got(&self, count: usize) -> Vec<Value> {
        until(&format!("rsyslog has {count} messages"), || self.messages().len() >= count);
        self.messages()
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        self.go_down();
    }
}

/// Whether rsyslog's module for TLS is installed.
fn has_tls() -> bool {
    let dirs = fs::read_dir("/usr/lib").unwrap().map(|entry| entry.unwrap().path());
    let installed = dirs.map(|dir| dir.join("rsyslog/lmnsd_gtls.so")).any(|path| path.exists());
    if !installed {
        missing("rsyslog-gnutls is not installed; `make peers` installs it");
    }
    installed
}

/// Whether a UDP socket has this port. Trying to bind it would be in the way of who is about to.
fn is_bound(port: u16) -> bool {
    let sockets = fs::read_to_string("/proc/net/udp").unwrap();
    let local = format!("0100007F:{port:04X}");
    sockets.lines().any(|line| line.split_whitespace().nth(1) == Some(&*local))
}

/// An authority of the test's own, and certificates by it: for `localhost`, and for a client.
fn certificates(dir: &TempDir) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = params.self_signed(&key).unwrap();
    let issuer = Issuer::from_params(&params, &key);
    let put = |name: &str, text: String| {
        let path = dir.path().join(name);
        fs::write(&path, text).unwrap();
        // Keys are for their owner alone.
        fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
    };
    put("ca.pem", ca.pem());
    for (cert, key, name) in
        [("cert.pem", "key.pem", "localhost"), ("client.pem", "client-key.pem", "sensor1")]
    {
        let pair = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        put(cert, params.signed_by(&pair, &issuer).unwrap().pem());
        put(key, pair.serialize_pem());
    }
}

fn file_of(dir: &TempDir, key: &str, name: &str) -> String {
    format!("{key}={}/{name}", dir.path().display())
}

fn to(server: &Rsyslog, keys: &[&str]) -> Test {
    let test = Test::new().args(["--data-handler", "syslog", &server.target()]).args(keys);
    if server.input.is_tls() { test.args([server.ca()]) } else { test }
}

const LINE: &str = "[1:1000134:1] ICMP Echo Request [Priority: 3] {ICMP} \
    192.168.10.21 -> 198.51.100.1";
const DATA: &str = "[pigear@32473 gid=\"1\" sid=\"1000134\" rev=\"1\" priority=\"3\" proto=\"ICMP\" \
    src_ip=\"192.168.10.21\" dst_ip=\"198.51.100.1\" sensor=\"dmz\"]";

#[test]
fn rsyslog_understands_every_field_over_every_transport() {
    for input in [Input::Udp, Input::Tcp, Input::Tls] {
        let Some(server) = Rsyslog::start(input) else { return };
        let stats = counters([1, 0, 0, 0], &[("syslog", [1, 0, 0])]);
        let args = ["--count", "1", "--sensor", "dmz"];
        to(&server, &args).send(ping()).stats(stats).success();
        let message = server.has_got(1).swap_remove(0);
        let field = |name: &str| message[name].as_str().unwrap().to_owned();
        // auth is 4, priority 3 a warning (4).
        assert_eq!(field("pri"), (4 * 8 + 4).to_string());
        assert_eq!(field("time"), "2025-06-15T18:06:40.999998Z");
        assert_eq!(field("host"), "dmz");
        assert_eq!(field("pid"), std::process::id().to_string());
        assert_eq!((&*field("id"), &*field("version")), ("alert", "1"));
        assert_eq!(field("data"), DATA);
        assert_eq!(field("msg"), LINE);
    }
}

#[test]
fn the_machine_s_own_syslog_is_spoken_to_as_by_syslog_3() {
    let Some(server) = Rsyslog::start(Input::Local) else { return };
    to(&server, &["--count", "1", "facility=local3"]).send(ping()).success();
    let message = server.has_got(1).swap_remove(0);
    assert_eq!(message["pri"], (19 * 8 + 4).to_string());
    assert_eq!(message["pid"], std::process::id().to_string());
    assert_eq!(message["msg"], format!(" {LINE}"));
}

#[test]
fn the_old_form_is_understood_too() {
    let Some(server) = Rsyslog::start(Input::Udp) else { return };
    to(&server, &["--count", "1", "rfc=3164"]).send(ping()).success();
    let message = server.has_got(1).swap_remove(0);
    assert_eq!(message["host"], nix::unistd::gethostname().unwrap().to_str().unwrap());
    assert_eq!(message["pid"], std::process::id().to_string());
    assert_eq!(message["version"], "0");
    assert_eq!(message["msg"], format!(" {LINE}"));
}

#[test]
fn hostile_messages_stay_one_message_each() {
    for input in [Input::Udp, Input::Tcp, Input::Tls, Input::Local] {
        let Some(server) = Rsyslog::start(input) else { return };
        let count = HOSTILE.len().to_string();
        let keys = ["--count", &count, "format=json"];
        to(&server, &keys).send_all(HOSTILE.map(saying)).success();
        let messages = server.has_got(HOSTILE.len());
        assert_eq!(messages.len(), HOSTILE.len());
        for (message, sent) in messages.iter().zip(HOSTILE) {
            let alert: Value = serde_json::from_str(message["msg"].as_str().unwrap()).unwrap();
            assert_eq!(alert["msg"], &*String::from_utf8_lossy(sent));
        }
    }
}

#[test]
fn what_is_too_long_for_a_datagram_is_cut_between_letters() {
    let Some(server) = Rsyslog::start(Input::Udp) else { return };
    let long = saying("ü".repeat(120).as_bytes());
    to(&server, &["--count", "2", "max_len=480", "rfc=3164", "format=json"])
        .send_all([long.clone(), long])
        .stderr(
            "warning: handler syslog: messages of more than 480 bytes are truncated: 1 so far\n\
             warning: handler syslog: messages of more than 480 bytes are truncated: 2 so far\n",
        )
        .success();
    let messages = server.has_got(2);
    let msg = messages[0]["msg"].as_str().unwrap();
    assert!(msg.starts_with(r#" {"msg":"üü"#) && msg.len() < 480, "{msg}");
}

#[test]
fn long_messages_go_through_a_stream_whole() {
    for input in [Input::Tcp, Input::Tls] {
        let Some(server) = Rsyslog::start(input) else { return };
        let all = sent("v2919/bigframe4_snap64k");
        let count = all.len();
        let test = to(&server, &["--count", &count.to_string(), "format=json"]);
        test.send_all(all).success();
        for message in server.has_got(count) {
            let alert: Value = serde_json::from_str(message["msg"].as_str().unwrap()).unwrap();
            assert_eq!(alert["sig_generator"].as_u64().map(|gid| gid > 0), Some(true));
        }
    }
}

/// Alerts that come while the server is down are there when it is back, in order.
#[test]
fn a_server_that_goes_away_gets_everything_when_it_is_back() {
    for input in [Input::Tcp, Input::Tls, Input::Local] {
        let Some(mut server) = Rsyslog::start(input) else { return };
        let mut running = to(&server, &["--stats", "stats.json"]).start();
        let alert = |n: usize| saying(format!("alert {n}").as_bytes());
        (0..10).for_each(|n| running.send(&alert(n)));
        server.has_got(10);
        server.go_down();
        (10..20).for_each(|n| running.send(&alert(n)));
        running.warns("trying again in");
        server.up();
        server.has_got(20);
        (20..30).for_each(|n| running.send(&alert(n)));
        server.has_got(30);
        running.signal(Signal::SIGTERM);
        let (room, ended) = running.end();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let stats = counters([30, 0, 0, 0], &[("syslog", [30, 0, 0])]);
        assert_eq!(room.read("stats.json"), stats);
        let said = server.messages();
        let numbers: Vec<_> = said.iter().map(|message| message["msg"].to_string()).collect();
        assert_eq!(numbers.len(), 30);
        for (n, msg) in numbers.iter().enumerate() {
            assert!(msg.contains(&format!("] alert {n} [")), "{n}: {msg}");
        }
    }
}

/// UDP promises nothing, but a server that is back gets what comes then.
#[test]
fn over_udp_a_server_that_is_back_is_sent_to_again() {
    let Some(mut server) = Rsyslog::start(Input::Udp) else { return };
    let mut running = to(&server, &["--stats", "stats.json"]).start();
    running.send(&saying(b"before"));
    server.has_got(1);
    server.go_down();
    (0..3).for_each(|_| running.send(&saying(b"meanwhile")));
    running.warns("Connection refused (os error 111); trying again in 100ms");
    server.up();
    running.send(&saying(b"after"));
    until("the last one arrives", || {
        server.messages().last().is_some_and(|last| last["msg"].to_string().contains("] after ["))
    });
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert_eq!(room.read("stats.json"), counters([5, 0, 0, 0], &[("syslog", [5, 0, 0])]));
}

#[test]
fn a_server_that_stays_down_does_not_hold_us_up_at_the_end() {
    let port = free_port();
    let target = format!("target=tcp://127.0.0.1:{port}");
    let test = Test::new().args(["--data-handler", "syslog", &target, "--stats", "stats.json"]);
    let mut running = test.start();
    (0..3).for_each(|_| running.send(&ping()));
    running.warns("Connection refused (os error 111); trying again in 100ms");
    let (room, ended) = ends_in_time(running);
    let last = "warning: handler syslog: could not finish in time; 3 alerts dropped";
    assert!(ended.stderr.contains(last), "{}", ended.stderr);
    assert_eq!(room.read("stats.json"), counters([3, 0, 0, 0], &[("syslog", [0, 3, 0])]));
}

#[test]
fn a_server_that_is_not_trusted_gets_nothing() {
    let Some(server) = Rsyslog::start(Input::Tls) else { return };
    let other = TempDir::new().unwrap();
    certificates(&other);
    let ca = file_of(&other, "ca", "ca.pem");
    for (target, ca, problem) in [
        (server.target(), ca, "invalid peer certificate: "),
        (
            server.target().replace("localhost", "127.0.0.1"),
            server.ca(),
            "certificate not valid for name",
        ),
    ] {
        let mut running = Test::new().args(["--data-handler", "syslog", &target, &ca]).start();
        running.send(&ping());
        running.warns(problem);
        running.warns("trying again in 100ms");
        running.signal(Signal::SIGTERM);
        running.end();
    }
    assert_eq!(server.messages(), Vec::<Value>::new());
}

#[test]
fn a_server_that_demands_a_certificate_gets_it() {
    let Some(server) = Rsyslog::start(Input::MutualTls) else { return };
    let keys = ["cert", "key"].into_iter().zip(["client.pem", "client-key.pem"]);
    let keys: Vec<_> = keys.map(|(key, name)| file_of(&server.dir, key, name)).collect();
    let stats = counters([1, 0, 0, 0], &[("syslog", [1, 0, 0])]);
    to(&server, &["--count", "1", &keys[0], &keys[1]]).send(ping()).stats(stats).success();
    assert_eq!(server.has_got(1)[0]["msg"], LINE);
}

#[test]
fn a_server_that_demands_another_certificate_is_told_of() {
    let Some(server) = Rsyslog::start(Input::MutualTls) else { return };
    let other = TempDir::new().unwrap();
    certificates(&other);
    let wrong = [file_of(&other, "cert", "client.pem"), file_of(&other, "key", "client-key.pem")];
    for (keys, problem) in [
        (vec![], "the server asks for a certificate; give cert and key ("),
        (wrong.to_vec(), "the server asks for a certificate and doesn't accept ours ("),
    ] {
        let keys: Vec<_> =
            keys.iter().map(String::as_str).chain(["--stats", "stats.json"]).collect();
        let mut running = to(&server, &keys).start();
        running.send(&ping());
        running.warns(problem);
        running.warns("trying again in 100ms");
        running.signal(Signal::SIGTERM);
        let (room, _) = running.end();
        assert_eq!(room.read("stats.json"), counters([1, 0, 0, 0], &[("syslog", [0, 1, 0])]));
    }
    assert_eq!(server.messages(), Vec::<Value>::new());
}

#[test]
fn certificates_that_make_no_sense_are_refused() {
    let dir = TempDir::new().unwrap();
    certificates(&dir);
    let [cert, key, other] =
        [("cert", "client.pem"), ("key", "client-key.pem"), ("key", "key.pem")]
            .map(|(key, name)| file_of(&dir, key, name));
    for (keys, problem, status) in [
        (vec![&*key], "key needs its certificate; give cert", 2),
        (vec![&*cert], "client.pem: ", 1),
        (vec![&*cert, &*other], "is not the key of ", 1),
        (vec!["cert=none.pem"], "cannot read none.pem: ", 1),
    ] {
        let test = Test::new().args(["--data-handler", "syslog", "target=tls://log"]);
        let (_, ended) = test.args([file_of(&dir, "ca", "ca.pem")]).args(keys).start().end();
        assert!(ended.stderr.contains(problem), "{}", ended.stderr);
        assert!(!ended.stderr.contains("PRIVATE"), "{}", ended.stderr);
        assert_eq!(ended.status, Some(status), "{}", ended.stderr);
    }
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    for (keys, problem) in [
        (
            &["target=http://log"][..],
            "expected udp://HOST:PORT, tcp://HOST:PORT, tls://HOST:PORT or unix:PATH",
        ),
        (&["facility=local8"], "unknown facility; known are kern, user, "),
        (&["rfc=822"], "\"822\": expected 5424 or 3164"),
        (&["format=full"], "format=full has several lines an alert; choose another"),
        (&["ca=x"], "ca, cert and key are for target=tls://…"),
        (&["target=tls://log", "ca=none.pem"], "cannot read none.pem: "),
        (&["max_len=9"], "max_len is 9, but must be 480 to 65507"),
    ] {
        let (_, ended) = Test::new().args(["--data-handler", "syslog"]).args(keys).start().end();
        assert!(ended.stderr.starts_with("error: handler syslog: "), "{}", ended.stderr);
        assert!(ended.stderr.contains(problem), "{keys:?}: {}", ended.stderr);
    }
}
