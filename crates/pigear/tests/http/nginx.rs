//! A real nginx, which writes down what it got.

mod process;

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Pigear, until};
use crate::requirements::missing;
use process::{Process, program};

/// A running nginx.
pub(crate) struct Nginx {
    process: Process,
    dir: TempDir,
}

/// A request as nginx logs it.
#[derive(serde::Deserialize)]
pub(crate) struct Logged {
    pub(crate) key: String,
    pub(crate) kind: String,
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) connection: u64,
    pub(crate) body: String,
}

const HTTP: &str = r#"
    log_format requests escape=json '{"key":"$http_idempotency_key","kind":"$content_type",'
        '"user":"$remote_user","client":"$ssl_client_s_dn","connection":$connection,'
        '"body":"$request_body"}';
    keepalive_requests 100;
    server {
        listen 127.0.0.1:PORT LISTEN;
        SETTINGS
        location / { access_log DIR/requests.log requests; proxy_pass http://unix:DIR/inner; }
        location /small { client_max_body_size 1k; proxy_pass http://unix:DIR/inner; }
    }
    server {
        listen unix:DIR/inner;
        location / { return 204; }
    }
"#;

impl Nginx {
    pub(crate) fn start() -> Option<Self> {
        Self::start_with("", "", |_| {})
    }

    /// With more behind `listen`, more settings, and files. `None` if there is no nginx here.
    pub(crate) fn start_with(listen: &str, settings: &str, files: impl Fn(&Path)) -> Option<Self> {
        let Some(program) = program() else {
            missing("nginx is not installed; `make peers` installs it");
            return None;
        };
        let dir = TempDir::new().unwrap();
        files(dir.path());
        let http = HTTP.replace("LISTEN", listen).replace("SETTINGS", settings);
        let process = Process::start(program, dir.path(), &http).unwrap();
        Some(Self { process, dir })
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}/", self.process.port)
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// The first so many requests.
    pub(crate) fn logged(&self, requests: usize) -> Vec<Logged> {
        let log = || fs::read_to_string(self.dir.path().join("requests.log")).unwrap_or_default();
        until("nginx has written the requests down", || log().lines().count() >= requests);
        log().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn numbers(body: &str) -> Vec<u64> {
    let object = |line| serde_json::from_str::<Value>(line).unwrap();
    body.lines().map(|line| object(line)["event_id"].as_u64().unwrap()).collect()
}

#[test]
fn nginx_gets_single_alerts_in_order_over_few_connections() {
    let Some(nginx) = Nginx::start() else { return };
    let pigear = Pigear::start(&[("url", &nginx.url("http"))]);
    pigear.send_numbered(0..250);
    pigear.deals_with(250);
    assert_eq!(pigear.end(), (250, 0, 0));
    let logged = nginx.logged(250);
    let all: Vec<_> = logged.iter().flat_map(|request| numbers(&request.body)).collect();
    assert_eq!(all, (0..250).collect::<Vec<_>>());
    assert!(logged.iter().all(|request| request.kind == "application/json"));
    let connections: std::collections::BTreeSet<_> =
        logged.iter().map(|request| request.connection).collect();
    // nginx closes each after 100 requests.
    assert!(connections.len() <= 4, "{connections:?}");
    let keys: std::collections::BTreeSet<_> = logged.iter().map(|request| &request.key).collect();
    assert_eq!(keys.len(), 250);
}

#[test]
fn nginx_gets_lines_in_batches() {
    let Some(nginx) = Nginx::start() else { return };
    let keys = [("url", &*nginx.url("http")), ("encoding", "ndjson"), ("batch", "100")];
    let pigear = Pigear::start(&keys);
    pigear.send_numbered(0..250);
    pigear.deals_with(250);
    assert_eq!(pigear.end(), (250, 0, 0));
    let logged = nginx.logged(3);
    let all: Vec<_> = logged.iter().flat_map(|request| numbers(&request.body)).collect();
    assert_eq!(all, (0..250).collect::<Vec<_>>());
    assert!(logged.iter().all(|request| request.kind == "application/x-ndjson"));
    assert!(logged.iter().all(|request| numbers(&request.body).len() <= 100));
}

#[test]
fn batches_are_bounded_by_bytes() {
    let Some(nginx) = Nginx::start() else { return };
    let keys = [("url", &*nginx.url("http")), ("encoding", "array"), ("batch_bytes", "2kB")];
    let pigear = Pigear::start(&keys);
    pigear.send_numbered(0..20);
    pigear.deals_with(20);
    assert_eq!(pigear.end(), (20, 0, 0));
    let logged = nginx.logged(2);
    assert!(logged.iter().all(|request| request.body.len() <= 2000));
    let arrays = logged.iter().map(|request| serde_json::from_str::<Value>(&request.body).unwrap());
    assert_eq!(arrays.map(|array| array.as_array().unwrap().len()).sum::<usize>(), 20);
}

#[test]
fn nginx_gets_in_parts_what_is_too_large_for_it() {
    let Some(nginx) = Nginx::start() else { return };
    let url = format!("{}small", nginx.url("http"));
    let pigear = Pigear::start(&[("url", &url), ("encoding", "ndjson"), ("batch", "10")]);
    pigear.send_numbered(0..10);
    pigear.deals_with(10);
    assert_eq!(pigear.end(), (10, 0, 0));
}

#[test]
fn nginx_lets_in_who_has_the_password() {
    let settings = "auth_basic x; auth_basic_user_file DIR/users;";
    let users = |dir: &Path| fs::write(dir.join("users"), "snort:{PLAIN}p@w\n").unwrap();
    let Some(nginx) = Nginx::start_with("", settings, users) else { return };
    fs::write(nginx.file("auth"), "basic:snort:p@w\n").unwrap();
    let (url, file) = (nginx.url("http"), nginx.file("auth"));
    let in_url = url.replace("//", "//snort:p%40w@");
    let right: [&[(&str, &str)]; 3] = [
        &[("url", &url), ("auth", "basic:snort:p@w")],
        &[("url", &url), ("auth_file", &file)],
        &[("url", &in_url)],
    ];
    for keys in right {
        let pigear = Pigear::start(keys);
        pigear.send_numbered(0..1);
        pigear.deals_with(1);
        assert_eq!(pigear.end(), (1, 0, 0));
    }
    let pigear = Pigear::start(&[("url", &url), ("auth", "basic:snort:wrong")]);
    pigear.send_numbered(0..1);
    pigear.deals_with(1);
    assert_eq!(pigear.end(), (0, 1, 0));
    assert!(nginx.logged(4).iter().all(|request| request.user == "snort"));
}
