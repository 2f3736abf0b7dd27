use std::path::Path;

use super::*;
use crate::keys::FileMode;

fn parse(text: &str) -> Result<Config, String> {
    Config::parse(text, Path::new("pigear.toml")).map_err(|error| error.to_string())
}

#[test]
fn a_file_says_what_the_command_line_can_say() {
    let config = parse(
        r#"
        serve_forever = true
        count = 3
        stats = "/run/stats.json"
        rules = ["/etc/snort/snort.conf", "/etc/snort/rules"]

        [names]
        class_config = "/etc/snort/classification.config"

        [[source]]
        logdir = "/var/log/snort"
        socket_mode = "0600"
        instances = 4
        dialect = "snort3"
        linktype = "raw"

        [[source]]
        type = "play"
        from = "recording.gz"
        instances = "auto"
        socket_mode = 0o640

        [[handler]]
        type = "file"
        name = "archive"
        queue = 10
        queue_bytes = "1MiB"
        when_full = "wait"
        path = "alerts.json"
        keep = 3
        "#,
    )
    .unwrap();
    assert_eq!((config.on_error, config.count), (OnError::GoOn, Some(3)));
    let [unix, play] = &*config.sources else { panic!("{config:?}") };
    assert_eq!(unix.socket_mode, Some(FileMode(0o600)));
    assert_eq!(unix.instances, Some(InstanceCount::Fixed(4)));
    assert_eq!(play.kind, SourceKind::Play);
    assert_eq!(play.socket_mode, Some(FileMode(0o640)));
    assert_eq!(config.rules, ["/etc/snort/snort.conf", "/etc/snort/rules"].map(PathBuf::from));
    assert_eq!(parse("rules = 'a'").unwrap().rules, [PathBuf::from("a")]);
    let lane = config.handlers[0].lane(WhenFull::DropNewest);
    assert_eq!((lane.max_alerts, lane.max_bytes, lane.when_full), (10, 1 << 20, WhenFull::Wait));
    assert_eq!(config.handlers[0].place.as_deref(), Some("pigear.toml:23"));
}

#[test]
fn a_queue_that_spills_is_one_that_waits_in_the_store() {
    let durable = |text| parse(text).unwrap().handlers[0].durable;
    assert_eq!(durable("[[handler]]\nname = 'file'\nwhen_full = 'spill'"), Some(true));
    assert_eq!(durable("[[handler]]\nname = 'file'\nwhen_full = 'wait'"), None);
}

#[test]
fn a_handlers_name_may_stand_for_its_type() {
    let config = parse("[[handler]]\nname = 'print'\nformat = 'json'").unwrap();
    assert_eq!(config.handlers[0].kind, "print");
}

#[test]
fn a_mistake_is_named_with_its_line() {
    for (text, problem) in [
        ("x = 1", "pigear.toml:1: unknown field `x`, expected one of"),
        ("count = 1\nstats = 7", "pigear.toml:2: expected a path in quotes, not 7"),
        ("\n[[source]]\nlogdri = 'x'", "pigear.toml:3: unknown field `logdri`, expected one of"),
        ("[[source]]\ntype = 'tcp'", "pigear.toml:2: unknown socket handler \"tcp\"; known are"),
        ("[[source]]\ndialect = 'snort4'", "pigear.toml:2: unknown dialect"),
        ("\n[[handler]]\npath = 'x'", "pigear.toml:2: missing field `type`"),
        (
            "[[handler]]\ntype = 'x'\nwhen_full = 'panic'",
            "pigear.toml:3: unknown policy \"panic\"; known are drop-newest, wait, spill",
        ),
        ("[[handler]]\ntype = 'x'\nqueue = 0", "pigear.toml:3: must be greater than 0"),
        ("[[handler]]\ntype = 'x'\nqueue_bytes = '0MB'", "pigear.toml:3: must be greater than 0"),
        (
            "[[handler]]\ntype = 'x'\nqueue = -1",
            "pigear.toml:3: \"-1\": expected a whole number from 1",
        ),
        (
            "[[handler]]\ntype = 'x'\nwhen_full = 'spill'\ndurable = false",
            "pigear.toml:1: when_full = \"spill\" is the same as durable = true, but",
        ),
        ("[[handler]]\ntype = 'x'\nname = ''", "pigear.toml:1: a handler's name must not be empty"),
        ("[[handler]]\ntype = 'x'\nname = \"a\\nb\"", "pigear.toml:1: a handler's name must not"),
        ("[[handler\n", "pigear.toml:1: "),
    ] {
        let error = parse(text).unwrap_err();
        assert!(error.starts_with(problem), "{error:?} is not {problem:?}");
    }
}

#[test]
fn what_means_nothing_to_a_source_is_misplaced() {
    let misplaced = |keys: &str| {
        let config = parse(&format!("[[source]]\n{keys}")).unwrap();
        config.sources[0].misplaced().is_some()
    };
    for wrong in [
        "once = true",
        "type = 'play'\nfrom_start = true",
        "bookmark = 'x'",
        "type = 'unified2'\ncomplete_from = 'x'",
        "type = 'play'\ninstances = 2",
        "type = 'mine.Socket'\nfrom = 'x'",
    ] {
        assert!(misplaced(wrong), "{wrong}");
    }
    for right in [
        "type = 'unified2'\nfrom = 'x'\nonce = true\nfrom_start = true\nbookmark = 'y'",
        "complete_from = 'x'\nbookmark = 'y'\ncomplete_wait = '1s'\ninstances = 2",
        "type = 'mine.Socket'\nlogdir = 'x'",
    ] {
        assert!(!misplaced(right), "{right}");
    }
}
