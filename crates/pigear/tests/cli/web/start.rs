//! How serving begins, and why it doesn't.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use nix::sys::signal::Signal;

use super::client::{LAST, Page};
use crate::harness::{Test, program};
use crate::room::Room;

/// What `pigear web ARGS` writes to standard error, and its status, when it doesn't serve.
fn refused(room: &Room, args: &[&str]) -> (String, Option<i32>) {
    let output = program().arg("web").args(args).current_dir(room.path()).output().unwrap();
    assert!(output.stdout.is_empty());
    (String::from_utf8(output.stderr).unwrap(), output.status.code())
}

/// That the handler can't start.
fn handler_fails(keys: &[&str], store: &[&str], stderr: &str) {
    let test = Test::new().args(["--data-handler", "web"]).args(store.to_vec());
    test.args(keys.to_vec()).stderr(format!("error: handler web: {stderr}\n")).status(1);
}

/// That the keys are wrong usage.
fn handler_refused(keys: &[&str], store: &[&str], stderr: &str) {
    let test = Test::new().args(["--data-handler", "web"]).args(store.to_vec());
    let hint = "hint: pigear --help lists handlers and keys\n";
    test.args(keys.to_vec()).stderr(format!("error: handler web: {stderr}\n{hint}")).status(2);
}

const STORE: [&str; 2] = ["--store", "a.db"];
const LOGIN: &str = "so the page needs a login there: give users=FILE (`pigear web user add NAME --users \
    FILE` makes it) or token_file=FILE; or listen on 127.0.0.1";

#[test]
fn without_a_store_the_handler_says_what_to_give() {
    let error = "the page shows what is stored, so it needs a store; give one with --store PATH";
    handler_refused(&[], &[], error);
}

#[test]
fn what_others_can_reach_needs_a_login() {
    for listen in ["0.0.0.0:0", "[::]:0"] {
        let error = format!("others can reach {listen}, {LOGIN}");
        handler_refused(&[&format!("listen={listen}")], &STORE, &error);
    }
    let error = "no-users has no users; `pigear web user add NAME --users no-users` adds one";
    let test = Test::new().file("no-users", "# none\n").args(STORE).args(["--data-handler", "web"]);
    let test = test.args(["listen=0.0.0.0:0", "users=no-users"]).with(|room| {
        fs::set_permissions(room.at("no-users"), Permissions::from_mode(0o600)).unwrap();
    });
    test.stderr(format!("error: handler web: {error}\n")).status(1);
}

#[test]
fn an_address_that_is_in_use_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let error = format!(
        "cannot listen on {address}: another program listens there; give another port with listen=ADDR:PORT"
    );
    handler_fails(&[&format!("listen={address}")], &STORE, &error);
    let error = "cannot listen on 192.0.2.1:0: this machine doesn't have that address";
    handler_fails(&["listen=192.0.2.1:0", "token=0123456789abcdef"], &STORE, error);
}

#[test]
fn keys_that_make_no_sense_are_refused() {
    for (keys, error) in [
        (&["token=a", "token_file=b"][..], "give either token or token_file"),
        (&["token="], "token is empty"),
        (&["tls_key=nope"], "tls_key needs its certificate; give tls_cert"),
        (
            &["path=pigear"],
            "path=pigear: expected a path such as /pigear, of letters, digits, -._~ and /",
        ),
    ] {
        handler_refused(&[keys, &["listen=127.0.0.1:0"]].concat(), &STORE, error);
    }
    let makes_users = "; `pigear web user add NAME --users nope` makes it";
    for (key, hint) in [("token_file=nope", ""), ("users=nope", makes_users), ("tls_cert=nope", "")]
    {
        let error = format!("cannot read nope: No such file or directory (os error 2){hint}");
        handler_fails(&[key, "listen=127.0.0.1:0"], &STORE, &error);
    }
    let wrong = "listen: expected an address and a port, such as 127.0.0.1:8080 or [::1]:8080";
    let test = Test::new().args(STORE).args(["--data-handler", "web", "listen=8080"]);
    let hint = "hint: pigear --help lists handlers and keys\n";
    test.stderr(format!("error: handler web: {wrong}\n{hint}")).status(2);
}

