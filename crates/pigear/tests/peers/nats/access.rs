//! Credentials and TLS, as a server asks for them.

use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use nix::sys::signal::Signal;
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair as CertificateKey};
use serde_json::{Value, json};

use super::messages;
use super::server::{JETSTREAM, Server, generations};
use crate::harness::{Test, program};
use crate::peer::{ends_in_time, saying};
use crate::room::Room;
use crate::snort::objects;

const ALERT: &str = "an alert";

/// What proves to a server who Pigear is: files, and the keys that name them.
struct Proof {
    files: Vec<(&'static str, String)>,
    /// As the handler has them.
    keys: Vec<&'static str>,
    /// A secret that is never shown.
    secret: String,
}

impl Proof {
    fn new(keys: &[&'static str], files: &[(&'static str, &str)]) -> Self {
        let secret = files.last().map(|(_, text)| (*text).to_owned()).unwrap_or_default();
        let files = files.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        Self { files, keys: keys.to_vec(), secret }
    }

    fn write(&self, room: &Room) {
        for (name, text) in &self.files {
            room.write(name, text);
            // Pigear warns of secrets that all users can read.
            room.set_mode(name, 0o600);
        }
    }

    /// An alert goes by the handler into the stream, and comes by the source out of it.
    fn is_accepted(&self, server: &Server) {
        let url = format!("url={}", self.url(server));
        let test = Test::new().with(|room| self.write(room)).args(["--count", "1"]);
        let test = test.args(["--data-handler", "nats", "create=yes", &url]).args(&self.keys);
        test.send(saying(ALERT.as_bytes())).success();
        let from = format!("{}?{}", self.url(server), self.keys.join("&"));
        let test = Test::bare().with(|room| self.write(room)).args(["--count", "1"]);
        let test = test.args(["--socket-handler", "nats", "--from", &from]);
        let ended = test.args(["--data-handler", "print", "format=json"]).start().end().1;
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        assert_eq!(messages(&objects(&ended.stdout)), [ALERT]);
        self.is_not_shown(&ended.stderr);
    }

    /// The handler says what is wrong, and keeps the alert.
    fn is_refused(&self, server: &Server, text: &str) {
        let url = format!("url={}", self.url(server));
        let test = Test::new().with(|room| self.write(room));
        let test = test.args(["--data-handler", "nats", "create=yes", &url]).args(&self.keys);
        let mut running = test.start();
        running.warns(text);
        self.is_not_shown(&ends_in_time(running).1.stderr);
    }

    fn is_not_shown(&self, stderr: &str) {
        let mut lines = self.secret.lines().map(str::trim).filter(|line| line.len() > 4);
        assert!(!lines.any(|line| stderr.contains(line)), "{stderr}");
    }

    fn url(&self, server: &Server) -> String {
        let is_tls = self.keys.iter().any(|key| key.starts_with("ca="));
        if is_tls { format!("tls://localhost:{}", server.port) } else { server.url() }
    }
}

fn server(generation: &Path, config: &str) -> Server {
    Server::start(generation, &format!("{JETSTREAM}{config}\n"))
}

#[test]
fn a_password_and_a_token_come_from_files() {
    for generation in generations() {
        let users = server(&generation, "authorization { user: me, password: \"s3cret\" }");
        let user = ["user=me", "password_file=secret"];
        Proof::new(&user, &[("secret", "s3cret\n")]).is_accepted(&users);
        let refuses = "the server refuses the credentials";
        Proof::new(&user, &[("secret", "wr0ng\n")]).is_refused(&users, refuses);
        drop(users);
        let tokens = server(&generation, "authorization { token: \"t0ken\" }");
        let token = ["token_file=secret"];
        Proof::new(&token, &[("secret", "t0ken\n")]).is_accepted(&tokens);
        Proof::new(&token, &[("secret", "wr0ng\n")]).is_refused(&tokens, refuses);
    }
}

