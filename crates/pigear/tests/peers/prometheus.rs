//! Prometheus itself scrapes the metrics, and evaluates each alerting rule and each expression of the dashboard.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::harness::{Test, until};
use crate::ports::free_port;
use crate::requirements::missing;
use crate::scrape::{address, measured, scrape, shows};
use crate::snort::ping;

const RULES: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../packaging/prometheus/pigear.rules.yml");
const DASHBOARD: &str = include_str!("../../../../packaging/grafana/pigear.json");
const MANUAL: &str = include_str!("../../../../docs/metrics.md");

/// A program of the peer, if it is installed.
fn installed(program: &str) -> Option<PathBuf> {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
    let path = peers.join("prometheus/usr/bin").join(program);
    if path.exists() {
        return Some(path);
    }
    missing(format_args!("{program} is not installed; `make peers` installs it"));
    None
}

/// What `promtool` says of a text or a file.
fn promtool(args: &[&str], input: &str) -> Option<String> {
    let mut command = Command::new(installed("promtool")?);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{said}");
    Some(said)
}

/// A Pigear with a store, and a handler that gets its alerts from there.
fn storing() -> Test {
    let args = ["--store", "a.db", "--keep-days", "7", "--keep-bytes", "1GB"];
    let keys = ["--data-handler", "file", "path=out", "durable=true", "limit=1000"];
    measured(Test::new()).args(args).args(keys).args(["file.filter=true"])
}

#[test]
fn promtool_has_nothing_to_say_about_metrics_and_rules() {
    let mut running = storing().start();
    running.send(&ping());
    let address = address(&mut running);
    let text = shows(address, "pigear_lane_handled_total{lane=\"file\"} 1");
    let Some(said) = promtool(&["check", "metrics"], &text) else { return };
    assert_eq!(said, "");
    let said = promtool(&["check", "rules", RULES], "").unwrap();
    assert!(said.contains("SUCCESS: 18 rules found"), "{said}");
}

/// Prometheus; it is killed when this is dropped.
struct Prometheus {
    port: u16,
    child: Child,
    _dir: TempDir,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    fn start(program: &Path, target: SocketAddr) -> Self {
        let dir = TempDir::new().unwrap();
        let port = free_port();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{RULES:?}]\n\
             scrape_configs: [{{job_name: pigear, static_configs: [{{targets: ['{target}']}}]}}]\n"
        );
        fs::write(dir.path().join("prometheus.yml"), config).unwrap();
        let mut command = Command::new(program);
        command.arg("--config.file=prometheus.yml").arg("--storage.tsdb.path=data");
        command.arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.current_dir(dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().unwrap();
        let prometheus = Self { port, child, _dir: dir };
        until("Prometheus is ready", || prometheus.is_ready());
        prometheus
    }

    fn is_ready(&self) -> bool {
        let there = TcpStream::connect(("127.0.0.1", self.port)).is_ok();
        there && self.ask("/-/ready").starts_with("HTTP/1.0 200 ")
    }

    fn ask(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.ask(&format!("/api/v1/{path}"));
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    /// How many series an expression has.
    fn query(&self, expression: &str) -> usize {
        let encoded: Vec<_> = expression.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let answer = self.get(&format!("query?query={}", encoded.concat()));
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().unwrap().len()
    }
}

/// The expressions of the dashboard, as Grafana sends them.
fn panels() -> Vec<String> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expression = |target: &Value| {
        let text = target["expr"].as_str().unwrap();
        text.replace("$__rate_interval", "1m").replace("$instance", ".*")
    };
    targets.map(expression).collect()
}

/// The metrics that a text names.
fn named(text: &str) -> BTreeSet<&str> {
    let words = text.split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'));
    words.filter(|word| word.starts_with("pigear_") || word.starts_with("process_")).collect()
}

#[test]
fn prometheus_scrapes_and_evaluates_all_rules_and_panels() {
    let Some(program) = installed("prometheus") else { return };
    let mut running = storing().start();
    running.send(&ping());
    let target = address(&mut running);
    shows(target, "pigear_lane_handled_total{lane=\"file\"} 1");
    let prometheus = Prometheus::start(&program, target);
    // Rates need two scrapes.
    let scraped =
        "count_over_time(pigear_received_total[1m]) > 2 and rate(pigear_received_total[1m]) >= 0";
    until("Prometheus has scraped", || prometheus.query(scraped) == 1);
    assert_eq!(prometheus.query("up == 1"), 1);
    let panels = panels();
    assert!(panels.len() > 25, "{panels:?}");
    for expression in &panels {
        // Nothing is known of sensors, which only a central Pigear has.
        let expected = !expression.contains("pigear_sensor");
        let series = prometheus.query(expression);
        assert_eq!(series > 0, expected, "{series} series: {expression}");
    }
    until("all rules were evaluated", || {
        let rules = prometheus.get("rules");
        let rules = rules["data"]["groups"][0]["rules"].as_array().cloned().unwrap_or_default();
        assert!(rules.iter().all(|rule| rule["health"] != "err"), "{rules:?}");
        rules.len() == 18 && rules.iter().all(|rule| rule["health"] == "ok")
    });
    let alerts = prometheus.get("alerts");
    assert_eq!(alerts["data"]["alerts"], serde_json::json!([]), "all is well");
}

#[test]
fn rules_and_panels_name_metrics_that_there_are() {
    let known = named(MANUAL);
    let rules = fs::read_to_string(RULES).unwrap();
    for name in named(&rules).into_iter().chain(named(DASHBOARD)) {
        let plain = name.strip_suffix("_bucket").unwrap_or(name);
        assert!(known.contains(plain), "{name} is not in docs/metrics.md");
    }
    let mut running = storing().start();
    let address = address(&mut running);
    let text = scrape(address);
    // Histograms are there with all that Prometheus adds to their names.
    assert!(text.contains("pigear_receive_delay_seconds_bucket{le=\"+Inf\"} 0\n"), "{text}");
}
