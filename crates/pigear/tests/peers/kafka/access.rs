//! Users and TLS, which the mock cluster doesn't have: a broker that knows nothing else.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::harness::Test;
use crate::peer::ends_in_time;

const METADATA: u16 = 3;
const API_VERSIONS: u16 = 18;
const SASL_HANDSHAKE: u16 = 17;
const SASL_AUTHENTICATE: u16 = 36;
const UNSUPPORTED_MECHANISM: u16 = 33;
const AUTHENTICATION_FAILED: u16 = 58;

/// A broker that refuses all users.
struct Broker {
    port: u16,
    /// What clients send to prove who they are.
    proofs: Receiver<String>,
    /// Its certificate.
    ca: String,
}

impl Broker {
    fn start(mechanism: &'static str, with_tls: bool) -> Self {
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, proofs) = channel();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let (socket, sender) = (socket.unwrap(), sender.clone());
                let config = with_tls.then(|| Arc::clone(&config));
                std::thread::spawn(move || match config {
                    Some(config) => serve(encrypted(socket, config), mechanism, &sender),
                    None => serve(socket, mechanism, &sender),
                });
            }
        });
        Self { port, proofs, ca: certificate.pem() }
    }

    /// Starts a handler, and returns what it proves, once it says this.
    fn says(&self, keys: &[&str], text: &str) -> String {
        let url = format!("url=kafka://localhost:{}", self.port);
        let args = ["--data-handler", "kafka", "user=me", "password=s3cret", &url];
        let test = Test::new().file("ca.pem", &self.ca).file("other.pem", Self::other());
        let mut running = test.args(args).args(keys).start();
        running.warns(text);
        let (_, ended) = ends_in_time(running);
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
        self.proofs.try_recv().unwrap_or_default()
    }

    /// The certificate of someone else.
    fn other() -> String {
        let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().pem()
    }
}

fn encrypted(
    socket: TcpStream,
    config: Arc<ServerConfig>,
) -> StreamOwned<ServerConnection, TcpStream> {
    StreamOwned::new(ServerConnection::new(config).unwrap(), socket)
}

/// Answers requests until the client closes the connection.
fn serve(mut socket: impl Read + Write, mechanism: &str, proofs: &Sender<String>) {
    while let Some(request) = request(&mut socket) {
        let number = |at: usize| u16::from_be_bytes([request[at], request[at + 1]]);
        // Length, kind, version, number and the client's name.
        let body = &request[10 + usize::from(number(8))..];
        let mut answer = request[4..8].to_vec();
        match number(0) {
            API_VERSIONS => {
                let kinds = [METADATA, API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE];
                let versions = kinds.map(|kind| [kind.to_be_bytes(), [0, 0], [0, 1]].concat());
                if number(2) > 1 {
                    // The version is too new.
                    answer.extend([0, 35, 0, 0, 0, 0]);
                } else {
                    answer.extend([0, 0, 0, 0, 0, 4]);
                    answer.extend(versions.concat());
                    answer.extend(vec![0; 4 * usize::from(number(2))]);
                }
            }
            SASL_HANDSHAKE => {
                let is_known = &body[2..] == mechanism.as_bytes();
                let error = if is_known { 0 } else { UNSUPPORTED_MECHANISM };
                answer.extend(error.to_be_bytes());
                answer.extend([0, 0, 0, 1, 0, u8::try_from(mechanism.len()).unwrap()]);
                answer.extend(mechanism.as_bytes());
            }
            SASL_AUTHENTICATE => {
                let _ = proofs.send(String::from_utf8_lossy(&body[4..]).into_owned());
                answer.extend(AUTHENTICATION_FAILED.to_be_bytes());
                // Neither a reason nor more to say.
                answer.extend([0xff, 0xff, 0, 0, 0, 0]);
                answer.extend(vec![0; 8 * usize::from(number(2))]);
            }
            // Without a login, brokers close the connection.
            METADATA => return,
            other => panic!("a client that isn't known asks for {other}"),
        }
        let length = u32::try_from(answer.len()).unwrap().to_be_bytes();
        let _ = socket.write_all(&[&length, &*answer].concat());
        let _ = socket.flush();
    }
}

fn request(socket: &mut impl Read) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    socket.read_exact(&mut length).ok()?;
    let mut request = vec![0; u32::from_be_bytes(length) as usize];
    socket.read_exact(&mut request).ok()?;
    Some(request)
}

#[test]
fn a_user_proves_who_it_is_by_each_mechanism() {
    let refuses = "the broker refuses the credentials";
    let plain = Broker::start("PLAIN", false);
    assert_eq!(plain.says(&["mechanism=plain"], refuses), "\0me\0s3cret");
    plain.says(&[], "the broker doesn't know this mechanism");
    for (mechanism, keys) in
        [("SCRAM-SHA-512", &[][..]), ("SCRAM-SHA-256", &["mechanism=scram-sha-256"])]
    {
        let proof = Broker::start(mechanism, false).says(keys, refuses);
        assert!(proof.starts_with("n,,n=me,r="), "{proof}");
    }
}

#[test]
fn a_broker_that_wants_a_login_closes_the_connection_and_that_is_said() {
    let broker = Broker::start("PLAIN", false);
    let url = format!("url=kafka://localhost:{}", broker.port);
    let mut running = Test::new().args(["--data-handler", "kafka", &url]).start();
    running.warns("does it want TLS (tls=yes), or credentials (user=NAME)?");
    let (_, ended) = ends_in_time(running);
    assert!(!ended.stderr.contains("poisoned"), "{}", ended.stderr);
}

#[test]
fn a_broker_is_trusted_by_its_certificate_only() {
    let broker = Broker::start("PLAIN", true);
    let trusted = ["mechanism=plain", "ca=ca.pem"];
    assert_eq!(broker.says(&trusted, "the broker refuses the credentials"), "\0me\0s3cret");
    broker.says(&["mechanism=plain", "ca=other.pem"], "invalid peer certificate");
    broker.says(&["mechanism=plain"], "does it want TLS");
}