#[test]
fn a_user_and_a_token_are_taken_from_the_url() {
    for generation in generations() {
        for (config, login) in [
            ("authorization { user: \"m@e\", password: \"s3cret:/ \" }", "m%40e:s3cret%3A%2F%20"),
            ("authorization { token: \"s3cret+\" }", "s3cret%2B"),
        ] {
            let server = server(&generation, config);
            let url = format!("nats://{login}@127.0.0.1:{}", server.port);
            let key = format!("url={url}");
            let mut running = Test::new()
                .args(["--count", "1", "--data-handler", "nats", "create=yes", &key])
                .start();
            running.send(&saying(ALERT.as_bytes()));
            let ended = running.end().1;
            let shows = |text: &str| text.contains("s3cret");
            assert!(ended.status == Some(0) && !shows(&ended.stderr), "{}", ended.stderr);
            assert!(ended.stderr.contains("url is a secret"), "{}", ended.stderr);
            let test = Test::bare().args(["--count", "1", "--socket-handler", "nats"]);
            let test = test.args(["--from", &url, "--data-handler", "print", "format=json"]);
            let ended = test.start().end().1;
            assert!(ended.status == Some(0) && !shows(&ended.stderr), "{}", ended.stderr);
            assert_eq!(messages(&objects(&ended.stdout)), [ALERT]);
            let listed = program().args(["sensors", "--from", &url]).output().unwrap();
            let said = String::from_utf8(listed.stderr).unwrap();
            assert!(listed.status.success() && !shows(&said), "{said}");
            assert!(said.contains("--from is a secret"), "{said}");
        }
    }
}

#[test]
fn an_nkey_proves_who_signs_with_it() {
    for generation in generations() {
        let (user, other) = (KeyPair::new_user(), KeyPair::new_user());
        let config = format!("authorization {{ users: [{{ nkey: {} }}] }}", user.public_key());
        let server = server(&generation, &config);
        let proof = |key: &KeyPair| {
            Proof::new(&["nkey=user.nk"], &[("user.nk", &format!("{}\n", key.seed().unwrap()))])
        };
        proof(&user).is_accepted(&server);
        proof(&other).is_refused(&server, "the server refuses the credentials");
    }
}

#[test]
fn a_credentials_file_has_a_token_of_the_account_and_the_users_seed() {
    for generation in generations() {
        let trust = Trust::new();
        let server = server(&generation, &trust.config());
        let user = KeyPair::new_user();
        let proof = |text: String| Proof::new(&["creds=user.creds"], &[("user.creds", &text)]);
        proof(credentials(&trust.user(&user), &user)).is_accepted(&server);
        // Of an account that this server doesn't know.
        let stranger = Trust::new().user(&user);
        let refuses = "the server refuses the credentials";
        proof(credentials(&stranger, &user)).is_refused(&server, refuses);
        // The seed of another user.
        let other = KeyPair::new_user();
        proof(credentials(&trust.user(&user), &other)).is_refused(&server, refuses);
    }
}

/// An operator with two accounts, of which one is the server's own.
struct Trust {
    operator: KeyPair,
    account: KeyPair,
    system: KeyPair,
}

impl Trust {
    fn new() -> Self {
        let [account, system] = [KeyPair::new_account(), KeyPair::new_account()];
        Self { operator: KeyPair::new_operator(), account, system }
    }

    fn config(&self) -> String {
        let Self { operator, account, system } = self;
        let all = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1,
            "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
        });
        let mut none = all.clone();
        for limit in ["mem_storage", "disk_storage", "streams", "consumer"] {
            none[limit] = 0.into();
        }
        let root = token(operator, operator, &json!({"type": "operator", "version": 2}));
        let of = |key, limits| {
            let claims = json!({"type": "account", "version": 2, "limits": limits});
            format!("{}: {}", KeyPair::public_key(key), token(operator, key, &claims))
        };
        format!(
            "operator: {root}\nsystem_account: {}\nresolver: MEMORY\nresolver_preload {{\n{}\n{}\n}}",
            system.public_key(),
            of(account, all),
            of(system, none)
        )
    }

    fn user(&self, user: &KeyPair) -> String {
        let limits = json!({"type": "user", "version": 2, "subs": -1, "data": -1, "payload": -1});
        token(&self.account, user, &limits)
    }
}