#[test]
fn a_store_that_is_not_there_is_never_made() {
    let room = Room::new();
    let said = refused(&room, &["--store", "a.db"]);
    let error = "error: cannot use the store a.db: there is no store\n\
        hint: `pigear --store PATH` makes one\n";
    assert_eq!(said, (error.to_owned(), Some(1)));
    assert_eq!(room.list(""), ["log"]);
}

#[test]
fn a_store_that_no_program_writes_is_served_until_a_signal() {
    let mut listening = Page::pinged(&[]);
    listening.running.signal(Signal::SIGTERM);
    let (room, ended) = listening.running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let before = room.list("");
    let page = Page::over(room, &["--path", "/pigear/"]);
    assert_eq!(page.prefix, "/pigear");
    assert_eq!(page.last(), LAST);
    assert!(page.json("health").get("counters").is_none());
    let moved = page.ask("GET /pigear HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert_eq!((moved.status, moved.header("location")), (308, Some("/pigear/")));
    assert_eq!(page.request("GET", "", "", "").status, 200);
    for path in ["/", "/api/v1/health", "/pigearx/", "//pigear/"] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        page.ask(&request).problem(404);
    }
    page.running.signal_now(Signal::SIGTERM);
    let (room, ended) = page.running.end();
    assert_eq!((ended.status, ended.stderr.lines().count()), (Some(0), 1), "{}", ended.stderr);
    let left: Vec<_> = room
        .list("")
        .into_iter()
        .filter(|name| !name.ends_with("-shm") && !name.ends_with("-wal"))
        .collect();
    assert_eq!(left, before);
}

#[test]
fn a_store_that_another_pigear_writes_is_served() {
    let mut listening = Test::new().args(STORE).args(["--data-handler", "null"]).start();
    listening.listens();
    let mut command = program();
    let store = listening.room().at("a.db");
    command.args(["web", "--listen", "127.0.0.1:0", "--store"]).arg(&store);
    let room = Room::new();
    command.current_dir(room.path());
    let page = Page::from(command, room);
    for datagram in crate::snort::sent("v2919/icmp_ping") {
        listening.send(&datagram);
    }
    crate::harness::until("they are stored", || page.last() == LAST);
}

#[test]
fn the_configuration_has_a_table_for_the_page() {
    let config = "[store]\npath = \"a.db\"\n[web]\nlisten = \"127.0.0.1:0\"\npath = \"/ids\"\n";
    let test = Test::new().file("pigear.toml", config).args(["--config", "pigear.toml"]);
    let page = Page::begun(test);
    assert_eq!(page.prefix, "/ids");
    assert_eq!(page.json("health")["store"]["path"], "a.db");
    assert!(page.json("health")["counters"]["handlers"].get("web").is_some());
    let mut running = page.running;
    running.signal(Signal::SIGTERM);
    let (room, _) = running.end();
    let mut command = program();
    command.args(["web", "--config", "pigear.toml", "--path", "/other"]).current_dir(room.path());
    let page = Page::from(command, room);
    assert_eq!(page.prefix, "/other");
    assert_eq!(page.json("health")["store"]["path"], "a.db");
    let running = page.running;
    running.signal_now(Signal::SIGTERM);
    let (room, _) = running.end();
    std::fs::copy(room.at("a.db"), room.at("b.db")).unwrap();
    room.write(
        "other.toml",
        "[store]\npath = \"a.db\"\n[web]\nlisten = \"127.0.0.1:0\"\nstore = \"b.db\"\n",
    );
    let mut command = program();
    command.args(["web", "--config", "other.toml"]).current_dir(room.path());
    assert_eq!(Page::from(command, room).json("health")["store"]["path"], "b.db");
    let test = Test::new()
        .file("pigear.toml", "[store]\npath = \"a.db\"\n[web]\nlisen = \"127.0.0.1:0\"\n");
    let error = "error: pigear.toml:4:1: unknown key `lisen`; did you mean `listen`? (handler web)\n\
        hint: pigear --help lists handlers and keys\n";
    test.args(["--config", "pigear.toml"]).stderr(error).status(2);
}
