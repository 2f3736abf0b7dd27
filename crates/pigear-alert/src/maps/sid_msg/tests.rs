use proptest::prelude::*;

use super::super::problem::LineProblem;
use super::super::references::Reference;
use super::*;

fn problems(parsed: &Parsed<SidMsgMap>) -> Vec<String> {
    parsed.problems.iter().map(ToString::to_string).collect()
}

fn shown(rule: Option<&Rule>) -> String {
    let Some(rule) = rule else { return "none".to_owned() };
    let references: Vec<String> =
        rule.references().map(|Reference { system, id }| format!("{system}:{id}")).collect();
    let (revision, class, priority) = (rule.revision(), rule.class(), rule.priority());
    format!("{} {references:?} {revision:?} {class:?} {priority:?}", rule.message())
}

#[test]
fn version_1_is_of_generator_1() {
    let parsed = SidMsgMap::parse(
        "\u{feff}# a map\r\n\r\n7 || a, b || cve,1-2 || url,x.org/?a,b ||\r\n8||c\r\n",
    );
    assert_eq!(problems(&parsed), [""; 0]);
    assert_eq!(
        shown(parsed.value.get(1, 7)),
        r#"a, b ["cve:1-2", "url:x.org/?a,b"] None None None"#
    );
    assert_eq!(shown(parsed.value.get(1, 8)), "c [] None None None");
    assert_eq!(shown(parsed.value.get(2, 7)), "none");
}

#[test]
fn version_2_has_generator_revision_class_and_priority() {
    let text = "#v2\n1003 || 7 || 4294967295 || misc-activity || 3 || a || cve,1\n1 || 7 || 2 || NOCLASS || 0 || b";
    let parsed = SidMsgMap::parse(text);
    assert_eq!(problems(&parsed), [""; 0]);
    assert_eq!(
        shown(parsed.value.get(1003, 7)),
        r#"a ["cve:1"] Some(4294967295) Some("misc-activity") Some(3)"#
    );
    assert_eq!(shown(parsed.value.get(1, 7)), "b [] Some(2) None None");
}

