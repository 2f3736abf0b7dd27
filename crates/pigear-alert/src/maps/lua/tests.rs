use super::*;

fn entries(text: &str) -> Vec<(usize, Vec<String>)> {
    let table = table(text, "things").map_or(Vec::new(), |table| table.entries);
    table.iter().map(|entry| (entry.line, entry.fields.iter().map(shown).collect())).collect()
}

fn shown((key, value): &(Cow<'_, str>, Value<'_>)) -> String {
    match value {
        Value::Text(text) => format!("{key}={text}"),
        Value::Number(number) => format!("{key}:{number}"),
        Value::Expression => format!("{key}?"),
    }
}

fn one_line(text: &str) -> String {
    let entries: Vec<String> =
        entries(text).into_iter().map(|(_, fields)| fields.join(" ")).collect();
    entries.join(" | ")
}

#[test]
fn quotes_separators_and_order_are_free() {
    let text = r#"things={{a='x',b=2};{ b = 3 ; a = "y, }" , },{a=[[z ']],["b"]=4}}"#;
    assert_eq!(one_line(text), "a=x b:2 | b:3 a=y, } | a=z ' b:4");
}

#[test]
fn comments_are_skipped() {
    let text = "-- things = { { a = 1 } }\n--[[ things = { { a = 2 } } ]] --[==[ ]] things = { { a = 3 } }\n]==]\n\
        things = -- the list\n{ --[[ { a = 4 }, ]] { a = 5, --[[ b = 6 ]] c = '--' } } -- }";
    assert_eq!(one_line(text), "a:5 c=--");
}

#[test]
fn entries_tell_their_lines() {
    let text = "x = 1\nthings =\n{\n  { a = 1 }, { a = 2 },\n  { a =\n 3 }\n}";
    let lines: Vec<usize> = entries(text).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [4, 4, 5]);
}

#[test]
fn the_last_table_of_the_name_is_taken_before_a_default_one() {
    assert_eq!(one_line("things = {{a=1}} things = {{a=2}} default_things = {{a=3}}"), "a:2");
    assert_eq!(one_line("default_things = {{a=3}} things = default_things"), "a:3");
}

#[test]
fn a_table_inside_another_or_of_another_name_is_not_taken() {
    assert_eq!(one_line("x = { things = {{a=1}} } my_things = {{a=2}} things_2 = {{a=3}}"), "");
    assert_eq!(one_line("if things == {{a=1}} then end"), "");
    assert_eq!(one_line("x = { y = { 1 } } things = {{a=1}}"), "a:1");
}

#[test]
fn what_needs_running_is_an_expression() {
    assert_eq!(
        one_line("things = {{a='x'..'y', b=z, c={1,2}, d=-1, e=f(1), 'positional', g=1}}"),
        "a? b? c? d? e? g:1"
    );
}

#[test]
fn escapes_are_resolved() {
    assert_eq!(one_line(r#"things = {{a='it\'s', b="a\\\"b\tc"}}"#), "a=it's b=a\\\"b\tc");
}

#[test]
fn a_string_left_open_ends_with_its_line() {
    assert_eq!(one_line("x = 'open\nthings = {{a=1}}"), "a:1");
}

#[test]
fn a_table_left_open_says_so() {
    for text in
        ["things = {", "things = { { a = 1 }", "things = { { a = 1", "things = { { a = [[ } }"]
    {
        assert!(table(text, "things").is_some_and(|table| !table.closed), "{text}");
    }
    assert!(table("things = {}", "things").is_some_and(|table| table.closed));
}
