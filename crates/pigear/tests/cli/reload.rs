//! The configuration is read again while alerts come.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::harness::{Test, program, until};
use crate::running::Running;
use crate::snort::{PING, objects, ping, recording};

#[cfg(all(feature = "exec", feature = "store"))]
mod handed_over;
#[cfg(feature = "metrics")]
mod removed;

/// What is said of a configuration that can't be used.
const REFUSED: &str = "cannot reload, so the configuration stays as it was";

/// How often the configuration changes.
const TIMES: usize = 50;

/// Reloads, and waits until that is said.
fn reload(running: &Running) {
    let said = || running.stderr_so_far().matches("read the configuration again").count();
    let before = said();
    running.signal_now(Signal::SIGHUP);
    let refused = || running.stderr_so_far().contains("cannot reload");
    until("the configuration was read again", || said() > before || refused());
    assert!(!refused(), "{}", running.stderr_so_far());
}

/// Reloads, and waits until that is refused with a reason.
fn refuse(running: &mut Running, config: &str, reason: &str) {
    running.room().write("pigear.toml", config);
    running.signal_now(Signal::SIGHUP);
    running.warns(&format!("error: {REFUSED}: {reason}\n"));
}

/// A file of alerts that holds its source up if it is slow, so that none is dropped.
fn file(name: &str, path: &str, more: &str) -> String {
    format!(
        "[[handler]]\ntype = \"file\"\nname = \"{name}\"\npath = \"{path}\"\n{more}when_full = \"wait\"\n"
    )
}

fn started(test: Test, config: &str) -> Running {
    let mut running =
        test.loud().file("pigear.toml", config).args(["--config", "pigear.toml"]).start();
    running.listens();
    running
}

fn lines(running: &Running, file: &str) -> u64 {
    let text = fs::read_to_string(running.room().at(file)).unwrap_or_default();
    text.lines().count() as u64
}

/// A FIFO whose writer says nothing stands for what is slow to read.
fn fifo(running: &Running, name: &str) -> fs::File {
    let path = running.room().at(name);
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::File::options().read(true).write(true).open(path).unwrap()
}

/// Whether a process has a file of this name open.
fn has_open(id: u32, name: &str) -> bool {
    let fds = fs::read_dir(format!("/proc/{id}/fd")).unwrap();
    let mut paths = fds.filter_map(|fd| fs::read_link(fd.unwrap().path()).ok());
    paths.any(|path| path.ends_with(name))
}

#[test]
fn a_signal_ends_a_program_at_once_that_reads_for_a_reload() {
    let configs = ["serve_forever = true\n[names]\nsid_msg_map = 'slow'\n", "slow"];
    for (n, config) in configs.into_iter().enumerate() {
        let mut running = started(Test::new(), "serve_forever = true\n");
        let _writer = fifo(&running, "slow");
        if n == 0 {
            running.room().write("pigear.toml", config);
        } else {
            // The configuration itself is slow.
            let [from, to] = [config, "pigear.toml"].map(|name| running.room().at(name));
            fs::rename(from, to).unwrap();
        }
        let slow = ["slow", "pigear.toml"][n];
        let begin = Instant::now();
        running.signal_now(Signal::SIGHUP);
        until("it reads", || has_open(running.id(), slow));
        running.signal(Signal::SIGTERM);
        let (room, ended) = running.end();
        // Otherwise it reads for ten seconds.
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        assert!(!ended.stderr.contains("cannot reload"), "{}", ended.stderr);
        assert!(!room.socket().exists());
    }
}

/// The configuration of the `n`th time.
fn config(store: &str, more: &str, n: usize) -> String {
    let changes = file("changes", ["a", "b"][n % 2], more);
    let filtered =
        format!("{}filter = \"msg.sig_id % 2 == {}\"\n", file("filtered", "f", more), n % 2);
    let comes = if n % 2 == 1 { file("comes", "c", more) } else { String::new() };
    let head = "serve_forever = true\nstats = \"stats.json\"\n";
    [head, store, &file("stays", "s", more), &changes, &filtered, &comes].concat()
}

