//! nginx as a process of its own, on loopback; tests and the benchmark start it.

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use std::{fs, io, thread};

use crate::ports::free_port;

const START_TIMEOUT: Duration = Duration::from_secs(10);

const CONF: &str = "
daemon off;
master_process off;
pid DIR/pid;
error_log DIR/error.log;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path DIR/body;
    proxy_temp_path DIR/proxy;
    fastcgi_temp_path DIR/fastcgi;
    uwsgi_temp_path DIR/uwsgi;
    scgi_temp_path DIR/scgi;
    client_max_body_size 8m;
    client_body_buffer_size 8m;
    HTTP
}
";

/// nginx on a port of its own; it is killed when this is dropped.
pub(crate) struct Process {
    pub(crate) port: u16,
    child: Child,
}

impl Process {
    /// Starts nginx with this in its block `http`, where `PORT` stands for the port and `DIR` for the
    /// directory, which is to live as long, and waits until it listens.
    pub(crate) fn start(program: &Path, dir: &Path, http: &str) -> io::Result<Self> {
        let port = free_port();
        let conf = CONF
            .replace("HTTP", http)
            .replace("DIR", &dir.to_string_lossy())
            .replace("PORT", &port.to_string());
        let path = dir.join("nginx.conf");
        fs::write(&path, conf)?;
        let mut command = Command::new(program);
        command.args(["-e", "error.log", "-p"]).arg(dir).arg("-c").arg(path);
        let mut process = Self { port, child: command.spawn()? };
        let deadline = Instant::now() + START_TIMEOUT;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = process.child.try_wait()? {
                return Err(io::Error::other(format!("nginx ended: {status}")));
            }
            if Instant::now() > deadline {
                return Err(io::Error::other("nginx doesn't listen"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where nginx is, if it is installed.
pub(crate) fn program() -> Option<&'static Path> {
    let places = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
    places.map(Path::new).into_iter().find(|path| path.exists())
}
