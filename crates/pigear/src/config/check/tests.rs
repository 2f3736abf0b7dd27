use super::*;

fn mistakes(text: &str) -> Vec<String> {
    let found = Config::mistakes(text, Path::new("pigear.toml"), &Registry::builtin());
    let shown = |it: Mistake| format!("{}:{}: {}", it.line, it.column, it.problem);
    found.into_iter().map(shown).collect()
}

#[test]
fn all_mistakes_are_found_each_with_its_place() {
    let text = "count = 0\nstast = 'x'\n[store]\nkeep_days = 'soon'\nkeep_bytes = 1\n\
        [[source]]\nlogdri = 'a'\ninstances = 'ä'\n[[handler]]\npath = 'x'\n\
        [[handler]]\ntype = 'file'\npth = 'x'\nqueue = -1\n[[handler]]\ntype = 'fiel'\n\
        [[source]]\nonce = true\n";
    let found = mistakes(text);
    let places: Vec<_> = found.iter().map(|it| it.split(": ").next().unwrap()).collect();
    let expected = [
        "1:9", "2:1", "4:13", "5:14", "7:1", "8:13", "9:1", "11:1", "13:1", "14:9", "16:8", "17:1",
    ];
    assert_eq!(places, expected, "{found:#?}");
    assert_eq!(found[1], "2:1: unknown key `stast`; did you mean `stats`?");
    assert_eq!(found[7], "11:1: handler file: missing key `path`");
    assert!(found[11].contains("--once is for --socket-handler unified2"), "{found:#?}");
}

#[test]
fn all_mistakes_in_the_keys_of_a_handler_are_found() {
    let text = "[[handler]]\ntype = 'file'\nrotate = 'never'\nmode = 'rw'\nutc = 'maybe'\n\
        [[handler]]\ntype = 'file'\npath = 7\nkeep = -1\n\
        [[handler]]\ntype = 'exec'\ncommand = 'x'\ntimeout = 'soon'\nrate = 'all'\n";
    let found = mistakes(text);
    let places: Vec<_> = found.iter().map(|it| it.split(": ").next().unwrap()).collect();
    let mut expected = vec!["1:1", "3:10", "4:8", "5:7", "8:8", "9:8"];
    if cfg!(feature = "exec") {
        expected.extend(["13:11", "14:8"]);
    }
    if !cfg!(feature = "exec") {
        expected.push("11:8");
    }
    assert_eq!(places, expected, "{found:#?}");
    assert_eq!(found[0], "1:1: handler file: missing key `path`");
}

#[test]
fn a_key_that_stands_elsewhere_is_said_to_belong_there() {
    for (text, said) in [
        ("keep_days = 7\n", "1:1: unknown key `keep_days`; it belongs below [store]"),
        ("logdir = 'x'\n", "1:1: unknown key `logdir`; it belongs below [[source]]"),
        ("sid_msg_map = 'x'\n", "1:1: unknown key `sid_msg_map`; it belongs below [names]"),
        ("[[source]]\nhandler = 'nats'\n", "2:1: unknown key `handler`; did you mean `type`?"),
        ("durable = true\n", "1:1: unknown key `durable`; it belongs below [[handler]]"),
        (
            "[store]\npath = 'x'\nmetrics = '127.0.0.1:1'\n",
            "3:1: unknown key `metrics`; it belongs at the top of the file, before the first table",
        ),
        (
            "[[handler]]\ntype = 'print'\nstats = 'x'\n",
            "3:1: unknown key `stats`; it belongs at the top of the file, before the first table \
             (handler print)",
        ),
    ] {
        assert_eq!(mistakes(text), [said]);
    }
}

#[test]
fn what_the_system_does_not_know_is_a_mistake() {
    let text = "user = 'nosuchuser'\nstats = ''\nrules = ['a', '']\n[store]\npath = ''\n[[source]]\n\
        allow_uid = ['root', 'nobodyy', '4294967295']\nsocket_group = 'nosuchgroup'\n";
    let expected = [
        "1:8: unknown user \"nosuchuser\"",
        "2:9: expected a text that is not empty",
        "3:15: expected a text that is not empty",
        "5:8: expected a text that is not empty",
        "7:22: unknown user \"nobodyy\"",
        "7:33: 4294967295 is not a user id",
        "8:16: unknown group \"nosuchgroup\"",
    ];
    assert_eq!(mistakes(text), expected);
    assert_eq!(mistakes("[[source]]\nsensor = ''\nrun_prefix = ''\n"), Vec::<String>::new());
}

#[test]
fn keys_that_contradict_each_other_are_found() {
    let csv = "[[handler]]\ntype = 'print'\nformat = 'fast'\nutc = true\n";
    let says = "utc is for snort, alert_json and csv; format=fast is always in UTC";
    assert_eq!(mistakes(csv), [format!("4:7: {says}")]);
}

#[cfg(feature = "http")]
#[test]
fn what_http_would_refuse_at_the_start_is_found() {
    for (keys, expected) in [
        ("url = 'ftp://x'", "3:7: url: expected http:// or https://, not ftp:"),
        ("batch = 1", "1:1: handler http: give url or url_file"),
        ("url = 'http://x'\nauth = 'me'", "4:8: auth: expected basic:USER:PASS, "),
        ("url = 'http://x'\nin_flight = 0", "4:13: in_flight=0: expected at least 1"),
        (
            "url = 'http://x'\nauth = 'bearer:x'\nauth_file = 'x'",
            "1:1: handler http: give only one of",
        ),
    ] {
        let found = mistakes(&format!("[[handler]]\ntype = 'http'\n{keys}\n"));
        assert!(found.len() == 1 && found[0].starts_with(expected), "{expected}: {found:#?}");
    }
    let text =
        "[[handler]]\ntype = 'http'\nurl = 'http://x'\n[handler.header]\nA = 1\nB = 'x'\nC = 2\n";
    let found = mistakes(text);
    assert!(found.len() == 2 && found[0].starts_with("5:5: header.A: "), "{found:#?}");
    assert!(found[1].starts_with("7:5: header.C: "), "{found:#?}");
}