/// Reloads under full load.
fn nothing_is_lost(store: &str, more: &str) {
    let mut running = started(Test::new(), &config(store, more, 0));
    let mut play = program();
    play.arg("play").arg(recording("v2919/icmp_ping")).args(["--loop", "--socket"]);
    play.arg(running.room().socket()).args(["--count", "1000000"]).stdout(Stdio::null());
    let mut play = play.spawn().unwrap();
    for n in 1..=TIMES {
        let before = lines(&running, "s");
        until("alerts come", || lines(&running, "s") > before + 20);
        running.room().write("pigear.toml", config(store, more, n));
        reload(&running);
    }
    assert_eq!(play.try_wait().unwrap(), None, "alerts still come");
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    play.kill().unwrap();
    play.wait().unwrap();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("error:"), "{}", ended.stderr);
    let count = |file: &str| room.read(file).lines().count() as u64;
    let stats = objects(&room.read("stats.json")).swap_remove(0);
    let (received, lanes) = (stats["received"].as_u64().unwrap(), &stats["handlers"]);
    let of = |lane: &str, what: &str| lanes[lane][what].as_u64().unwrap();
    // What a durable handler has not handled waits in the store.
    let account = |lane: &str| {
        let left_out = lanes[lane]["filtered"].as_u64().unwrap_or_default();
        of(lane, "handled") + left_out + of(lane, "waiting")
    };
    let came = if store.is_empty() { received } else { of("store", "handled") };
    for lane in ["stays", "changes", "filtered"] {
        assert_eq!([of(lane, "received"), account(lane)], [came; 2], "{lane}: {stats}");
    }
    let handled = ["stays", "changes", "filtered", "comes"].map(|lane| of(lane, "handled"));
    let written = [count("s"), count("a") + count("b"), count("f"), count("c")];
    assert_eq!(handled, written, "{stats}");
    if !store.is_empty() {
        assert_eq!(lanes["comes"]["total"]["handled"], count("c"), "{stats}");
    }
    assert!(count("a") > 0 && count("b") > 0 && count("f") > 0 && count("c") > 0);
}

#[test]
fn nothing_is_lost_by_reloading_under_full_load() {
    nothing_is_lost("", "");
}

#[cfg(feature = "store")]
#[test]
fn nothing_is_lost_by_reloading_durable_handlers_under_full_load() {
    nothing_is_lost("[store]\npath = \"alerts.db\"\n", "durable = true\n");
}

#[test]
fn a_configuration_that_cannot_be_used_changes_nothing() {
    let good = "[[handler]]\ntype = \"print\"\n";
    let mut running = started(Test::new(), good);
    running.room().write("pigear.toml", "[[handler]\n");
    running.signal_now(Signal::SIGHUP);
    running.warns(&format!("error: {REFUSED}: pigear.toml:1:"));
    let unknown = "handler prnt: unknown handler";
    running.room().write("pigear.toml", "[[handler]]\ntype = \"prnt\"\n");
    running.signal_now(Signal::SIGHUP);
    running.warns(&format!("{REFUSED}: pigear.toml:2:8: unknown handler \"prnt\""));
    assert!(!running.stderr_so_far().contains(unknown));
    let sources = format!("[[source]]\nlogdir = \"log\"\n{good}");
    running.room().write("pigear.toml", sources);
    running.signal_now(Signal::SIGHUP);
    running.warns(&format!("{REFUSED}: --logdir can't be used with"));
    let store = format!("{good}[store]\npath = \"a.db\"\n");
    refuse(&mut running, &store, "[store] changed: that needs a restart");
    let queue = format!("{good}queue = 7\n");
    refuse(&mut running, &queue, "handler print: queue changed: that needs a restart");
    let directory = format!("{good}{}", file("far", "far/away", ""));
    refuse(&mut running, &directory, "no such directory: far for handler far (pigear.toml:3)");
    // One of several that is broken is enough.
    let key = format!("{}{}", file("new", "new", ""), file("other", "other", "frmat = \"json\"\n"));
    running.room().write("pigear.toml", key);
    running.signal_now(Signal::SIGHUP);
    running.warns(&format!(
        "{REFUSED}: pigear.toml:10:1: unknown key `frmat`; did you mean `format`? (handler file)"
    ));
    running.send(&ping());
    running.prints(PING);
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!((&*ended.stdout, ended.status), (PING, Some(0)), "{}", ended.stderr);
    assert!(ended.stderr.ends_with("print: handled 1, dropped 0, failed 0\n"), "{}", ended.stderr);
}

