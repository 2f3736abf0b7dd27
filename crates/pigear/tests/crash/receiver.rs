//! The receiver: writes down what arrives, and only then says that it has it.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

use serde_json::Value;

/// Receives until it is killed. Each request becomes a line: its key, and the numbers of its events, with
/// how many alerts each stands for: `17:1 18:1`.
pub(crate) fn receive(address: &str, file: &Path) {
    let file = File::options().create(true).append(true).open(file).unwrap();
    let listener = TcpListener::bind(address).unwrap();
    for stream in listener.incoming() {
        // One after the other, as Pigear sends them. A connection that breaks is none of our business.
        let _ = serve(&stream.unwrap(), &file);
    }
}

fn serve(mut stream: &TcpStream, mut file: &File) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut key, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("idempotency-key:") {
                value.trim().clone_into(&mut key);
            }
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let number = |line: &[u8]| {
            let alert: Value = serde_json::from_slice(line).unwrap();
            format!("{}:{}", alert["event_id"], alert["count"].as_u64().unwrap_or(1))
        };
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let numbers: Vec<_> = lines.map(number).collect();
        // In one go, so that no line is ever half written.
        file.write_all(format!("{key} {}\n", numbers.join(" ")).as_bytes())?;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
}
