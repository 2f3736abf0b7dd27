use crate::rules::statements::{StatementKind, statements};
use crate::rules::{Distance, Rule};

fn parsed(text: &str) -> Rule {
    Rule::parse(text.as_bytes()).unwrap()
}

fn problem(text: &str) -> String {
    Rule::parse(text.as_bytes()).unwrap_err().to_string()
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

fn buffers(rule: &Rule) -> Vec<Option<&str>> {
    rule.contents.iter().map(|content| content.buffer.as_deref()).collect()
}

/// The statements of a text: line, kind by its first letter, and text.
fn shown(file: &str) -> Vec<String> {
    let all = statements(file.as_bytes());
    let line = |statement: crate::rules::statements::Statement| {
        let kind = match statement.kind {
            StatementKind::Rule => 'r',
            StatementKind::Disabled => 'd',
            StatementKind::Other => 'o',
        };
        format!("{}{kind} {}", statement.line, text(&statement.text))
    };
    all.map(line).collect()
}

#[test]
fn a_rule_of_snort_2_is_taken_apart() {
    let rule = parsed(
        r#"drop tcp $HOME_NET any -> [10.0.0.0/8, 192.0.2.1] 80 (msg:"An \"odd\" one\; with\: C:\dir\\x"; flow:to_server,established; content:"GET|20|/"; nocase; offset:4; depth:20; content:!"b"; distance:-2; within:len; fast_pattern:only; rawbytes; uricontent:"/u"; pcre:"/a;(b)\"\/c/Ui"; metadata:policy x drop, service http; classtype:misc-attack; priority:2; reference:cve,2020-1; reference:url,example.org/a?b=c(d); gid:3; sid:7; rev:8)"#,
    );
    assert_eq!(text(rule.action()), "drop");
    assert_eq!(text(&rule.header), "drop tcp $HOME_NET any -> [10.0.0.0/8, 192.0.2.1] 80");
    assert_eq!((rule.gid, rule.sid, rule.rev, rule.priority), (3, 7, Some(8), Some(2)));
    assert_eq!(text(rule.msg.as_ref().unwrap()), r#"An "odd" one; with: C:\dir\x"#);
    assert_eq!(text(rule.classtype.as_ref().unwrap()), "misc-attack");
    assert_eq!(text(rule.flow.as_ref().unwrap()), "to_server,established");
    assert_eq!(text(&rule.pcre[0]), r#""/a;(b)\"\/c/Ui""#);
    let pairs = |pairs: &[(Vec<u8>, Vec<u8>)]| {
        let pair = |(a, b): &(Vec<u8>, Vec<u8>)| format!("{}={}", text(a), text(b));
        pairs.iter().map(pair).collect::<Vec<_>>()
    };
    assert_eq!(pairs(&rule.metadata), ["policy=x drop", "service=http"]);
    assert_eq!(pairs(&rule.references), ["cve=2020-1", "url=example.org/a?b=c(d)"]);
    let [first, second, third] = &rule.contents[..] else { panic!("{:?}", rule.contents) };
    assert_eq!(text(&first.bytes), "GET /");
    assert!(first.nocase && !first.is_negated && !first.is_relative());
    assert_eq!(
        (&first.offset, &first.depth),
        (&Some(Distance::Bytes(4)), &Some(Distance::Bytes(20)))
    );
    assert!(second.is_negated && second.is_relative() && second.fast_pattern && second.rawbytes);
    assert_eq!(second.distance, Some(Distance::Bytes(-2)));
    assert_eq!(second.within, Some(Distance::Variable("len".into())));
    assert_eq!(third.buffer.as_deref(), Some("http_uri"));
    assert_eq!(rule.options.len(), 21);
}

#[test]
fn a_rule_of_snort_3_is_taken_apart() {
    let rule = parsed(
        r#"alert http ( msg:"A; b, c"; rem:"a \"remark\"; sid:9;"; http_uri:path; content:"/x",fast_pattern,nocase; content:"y,z", distance 0, within 4; pkt_data; content:"|41 42|",offset 4,depth 2; service:http; sid:8; rev:2; )"#,
    );
    assert_eq!(text(&rule.header), "alert http");
    assert_eq!((rule.gid, rule.sid, rule.rev), (1, 8, Some(2)));
    assert_eq!(text(rule.msg.as_ref().unwrap()), "A; b, c");
    assert_eq!(buffers(&rule), [Some("http_uri"), Some("http_uri"), None]);
    assert!(rule.contents[0].nocase && rule.contents[0].fast_pattern);
    assert_eq!(rule.contents[1].within, Some(Distance::Bytes(4)));
    assert_eq!(rule.contents[2].bytes, b"AB");
    assert_eq!(rule.contents[2].depth, Some(Distance::Bytes(2)));
    let file = parsed(
        r#"file_id (msg:"A file"; file_meta:type X, id 1; file_data; content:"MZ"; gid:4; sid:1;)"#,
    );
    assert_eq!(
        (text(file.action()), file.gid, buffers(&file)),
        ("file_id", 4, vec![Some("file_data")])
    );
    let builtin = parsed(r#"alert ( gid:116; sid:5; msg:"of the decoder"; )"#);
    assert_eq!((builtin.gid, builtin.sid, builtin.rev), (116, 5, None));
}

#[test]
fn buffers_stand_after_contents_in_snort_2_and_before_them_in_snort_3() {
    let header = "alert tcp any any -> any 80";
    let two = parsed(&format!(
        r#"{header} (content:"a"; http_uri; nocase; content:"b"; file_data; content:"c"; sid:1;)"#
    ));
    assert_eq!(buffers(&two), [Some("http_uri"), None, Some("file_data")]);
    let three =
        parsed(&format!(r#"{header} (http_uri; content:"a"; http_header; content:"b"; sid:1;)"#));
    assert_eq!(buffers(&three), [Some("http_uri"), Some("http_header")]);
    let later =
        parsed(&format!(r#"{header} (content:"a",nocase; http_header; content:"b"; sid:1;)"#));
    assert_eq!(buffers(&later), [None, Some("http_header")]);
}

#[test]
fn what_is_wrong_with_a_rule_is_said() {
    let header = "alert tcp any any -> any any";
    for (body, expected) in [
        ("(msg:\"a\"; sid:1;", "the parenthesis with the rule's options is not closed"),
        ("(msg:\"a; sid:1;)", "a quote is not closed"),
        ("", "the rule has no options in parentheses"),
        ("(msg:\"a\";)", "the rule has no sid"),
        ("()", "the rule has no sid"),
        ("(sid:x1;)", "sid is \"x1\", not a number up to 4294967295"),
        ("(sid:-1;)", "sid is \"-1\", not a number up to 4294967295"),
        ("(sid:4294967296;)", "sid is \"4294967296\", not a number up to 4294967295"),
        ("(sid:1; rev:;)", "rev is \"\", not a number up to 4294967295"),
        ("(sid:1; content:a;)", "content is \"a\", not a text in quotes"),
        (
            "(sid:1; content:\"|4|\";)",
            "what a content has between | is \"4\", not pairs of hexadecimal digits",
        ),
    ] {
        assert_eq!(problem(&format!("{header} {body}")), expected, "{body}");
    }
    let expected = "the header is \"alert tcp any any any\", not an action, a protocol, and both ends with \
        a direction";
    assert_eq!(problem("alert tcp any any any (sid:1;)"), expected);
}

#[test]
fn a_backslash_joins_lines_and_comments_are_passed_over() {
    let file = "\u{feff}# a comment\r\n; another\n\nalert tcp any any -> any any ( \\\r\n  msg:\"ab\\\n   cd\"; \\\n\
        sid:1;)\r\n/* alert\n sid */\nvar A b\ninclude \\\n x.rules\nruletype mine\n{\n type alert\n}\nmine tcp";
    assert_eq!(
        shown(file),
        [
            "4r alert tcp any any -> any any ( msg:\"abcd\"; sid:1;)",
            "10o var A b",
            "11o include x.rules",
            "17r mine tcp",
        ]
    );
}

#[test]
fn a_rule_of_snort_3_goes_on_to_its_parenthesis() {
    let file = "alert http\n(\n  msg:\"a # b ( c\"; # the message\n  # sid:2;\n\n  reference:url,x/#y;\n  sid:1;\n)\nalert tcp ( sid:3; ) # it ends\nsid:4;";
    assert_eq!(
        shown(file),
        [
            "1r alert http ( msg:\"a # b ( c\"; reference:url,x/#y; sid:1; )",
            "9r alert tcp ( sid:3; )",
            "10r sid:4;",
        ]
    );
}

#[test]
fn a_rule_that_is_commented_out_is_marked() {
    let file = "# alert tcp any any -> any any (sid:1;)\n##drop udp any any -> any any ( \\\n#  sid:2;)\n\
        # log what you want\n# and more\n#begin\nalert tcp (sid:3;)\n#end\n# alert http (\n#  sid:4; )\nalert tcp (sid:5;)";
    assert_eq!(
        shown(file),
        [
            "1d alert tcp any any -> any any (sid:1;)",
            "2d drop udp any any -> any any ( sid:2;)",
            "4d log what you want",
            "9d alert http ( sid:4; )",
            "11r alert tcp (sid:5;)",
        ]
    );
}

#[test]
fn a_rule_that_is_not_closed_hides_no_other() {
    let file = "alert tcp any any -> any any (msg:\"a\"; sid:1;\nalert tcp any any -> any any (sid:2;)\n\
        alert tcp any any -> any any (msg:\"a; sid:3;)\nalert tcp (sid:4;)\nalert tcp (sid:5;\ninclude a";
    assert_eq!(
        shown(file),
        [
            "1r alert tcp any any -> any any (msg:\"a\"; sid:1;",
            "2r alert tcp any any -> any any (sid:2;)",
            "3r alert tcp any any -> any any (msg:\"a; sid:3;)",
            "4r alert tcp (sid:4;)",
            "5r alert tcp (sid:5;",
            "6o include a",
        ]
    );
}

#[test]
fn bytes_that_are_not_utf_8_stay_as_they_are() {
    let rule =
        Rule::parse(b"alert tcp (msg:\"caf\xe9\"; content:\"\xff|fe|\x00\"; sid:1;)").unwrap();
    assert_eq!(rule.msg.unwrap(), b"caf\xe9");
    assert_eq!(rule.contents[0].bytes, b"\xff\xfe\x00");
}