#[cfg(feature = "store")]
#[test]
fn how_long_alerts_are_kept_changes_without_a_restart() {
    let with =
        |keep: &str| format!("[store]\npath = \"a.db\"\n{keep}[[handler]]\ntype = \"print\"\n");
    let mut running = started(Test::new(), &with("keep_days = 90\n"));
    let path = running.room().at("a.db");
    let kept = |days: i64, bytes: i64| {
        let store = rusqlite::Connection::open(&path).unwrap();
        let number = |key: &str| {
            let query = "SELECT value FROM meta WHERE key = ?1";
            store.query_row(query, [key], |row| row.get::<_, i64>(0)).ok()
        };
        (number("keep_days"), number("keep_bytes")) == (Some(days), Some(bytes))
    };
    until("alerts are kept for 90 days", || kept(90, 0));
    running.room().write("pigear.toml", with("keep_days = 7\nkeep_bytes = \"1GB\"\n"));
    reload(&running);
    assert!(running.stderr_so_far().contains("; what the store keeps changed\n"));
    until("alerts are kept for 7 days", || kept(7, 1_000_000_000));
    running.send(&ping());
    running.prints(PING);
    refuse(&mut running, "[store]\npath = \"b.db\"\n", "[store] changed: that needs a restart");
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn the_next_writer_of_a_file_begins_when_the_last_has_closed_it() {
    let mut running = started(Test::new(), &file("one", "a", ""));
    running.send(&ping());
    until("the first writer writes", || lines(&running, "a") == 1);
    running.room().write("pigear.toml", file("one", "a", "format = \"json\"\n"));
    reload(&running);
    running.send(&ping());
    until("the next writer writes", || lines(&running, "a") == 2);
    running.room().write("pigear.toml", file("one", "a", "rotate = \"1B\"\ncompress = \"gzip\"\n"));
    reload(&running);
    running.send(&ping());
    until("the file is rotated", || running.room().read("a") == PING);
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let files = fs::read_dir(room.at(".")).unwrap().map(|it| it.unwrap().file_name());
    let rotated = files.filter(|name| name.to_string_lossy().starts_with("a.2"));
    assert_eq!(rotated.count(), 1);
}

#[test]
fn the_next_writer_of_packets_continues_the_file() {
    let pcap = |more: &str| {
        format!("[[handler]]\ntype = \"pcap\"\npath = \"a.pcapng\"\nwhen_full = \"wait\"\n{more}")
    };
    let mut running = started(Test::new(), &pcap(""));
    let len = |running: &Running| fs::metadata(running.room().at("a.pcapng")).unwrap().len();
    until("the file begins", || len(&running) > 0);
    let mut lens = vec![len(&running)];
    for keep in 1..4 {
        running.send(&ping());
        until("a packet is written", || len(&running) > *lens.last().unwrap());
        lens.push(len(&running));
        running.room().write("pigear.toml", pcap(&format!("keep = {keep}\n")));
        reload(&running);
    }
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
    // The second and the third packet need no interface of their own.
    let [begin, one, two, three] = lens[..] else { panic!("{lens:?}") };
    assert!(one - begin > two - one && three - two == two - one, "{lens:?}");
}

#[test]
fn a_recording_is_not_replaced_by_the_next_one() {
    let record = |more: &str| format!("[[handler]]\ntype = \"record\"\npath = \"a.rec\"\n{more}");
    let mut running = started(Test::new(), &record(""));
    running.send(&ping());
    until("it is recorded", || fs::metadata(running.room().at("a.rec")).unwrap().len() > 0);
    let reason = "pigear.toml:1: handler record: a.rec exists; a recording never replaces a file";
    refuse(&mut running, &record("mode = \"0600\"\n"), reason);
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn a_recording_without_alerts_is_begun_again_by_the_next_one() {
    for head in ["", "serve_forever = true\n"] {
        let record =
            |more: &str| format!("{head}[[handler]]\ntype = \"record\"\npath = \"a.rec\"\n{more}");
        let mut running = started(Test::new(), &record(""));
        running.room().write("pigear.toml", record("mode = \"0600\"\n"));
        reload(&running);
        running.send(&ping());
        let mode = || {
            let found = fs::metadata(running.room().at("a.rec")).ok()?;
            (found.len() > 0).then_some(found.permissions().mode() & 0o777)
        };
        until("it is recorded", || mode().is_some());
        assert_eq!(mode(), Some(0o600));
        running.signal(Signal::SIGTERM);
        let (room, ended) = running.end();
        assert!(!ended.stderr.contains("warning"), "{}", ended.stderr);
        assert!(!room.at("a.rec.2").exists());
        let play = ["--socket-handler", "play", "--from", "a.rec"];
        let output = program().args(play).current_dir(room.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), PING);
    }
}

#[test]
fn a_file_gets_no_second_writer_of_another_name() {
    let both = |one: &str, two: &str| file("one", one, "") + &file("two", two, "");
    let mut running = started(Test::new(), &both("a", "b"));
    let reason = "handler three would write a, which handler one has open until it has ended; \
        reload once without handler three";
    refuse(&mut running, &(file("three", "a", "") + &file("two", "b", "")), reason);
    let reason = "handler one would write b, which handler two has open until it has ended; \
        reload once without handler one";
    refuse(&mut running, &both("b", "a"), reason);
    running.room().write("pigear.toml", file("two", "b", ""));
    running.signal_now(Signal::SIGHUP);
    let said = || running.stderr_so_far().matches("read the configuration again").count();
    until("one is removed", || said() == 1);
    running.room().write("pigear.toml", file("three", "a", "") + &file("two", "b", ""));
    running.signal_now(Signal::SIGHUP);
    until("three is added", || said() == 2);
    running.send(&ping());
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!((&*room.read("a"), ended.status), (PING, Some(0)), "{}", ended.stderr);
}

#[test]
fn mistakes_are_found_before_what_needs_a_restart() {
    let mut running = started(Test::new(), &file("one", "a", ""));
    let config = |more: &str| file("one", "a", more) + "queue = 7\n[store]\npath = \"b.db\"\n";
    for (mistake, said) in [
        ("formatt = \"fast\"\n", "unknown key `formatt`"),
        ("format = \"jsonn\"\n", "unknown format"),
        ("filter = \"msg.sigid == 1\"\n", "sigid"),
    ] {
        let before = running.stderr_so_far().matches(REFUSED).count();
        running.room().write("pigear.toml", config(mistake));
        running.signal_now(Signal::SIGHUP);
        let refused = || running.stderr_so_far().matches(REFUSED).count() > before;
        until("the configuration is refused", refused);
        let text = running.stderr_so_far();
        let last = text.rsplit(REFUSED).next().unwrap();
        assert!(last.contains(said) && !last.contains("restart"), "{text}");
    }
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[test]
fn handlers_that_change_nothing_are_not_touched() {
    let runs = "[[handler]]\ntype = \"exec\"\nmode = \"stream\"\n\
        command = \"sh -c 'echo $$ >>pids; exec cat >/dev/null'\"\n";
    let mut running = started(Test::new(), &format!("\n{runs}"));
    until("the program runs", || lines(&running, "pids") == 1);
    for n in 0..3 {
        // The lines move, and another handler comes and goes.
        let other = if n % 2 == 0 { file("other", "other", "") } else { String::new() };
        running.room().write("pigear.toml", format!("{other}{runs}"));
        reload(&running);
    }
    running.send(&ping());
    running.signal(Signal::SIGTERM);
    let (room, ended) = running.end();
    assert_eq!((room.read("pids").lines().count(), ended.status), (1, Some(0)));
    let said = "pigear: read the configuration again: added other\n\
        pigear: read the configuration again: removed other\n\
        pigear: read the configuration again: added other\n";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
}

#[test]
fn other_maps_are_read() {
    let maps = |map: &str| format!("[names]\nsid_msg_map = \"{map}\"\n");
    let test = Test::new().file("one", "1000134 || ICMP Echo Request one\n");
    let test = test.file("two", "1000134 || ICMP Echo Request two\n");
    let mut running = started(test, &maps("one"));
    running.send(&ping());
    running.prints("ICMP Echo Request one");
    running.room().write("pigear.toml", maps("two"));
    reload(&running);
    until("the other map is used", || {
        running.send(&ping());
        running.stdout_so_far().contains("ICMP Echo Request two")
    });
    refuse(
        &mut running,
        &maps("three"),
        "cannot read three: No such file or directory (os error 2)",
    );
    running.signal(Signal::SIGTERM);
    assert_eq!(running.end().1.status, Some(0));
}

#[cfg(feature = "exec")]
#[test]
fn a_program_that_reads_slowly_gets_to_its_end_before_another_takes_its_place() {
    const ALERTS: u64 = 100;
    let config = |more: &str| {
        format!(
            "serve_forever = true\n[[handler]]\ntype = \"exec\"\nmode = \"stream\"\n{more}\
             command = ['sh', '-c', 'while read -r line; do sleep 0.01; echo \"$line\" >>read; done']\n"
        )
    };
    let mut running = started(Test::new(), &config(""));
    for _ in 0..ALERTS {
        running.send(&ping());
    }
    until("the program reads", || lines(&running, "read") > 0);
    running.room().write("pigear.toml", config("packet = false\n"));
    reload(&running);
    until("all was read", || lines(&running, "read") >= ALERTS);
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert!(!ended.stderr.contains("was killed"), "{}", ended.stderr);
}

#[cfg(feature = "store")]
#[test]
fn a_handler_that_was_refused_or_removed_leaves_nothing_that_keeps_another_out() {
    let base = "serve_forever = true\n[store]\npath = \"a.db\"\n[[handler]]\ntype = \"null\"\n";
    let durable = |name: &str| file(name, name, "durable = true\n");
    let record =
        "[[handler]]\ntype = \"record\"\nname = \"rec\"\npath = \"x.rec\"\ndurable = true\n";
    let mut running = started(Test::new(), base);
    let config = format!("{base}{}{record}", durable("new"));
    let reason = "pigear.toml:16:11: handler rec: it cannot be durable: datagrams are not stored";
    refuse(&mut running, &config, reason);
    let lanes = |running: &Running, words: &[&str]| {
        let mut lanes = program();
        lanes.arg("lanes").args(words).arg("--store").arg(running.room().at("a.db"));
        let output = lanes.output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    assert!(!lanes(&running, &[]).contains("new"), "{}", lanes(&running, &[]));
    running.room().write("pigear.toml", format!("{base}{}", durable("new")));
    let said = || running.stderr_so_far().matches("read the configuration again").count();
    let reload = |times: usize| {
        running.signal_now(Signal::SIGHUP);
        until("the configuration was read again", || said() >= times);
    };
    reload(1);
    let refused = lanes(&running, &["drop", "new"]);
    assert!(refused.contains("delivers from the lane new"), "{refused}");
    running.room().write("pigear.toml", base);
    reload(2);
    until("the lane can be dropped", || !lanes(&running, &["drop", "new"]).contains("error"));
    assert!(!lanes(&running, &[]).contains("new"), "{}", lanes(&running, &[]));
}

#[cfg(all(feature = "store", feature = "syslog"))]
#[test]
fn what_waits_for_a_receiver_that_is_gone_goes_to_the_next() {
    use std::io::Read;
    use std::net::TcpListener;

    let [gone, there] = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let config = |listener: &TcpListener| {
        let address = listener.local_addr().unwrap();
        format!(
            "serve_forever = true\n[store]\npath = \"a.db\"\n[[handler]]\ntype = \"syslog\"\n\
             target = \"tcp://{address}\"\n"
        )
    };
    let first = config(&gone);
    drop(gone);
    let mut running = started(Test::new(), &first);
    running.send(&ping());
    running.warns("trying again in");
    running.room().write("pigear.toml", config(&there));
    reload(&running);
    assert!(running.stderr_so_far().contains(" so far, and now delivers to "));
    let (mut stream, _) = there.accept().unwrap();
    let mut message = [0; 200];
    let len = stream.read(&mut message).unwrap();
    let message = String::from_utf8_lossy(&message[..len]).into_owned();
    assert!(message.contains("ICMP Echo Request") || message.contains("pigear"), "{message}");
    running.signal(Signal::SIGTERM);
    let (_, ended) = running.end();
    assert!(ended.stderr.contains("syslog: handled 1, dropped 0, failed 0"), "{}", ended.stderr);
}