/// A signed token (JWT) about a key.
fn token(issuer: &KeyPair, subject: &KeyPair, claims: &Value) -> String {
    let encoded = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let subject = subject.public_key();
    let body = json!({
        "jti": "x", "iat": 1_700_000_000, "iss": issuer.public_key(), "sub": subject, "name": subject,
        "nats": claims,
    });
    let head = json!({"typ": "JWT", "alg": "ed25519-nkey"});
    let signed = format!("{}.{}", encoded(head), encoded(body));
    let signature = URL_SAFE_NO_PAD.encode(issuer.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

/// The text of a credentials file.
fn credentials(token: &str, user: &KeyPair) -> String {
    let part = |name, text| format!("-----BEGIN {name}-----\n{text}\n------END {name}------\n\n");
    part("NATS USER JWT", token) + &part("USER NKEY SEED", &user.seed().unwrap())
}

#[test]
fn a_server_is_trusted_by_its_certificate_and_asks_for_pigears() {
    for generation in generations() {
        let (authority, other) = (Authority::new("authority"), Authority::new("other"));
        let mut server = Server::down(&generation, &format!("{JETSTREAM}{}", tls("verify: true")));
        authority.issue("localhost", server.dir());
        fs::write(server.dir().join("ca.pem"), &authority.pem).unwrap();
        server.up();
        let files = tempfile::tempdir().unwrap();
        authority.issue("pigear", files.path());
        let read = |name: &str| fs::read_to_string(files.path().join(name)).unwrap();
        let (certificate, key) = (read("cert.pem"), read("key.pem"));
        let proof = |keys: &[&'static str], ca: &Authority| {
            let files = [("ca.pem", &*ca.pem), ("cert.pem", &*certificate), ("key.pem", &*key)];
            Proof::new(keys, &files)
        };
        let all = ["ca=ca.pem", "cert=cert.pem", "key=key.pem"];
        proof(&all, &authority).is_accepted(&server);
        let not_trusted = "UnknownIssuer); ca has not the certificate of who signed the server's";
        proof(&all, &other).is_refused(&server, not_trusted);
        proof(&["tls=yes"], &other).is_refused(&server, "; give ca=FILE with the certificate of");
        // Without a certificate of its own the server ends the connection.
        proof(&["ca=ca.pem"], &authority).is_refused(&server, "handler nats: tls://localhost");
    }
}

#[test]
fn a_server_without_tls_is_said_to_be_one() {
    for generation in generations() {
        let plain = server(&generation, "");
        let said =
            "the server doesn't speak TLS; write nats://, and leave out tls, ca, cert and key";
        Proof::new(&["tls=yes"], &[]).is_refused(&plain, said);
    }
}

/// Those that the manual has.
fn users(sensor: &str, central: &str) -> String {
    let user = |name, publish| {
        format!(
            "{{ user: {name}, password: s3cret, permissions: {{ publish: [{publish}], subscribe: [\"_INBOX.>\"] }} }}"
        )
    };
    format!("authorization {{ users: [{}, {}] }}", user("sensor", sensor), user("central", central))
}

const SENSOR: &str = "\"pigear.alerts.>\", \"$KV.PIGEAR_SENSORS.>\", \"$JS.API.>\"";

#[test]
fn the_rights_of_the_manual_are_enough_and_a_missing_one_is_named() {
    for generation in generations() {
        let central = "\"$JS.API.>\", \"$JS.ACK.>\", \"_INBOX.>\"";
        let may_all = server(&generation, &users(SENSOR, central));
        let publish = |server: &Server| {
            let url = format!("url=nats://sensor:s3cret@127.0.0.1:{}", server.port);
            Test::new().args(["--count", "1", "--data-handler", "nats", "create=yes", &url])
        };
        let read = |server: &Server, args: &[&str]| {
            let from = format!("nats://central:s3cret@127.0.0.1:{}", server.port);
            let test = Test::bare().args(["--socket-handler", "nats", "--from", &from]);
            test.args(args.iter().copied()).args(["--data-handler", "null"]).start()
        };
        let mut running = publish(&may_all).start();
        running.send(&saying(ALERT.as_bytes()));
        let sent = running.end().1;
        assert!(sent.status == Some(0) && !sent.stderr.contains("may not"), "{}", sent.stderr);
        let taken = read(&may_all, &["--count", "1"]).end().1;
        assert!(taken.status == Some(0) && !taken.stderr.contains("may not"), "{}", taken.stderr);
        drop(may_all);

        let may_not = server(&generation, &users(SENSOR, "\"$JS.API.>\", \"_INBOX.>\""));
        let mut running = publish(&may_not).start();
        running.send(&saying(ALERT.as_bytes()));
        assert_eq!(running.end().1.status, Some(0));
        let mut running = read(&may_not, &["--serve-forever", "--store", "a.db"]);
        running.warns(
            ": the user may not publish to $JS.ACK.>; the server needs to grant that (1 refused",
        );
        running.signal_now(Signal::SIGTERM);
        running.end();
        drop(may_not);

        let may_not = server(&generation, &users("\"pigear.alerts.>\"", central));
        let mut running = publish(&may_not).start();
        running.warns(": the user may not publish to $JS.API.STREAM.");
        ends_in_time(running);
    }
}

fn tls(also: &str) -> String {
    format!(
        "tls {{ cert_file: \"DIR/cert.pem\", key_file: \"DIR/key.pem\", ca_file: \"DIR/ca.pem\", {also} }}\n"
    )
}

/// What signs certificates.
struct Authority {
    issuer: Issuer<'static, CertificateKey>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = CertificateKey::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Writes a certificate for this name, and its key.
    fn issue(&self, name: &str, dir: &Path) {
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let key = CertificateKey::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(dir.join("cert.pem"), certificate.pem()).unwrap();
        fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
    }
}
