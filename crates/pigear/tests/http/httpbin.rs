//! A real httpbin, which says what it got.

use std::fs;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::harness::{Pigear, peers, until};
use crate::ports::free_address;
use crate::requirements::missing;

/// httpbin on a port of its own; it is killed when this is dropped.
struct Httpbin {
    child: Child,
    port: u16,
    _dir: TempDir,
}

impl Httpbin {
    /// `None` if there is no httpbin here.
    fn start() -> Option<Self> {
        let python = peers().join("httpbin/bin/python");
        if !python.exists() {
            missing("httpbin is not installed; `make peers` installs it");
            return None;
        }
        let dir = TempDir::new().unwrap();
        let port = free_address().port();
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let child = Command::new(python)
            .args(["-m", "gunicorn", "--threads", "4", "--bind", &format!("127.0.0.1:{port}")])
            .arg("httpbin:app")
            .current_dir(dir.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let httpbin = Self { child, port, _dir: dir };
        until("httpbin listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Some(httpbin)
    }

    /// Sends one alert there, and gives handled, failed and dropped.
    fn post(&self, path: &str, keys: &[(&str, &str)]) -> (u64, u64, u64) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let pigear = Pigear::start(&[&[("url", &*url)], keys].concat());
        pigear.send_numbered(0..1);
        pigear.deals_with(1);
        pigear.end()
    }
}

impl Drop for Httpbin {
    fn drop(&mut self) {
        // gunicorn ends its workers when it is asked to end, not when it is killed.
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

#[test]
fn httpbin_is_content_with_every_encoding() {
    let Some(httpbin) = Httpbin::start() else { return };
    for encoding in ["json", "ndjson", "array", "form"] {
        let keys = [("encoding", encoding), ("delay", "0")];
        assert_eq!(httpbin.post("/post", &keys), (1, 0, 0), "{encoding}");
    }
    assert_eq!(httpbin.post("/delay/1", &[]), (1, 0, 0));
    for status in ["400", "401", "404", "413", "418"] {
        assert_eq!(httpbin.post(&format!("/status/{status}"), &[]), (0, 1, 0), "{status}");
    }
    let redirect = "/redirect-to?url=/post&status_code=307";
    assert_eq!(httpbin.post(redirect, &[]), (0, 1, 0));
    // Comes right by and by: each answer is drawn.
    assert_eq!(httpbin.post("/status/200,503", &[]), (1, 0, 0));
}
