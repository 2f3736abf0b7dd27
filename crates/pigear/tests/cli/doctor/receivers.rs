//! `pigear doctor`: whether receivers can be reached, without sending anything.

use std::io::Read;
use std::net::TcpListener;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::thread;

use super::doctor;
use crate::room::Room;

/// The findings about the receiver of a handler, as status and text.
fn found(room: &Room, handler: &str) -> Vec<String> {
    room.write("pigear.toml", format!("[[source]]\nlogdir = \"log\"\n[[handler]]\n{handler}\n"));
    let (_, findings) = doctor(room, "receivers", &["--config", "pigear.toml"]);
    let text = |it: &serde_json::Value| {
        format!("{} {}", it["status"].as_str().unwrap(), it["found"].as_str().unwrap())
    };
    findings.iter().map(text).collect()
}

/// A server, and all that comes over its first connection.
fn server() -> (String, thread::JoinHandle<Vec<u8>>) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let all = move || {
        let mut bytes = Vec::new();
        server.accept().unwrap().0.read_to_end(&mut bytes).unwrap();
        bytes
    };
    (address, thread::spawn(all))
}

#[cfg(feature = "http")]
#[test]
fn a_web_server_is_reached_and_gets_nothing() {
    let room = Room::new();
    let (address, all) = server();
    let handler = format!("type = \"http\"\nurl = \"http://{address}/s3cret\"");
    assert_eq!(
        found(&room, &handler),
        [format!("ok handler http: http://{address} accepts connections")]
    );
    assert!(all.join().unwrap().is_empty());
    let down = found(&room, &handler);
    let refused =
        format!("wrong handler http: http://{address}: Connection refused (os error 111)");
    assert_eq!(down, [refused]);
    let proxied =
        format!("{}\nproxy = \"http://{address}\"", handler.replace(&address, "siem.example"));
    let down = found(&room, &proxied);
    let via =
        format!("wrong handler http: http://siem.example (over the proxy http://{address}): ");
    assert!(down[0].starts_with(&via), "{down:?}");
}

#[cfg(feature = "http")]
#[test]
fn a_server_without_tls_is_no_receiver_over_tls() {
    let room = Room::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let hangs_up = thread::spawn(move || drop(server.accept().unwrap()));
    let found = found(&room, &format!("type = \"http\"\nurl = \"https://{address}/\""));
    hangs_up.join().unwrap();
    let closed = "the server closed the connection in the TLS handshake; write http:// instead of https://, if it \
        doesn't speak TLS";
    // A socket that is closed with unread data resets the connection.
    let reset = "Connection reset by peer (os error 104)";
    let said = |problem| format!("wrong handler http: https://{address}: {problem}");
    assert!([said(closed), said(reset)].contains(&found[0]), "{found:?}");
}

#[cfg(feature = "http")]
#[test]
fn a_server_that_answers_without_tls_is_told_in_the_words_of_a_run() {
    use std::io::Write;

    let room = Room::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = server.local_addr().unwrap().to_string();
    let answers = thread::spawn(move || {
        let mut stream = server.accept().unwrap().0;
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let found = found(&room, &format!("type = \"http\"\nurl = \"https://{address}/\""));
    answers.join().unwrap();
    let problem = "the server doesn't speak TLS on this port; write http:// instead of https://?";
    assert_eq!(found, [format!("wrong handler http: https://{address}: {problem}")]);
}

#[cfg(feature = "syslog")]
#[test]
fn a_syslog_server_is_reached_and_gets_nothing() {
    let room = Room::new();
    let (address, all) = server();
    let handler = format!("type = \"syslog\"\ntarget = \"tcp://{address}\"");
    assert_eq!(
        found(&room, &handler),
        [format!("ok handler syslog: tcp://{address} accepts connections")]
    );
    assert!(all.join().unwrap().is_empty());
}

#[test]
fn a_reader_at_a_socket_is_reached() {
    let room = Room::new();
    for (target, name) in [("unix-stream", "stream"), ("unix-dgram", "datagrams")] {
        let path = room.at(name);
        let handler = format!("type = \"socket\"\ntarget = \"{target}:{}\"", path.display());
        assert!(found(&room, &handler)[0].ends_with(": No such file or directory (os error 2)"));
        let _readers = if name == "stream" {
            (Some(UnixListener::bind(&path).unwrap()), None)
        } else {
            (None, Some(UnixDatagram::bind(&path).unwrap()))
        };
        assert!(found(&room, &handler)[0].ends_with(" is there, and may be written to"));
    }
}

#[cfg(all(feature = "kafka", feature = "nats"))]
#[test]
fn servers_of_a_fleet_that_are_down_are_wrong() {
    let room = Room::new();
    let address = crate::ports::free_address();
    for kind in ["nats", "kafka"] {
        let found = found(&room, &format!("type = \"{kind}\"\nurl = \"{kind}://{address}\""));
        assert!(
            found[0].starts_with(&format!("wrong handler {kind}: {kind}://{address}: ")),
            "{found:?}"
        );
    }
}
