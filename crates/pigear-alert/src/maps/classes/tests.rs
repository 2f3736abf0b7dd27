use super::*;

fn problems(parsed: &Parsed<Classes>) -> Vec<String> {
    parsed.problems.iter().map(ToString::to_string).collect()
}

fn named(parsed: &Parsed<Classes>) -> Vec<(u32, &str)> {
    parsed.value.iter().map(|(number, class)| (number, &*class.name)).collect()
}

#[test]
fn the_stock_classes_are_38_with_snorts_numbers() {
    let classes = Classes::stock();
    assert_eq!(classes.len(), 38);
    let name = |number| classes.get(number).map(|class| &*class.name);
    assert_eq!(name(0), None);
    assert_eq!(name(1), Some("not-suspicious"));
    assert_eq!(name(13), Some("successful-admin"));
    assert_eq!(name(25), Some("non-standard-protocol"));
    assert_eq!(name(32), Some("inappropriate-content"));
    assert_eq!(name(38), Some("client-side-exploit"));
    assert_eq!(name(39), None);
    assert_eq!(name(u32::MAX), None);
}

#[test]
fn the_stock_classes_have_different_names() {
    let classes = Classes::stock();
    let names: HashSet<&str> = classes.iter().map(|(_, class)| &*class.name).collect();
    assert_eq!(names.len(), 38);
}

#[test]
fn snort_2_lines_are_read_amid_others() {
    let parsed = Classes::parse(
        "\u{feff}# classes\r\n\r\nvar HOME_NET any\r\nconfig checksum_mode: none\r\n\
         \tconfig  Classification :a , A thing\\, or two ,  2 \r\nconfig classification: b,B,\\\r\n1\r\n",
    );
    assert_eq!(problems(&parsed), [""; 0]);
    assert_eq!(named(&parsed), [(1, "a"), (2, "b")]);
    let Some(class) = parsed.value.get(1) else { panic!("no class 1") };
    assert_eq!((&*class.description, class.priority), ("A thing, or two", 2));
}

#[test]
fn each_broken_snort_2_line_is_named_and_skipped() {
    let parsed = Classes::parse(
        "config classification: a,A,1\nconfig classification b,B,1\nconfig classification: ,B,1\n\
         config classification: b\nconfig classification: b,B\nconfig classification: b,B,high\n\
         config classification: b,B,-1\nconfig classification: b,B, or C,1\nconfig classification: A,again,1\n\
         config classification: b,B,3",
    );
    assert_eq!(
        problems(&parsed),
        [
            "line 2: no colon after classification",
            "line 3: no short name",
            "line 4: no description",
            "line 5: no priority",
            "line 6: priority is \"high\", not a number up to 4294967295",
            "line 7: priority is \"-1\", not a number up to 4294967295",
            "line 8: 4 fields, but at most 3 are allowed",
            "line 9: class \"A\" was defined before, this one is ignored",
        ]
    );
    assert_eq!(named(&parsed), [(1, "a"), (2, "b")]);
}

#[test]
fn snort_3_entries_are_read_in_any_form() {
    let parsed = Classes::parse(
        "ips = { enable_builtin_rules = true }\nclassifications =\n{\n  { priority = 2, text = \"It's a thing\", name = 'a' },\n\
         { name = 'b' }; { name = 'A', priority = 4 } -- { name = 'c' },\n}\n",
    );
    assert_eq!(problems(&parsed), [""; 0]);
    assert_eq!(named(&parsed), [(1, "a"), (2, "b"), (3, "A")]);
    let Some(class) = parsed.value.get(1) else { panic!("no class 1") };
    assert_eq!((&*class.description, class.priority), ("It's a thing", 2));
    let Some(class) = parsed.value.get(2) else { panic!("no class 2") };
    assert_eq!((&*class.description, class.priority), ("", 1));
}

#[test]
fn a_broken_snort_3_entry_is_named_and_keeps_its_number() {
    let parsed = Classes::parse(
        "default_classifications = {\n{ name = 'a' },\n{ priority = 1 },\n{ name = 'b', priority = '1' },\n\
         { name = 'c', text = 'x' .. y },\n{ name = 'd', priority = 1.5 },\n{ name = 'e' },\n{ name = 'a', priority = 2 },\n\
         { name = 'f' }, { name = 'g",
    );
    assert_eq!(
        problems(&parsed),
        [
            "line 3: no short name",
            "line 4: priority is \"1\", not a number up to 4294967295",
            "line 5: description is not a plain string or number",
            "line 6: priority is \"1.5\", not a number up to 4294967295",
            "line 8: class \"a\" was defined before, this one is ignored",
            "line 1: the table is not closed",
        ]
    );
    assert_eq!(named(&parsed), [(1, "a"), (6, "e"), (7, "f")]);
}

#[test]
fn a_file_that_only_points_to_a_list_has_no_classes() {
    assert!(Classes::parse("classifications = default_classifications").value.is_empty());
    assert!(Classes::parse("include classification.config").value.is_empty());
}

#[test]
fn a_priority_is_a_number_as_in_c() {
    let parsed = Classes::parse(
        "config classification: a,A,0x2\nconfig classification: b,B,010\nconfig classification: c,C,+3\n\
         config classification: d,D,0x\nconfig classification: e,E,09\nconfig classification: f,F,0x+1",
    );
    let priorities: Vec<u32> = parsed.value.iter().map(|(_, class)| class.priority).collect();
    assert_eq!(priorities, [2, 8, 3]);
    assert_eq!(
        problems(&parsed),
        [
            "line 4: priority is \"0x\", not a number up to 4294967295",
            "line 5: priority is \"09\", not a number up to 4294967295",
            "line 6: priority is \"0x+1\", not a number up to 4294967295",
        ]
    );
}