#[cfg(all(feature = "http", feature = "kafka", feature = "nats"))]
#[test]
fn a_url_that_the_start_refuses_is_a_mistake() {
    for (kind, keys) in [
        ("nats", "url = 'nats://u:s3cret@h:99999'"),
        ("nats", "url = ['nats://h', 'http://u:s3cret@h']"),
        ("nats", "url = 'nats://u:s3cret@ h'"),
        ("kafka", "url = 'kafka://h:99999'"),
        ("kafka", "url = 'kafka://u:s3cret@h'"),
        ("http", "url = 'http://u:s3cret@ h'"),
        ("http", "proxy = 'http://u:s3cret@ h'\nurl = 'http://h'"),
    ] {
        let found = mistakes(&format!("[[handler]]\ntype = '{kind}'\n{keys}\n"));
        let key = keys.split(' ').next().unwrap();
        let place = format!("3:{}: {key}: ", key.len() + 4);
        assert!(found.len() == 1 && found[0].starts_with(&place), "{keys}: {found:#?}");
        assert!(!found[0].contains("s3cret"), "{found:#?}");
    }
    for kind in ["nats", "kafka"] {
        let found = mistakes(&format!("[[handler]]\ntype = '{kind}'\nurl = '{kind}://a,b:1'\n"));
        assert_eq!(found, Vec::<String>::new());
    }
}

#[cfg(feature = "kafka")]
#[test]
fn replicas_are_as_many_as_kafka_can_count() {
    for (count, problem) in [(32_767, None), (32_768, Some("but must be 1 to 32767"))] {
        let keys = format!("url = 'kafka://h'\ncreate = true\nreplication = {count}\n");
        let found = mistakes(&format!("[[handler]]\ntype = 'kafka'\n{keys}"));
        assert_eq!(found.len(), usize::from(problem.is_some()), "{found:#?}");
        assert!(problem.is_none_or(|problem| found[0].contains(problem)), "{found:#?}");
    }
}

#[cfg(all(feature = "kafka", feature = "store"))]
#[test]
fn topics_of_two_clusters_have_two_names_in_one_store() {
    let of = |store: &str, from: &str| {
        mistakes(&format!(
            "{store}[[source]]\ntype = 'kafka'\nfrom = 'kafka://a/t'\n[[source]]\ntype = 'kafka'\n\
             from = '{from}'\n[[handler]]\ntype = 'print'\n"
        ))
    };
    let store = "[store]\npath = 's.db'\n";
    let found = of(store, "kafka://b/t");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert!(found[0].contains("under one name with that of source 1"), "{found:#?}");
    for (store, from) in
        [(store, "kafka://b/t?name=u"), (store, "kafka://a/t?partitions=1"), ("", "kafka://b/t")]
    {
        assert_eq!(of(store, from), Vec::<String>::new(), "{from}");
    }
}

#[test]
fn many_mistakes_are_found_before_the_tests_limit() {
    let lines = "x\n".repeat(100_000);
    assert!(mistakes(&lines).len() >= 100_000);
    let keys: Vec<_> = (0..50_000).map(|n| format!("k{n} = 1")).collect();
    let found = mistakes(&format!("web = {{ {} }}\n", keys.join(", ")));
    // Without the page, its handler is unknown.
    let expected = if cfg!(feature = "web") { 50_001 } else { 1 };
    assert_eq!(found.len(), expected, "{:?}", found.first());
    // It would take many minutes if each mistake were counted from the beginning.
    let handlers = "[[handler]]\nname = 'null'\nx = 1\n".repeat(20_000);
    assert!(mistakes(&handlers).len() >= 39_000);
}

#[test]
fn what_is_no_toml_is_said_at_each_place() {
    let found = mistakes("a = \nb = 1\nc = [1,\n\"\n");
    assert!(found.len() > 1 && found[0].starts_with("1:"), "{found:#?}");
    let deep = format!("a = {}", "[".repeat(100_000));
    assert!(!mistakes(&deep).is_empty());
    assert!(!mistakes(&format!("a{} = 1", ".a".repeat(100_000))).is_empty());
    assert!(!mistakes("\0\u{1}").is_empty());
}

#[test]
fn what_may_be_written_has_no_mistakes() {
    let right = "metrics = '127.0.0.1:1'\nrules = ['a', 'b']\nfilter = 'true'\n[metrics2]\n";
    assert_eq!(mistakes(right).len(), 1);
    let right = "[metrics]\nlisten = '127.0.0.1:1'\n[store]\npath = 'a.db'\n[[source]]\nsocket_mode = 0o660\nallow_uid = ['root', '7']\n\
        [[handler]]\nname = 'print'\nformat = 'json'\npacket = false\ngroup = 60\n[[handler]]\n\
        type = 'file'\npath = 'x'\nwhen_full = 'spill'\nqueue_bytes = '1MiB'\nfilter = 'msg.priority < 3'\n";
    assert_eq!(mistakes(right), Vec::<String>::new());
    assert_eq!(
        mistakes("[source]\n"),
        ["1:2: write [[source]], not [source]: there may be several"]
    );
    assert_eq!(mistakes("filter = '1 +'\n").len(), usize::from(cfg!(feature = "script")));
}