#[test]
fn what_snort_3_dumps_is_unquoted() {
    let parsed =
        SidMsgMap::parse("116 || 7 || 1 || \"a \"b\"\" || cve,1\n1 || 7 || 2 || c\n1 || 8 || 2\n");
    assert_eq!(problems(&parsed), ["line 3: no message"]);
    assert_eq!(shown(parsed.value.get(116, 7)), r#"a "b" ["cve:1"] Some(1) None None"#);
    assert_eq!(shown(parsed.value.get(1, 7)), "c [] Some(2) None None");
}

#[test]
fn generator_3_falls_back_to_generator_1() {
    let map =
        SidMsgMap::parse("#v2\n1||7||1||x||1||text\n1||8||1||x||1||text\n3||8||1||x||1||object")
            .value;
    let message = |generator, sid| map.get(generator, sid).map(Rule::message);
    assert_eq!(message(3, 7), Some("text"));
    assert_eq!(message(3, 8), Some("object"));
    assert_eq!(message(4, 7), None);
}

#[test]
fn the_later_of_two_lines_holds() {
    let map = SidMsgMap::parse("7 || a\n7 || b").value;
    assert_eq!((map.get(1, 7).map(Rule::message), map.len()), (Some("b"), 1));
}

#[test]
fn each_broken_version_1_line_is_named_and_skipped() {
    let parsed = SidMsgMap::parse(
        "x || a\n|| a\n7\n8 || || cve,1\n4294967296 || a\n9 || a || cve || ,1 || url, || bugtraq,2",
    );
    assert_eq!(
        problems(&parsed),
        [
            "line 1: sid is \"x\", not a number up to 4294967295",
            "line 2: no sid",
            "line 3: no message",
            "line 4: no message",
            "line 5: sid is \"4294967296\", not a number up to 4294967295",
            "line 6: reference \"cve\" is not of the form SYSTEM,ID",
            "line 6: reference \",1\" is not of the form SYSTEM,ID",
            "line 6: reference \"url,\" is not of the form SYSTEM,ID",
        ]
    );
    assert_eq!(shown(parsed.value.get(1, 9)), r#"a ["bugtraq:2"] None None None"#);
    assert_eq!(parsed.value.len(), 1);
}

#[test]
fn each_broken_version_2_line_is_named_and_skipped() {
    let parsed = SidMsgMap::parse(
        "#V2\nx||1||1||c||1||m\n1||x||1||c||1||m\n1||1||x||c||1||m\n1||1||1||c||x||m\n1||1||1||c||1",
    );
    let fields: Vec<&str> = parsed
        .problems
        .iter()
        .map(|LineProblem { problem, .. }| match problem {
            MapProblem::NotANumber { field, .. } | MapProblem::Missing { field } => *field,
            _ => "",
        })
        .collect();
    assert_eq!(fields, ["generator", "sid", "revision", "priority", "message"]);
    assert_eq!(
        parsed.problems.iter().map(|problem| problem.line).collect::<Vec<_>>(),
        [2, 3, 4, 5, 6]
    );
    assert!(parsed.value.is_empty());
}

fn data(name: &str) -> SidMsgMap {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/maps");
    let parsed = SidMsgMap::parse(&std::fs::read_to_string(dir.join(name)).unwrap());
    assert_eq!(problems(&parsed), [""; 0], "{name}");
    parsed.value
}

#[test]
fn version_2_needs_no_mark() {
    let map = data("v2-no-header.map");
    assert_eq!(
        shown(map.get(1, 1_000_001)),
        r#"LOCAL one ["url:example.org/a"] Some(3) Some("misc-activity") None"#
    );
    assert_eq!(shown(map.get(3, 1_000_003)), "LOCAL so rule [] Some(2) None None");
    assert_eq!(shown(map.get(1, 1_000_002)), "LOCAL no rev [] None None None");
    assert_eq!(map.len(), 3);
    assert_eq!(
        shown(data("barnyard2-182-shape.map").get(1, 10_000_001)),
        r#"ICMP Test detected ["url:tools.ietf.org/html/rfc792"] Some(1) Some("icmp-event") None"#
    );
}

#[test]
fn each_line_tells_its_form() {
    let map = data("mixed-v1-then-v2.map");
    assert_eq!(shown(map.get(1, 1_000_001)), r#"LOCAL one ["url:a.org"] None None None"#);
    assert_eq!(
        shown(map.get(1, 1_000_002)),
        r#"LOCAL two ["url:example.org/a"] Some(3) Some("misc-activity") None"#
    );
    assert_eq!(map.len(), 2);
    let parsed = SidMsgMap::parse("#v2\n7 || a || url,x\n1 || 8 || 1 || c || 0 || b\n9 || c\n");
    assert_eq!(problems(&parsed), [""; 0]);
    let messages = [7, 8, 9].map(|sid| parsed.value.get(1, sid).map(Rule::message));
    assert_eq!(messages, [Some("a"), Some("b"), Some("c")]);
}

#[test]
fn the_mark_may_be_below_other_comments() {
    for text in ["# a map\n\n#v2\n1||7||1||c||x||m", "##  V2 \n1||7||1||c||x||m"] {
        let problem = "priority is \"x\", not a number up to 4294967295";
        assert_eq!(
            problems(&SidMsgMap::parse(text)),
            [format!("line {}: {problem}", text.lines().count())]
        );
    }
}

#[test]
fn a_reading_in_which_most_lines_fail_is_not_kept() {
    let parsed =
        SidMsgMap::parse("#v2\n7 || a || 1 || url,x\n8 || b || 2 || url,y\n1||9||1||c||1||m");
    let broken = |n| format!("line {}: reference \"{n}\" is not of the form SYSTEM,ID", n + 1);
    assert_eq!(problems(&parsed), [broken(1), broken(2)]);
    assert_eq!(shown(parsed.value.get(1, 8)), r#"b ["url:y"] None None None"#);
    assert_eq!(parsed.value.len(), 3);
}

#[test]
fn a_short_line_of_a_version_2_map_is_of_version_1() {
    let parsed = SidMsgMap::parse("#v2\n1||9||1||c||1||m\n7 || a || odd");
    assert_eq!(problems(&parsed), ["line 3: reference \"odd\" is not of the form SYSTEM,ID"]);
    assert_eq!(shown(parsed.value.get(1, 7)), "a [] None None None");
}

#[test]
fn a_map_of_generators_is_told() {
    let parsed =
        SidMsgMap::parse("1 || 1 || snort general alert\n7 || 404 || url,x\n8 || 404 || \n");
    assert_eq!(problems(&parsed), ["line 1: a line of gen-msg.map"]);
    assert_eq!(shown(parsed.value.get(1, 7)), r#"404 ["url:x"] None None None"#);
    assert_eq!(parsed.value.len(), 2);
}

#[derive(Debug, Clone)]
struct Line {
    key: (u32, u32),
    revision: u32,
    class: String,
    priority: u32,
    message: String,
    references: Vec<(String, String)>,
}

fn line() -> impl Strategy<Value = Line> {
    let references = prop::collection::vec(("[a-z]{1,9}", "[!-~&&[^|]]{1,20}"), 0..4);
    let message = "[^\\s|\u{feff}]([^\\r\\n|]{0,40}[^\\s|])?"
        .prop_filter("as trimmed", |text| text.trim() == text);
    (any::<(u32, u32)>(), any::<u32>(), "[a-z-]{1,9}", 1_u32.., message, references).prop_map(
        |(key, revision, class, priority, message, references)| Line {
            key,
            revision,
            class,
            priority,
            message,
            references,
        },
    )
}

impl Line {
    fn written(&self) -> String {
        let Self { key: (generator, sid), revision, class, priority, message, references } = self;
        let fields = [generator, sid, revision].map(u32::to_string);
        let fields =
            fields.into_iter().chain([class.clone(), priority.to_string(), message.clone()]);
        let references = references.iter().map(|(system, id)| format!("{system},{id}"));
        fields.chain(references).collect::<Vec<_>>().join(" || ") + "\n"
    }

    fn holds(&self, rule: &Rule) -> bool {
        rule.message() == self.message
            && rule.class() == Some(&*self.class)
            && rule.revision() == Some(self.revision)
            && rule.priority() == Some(self.priority)
            && rule
                .references()
                .map(|r| (r.system, r.id))
                .eq(self.references.iter().map(|(s, i)| (&**s, &**i)))
    }
}

proptest! {
    #[test]
    fn a_written_map_reads_back(lines in prop::collection::vec(line(), 0..20)) {
        let text = lines.iter().fold("#v2\n".to_owned(), |text, line| text + &line.written());
        let parsed = SidMsgMap::parse(&text);
        prop_assert_eq!(&parsed.problems, &[]);
        let last_of_each: HashMap<_, _> = lines.iter().map(|line| (line.key, line)).collect();
        prop_assert_eq!(parsed.value.len(), last_of_each.len());
        for (key, line) in last_of_each {
            prop_assert!(parsed.value.0.get(&key).is_some_and(|rule| line.holds(rule)), "{line:?}");
        }
    }
}
