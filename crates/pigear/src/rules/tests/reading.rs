use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use crate::rules::reading::Reading;
use crate::rules::{RuleSet, Rules};

/// A rule with this id and revision.
fn rule(sid: u32, rev: u32) -> String {
    format!("alert tcp any any -> any any (msg:\"rule {sid}\"; sid:{sid}; rev:{rev};)\n")
}

fn dir(files: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::new().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    dir
}

fn read(dir: &TempDir, names: &[&str]) -> RuleSet {
    let paths: Vec<_> =
        names.iter().map(|name| dir.path().join(name).components().collect()).collect();
    Reading::of(&paths).unwrap().set
}

fn sids(set: &RuleSet) -> Vec<u32> {
    (0..100).filter(|sid| set.get(1, *sid).is_some()).collect()
}

fn problems(dir: &TempDir, set: &RuleSet) -> Vec<String> {
    let root = format!("{}/", dir.path().display());
    set.problems().iter().map(|problem| problem.to_string().replace(&root, "")).collect()
}

#[test]
fn a_directory_stands_for_the_rule_files_in_it() {
    let dir = dir(&[
        ("b.rules", &rule(1, 2)),
        ("a.RULES", &rule(1, 1)),
        ("sub/deep/c.rules", &rule(2, 1)),
        ("notes.txt", &rule(3, 1)),
        (".hidden.rules", &rule(4, 1)),
        (".git/d.rules", &rule(5, 1)),
    ]);
    symlink(dir.path(), dir.path().join("again")).unwrap();
    symlink(dir.path().join("notes.txt"), dir.path().join("link.rules")).unwrap();
    let set = read(&dir, &[""]);
    assert_eq!((sids(&set), set.files()), (vec![1, 2, 3], 4));
    assert_eq!(problems(&dir, &set), [""; 0]);
    assert_eq!(set.get(1, 1).unwrap().rule.rev, Some(2), "the last file");
}

#[test]
fn the_last_enabled_rule_is_found_and_the_others_are_said() {
    let text = format!("# {}{}{}\n# {}", rule(1, 9), rule(1, 3), rule(1, 4), rule(1, 5));
    let dir = dir(&[("a.rules", &text), ("b.rules", &format!("# {}", rule(2, 7)))]);
    let set = read(&dir, &["a.rules", "b.rules"]);
    let found = set.get(1, 1).unwrap();
    assert_eq!((found.rule.rev, found.place.line, found.is_enabled), (Some(4), 3, true));
    let others: Vec<_> =
        found.others.iter().map(|rule| (rule.place.line, rule.rev, rule.is_enabled)).collect();
    assert_eq!(others, [(1, Some(9), false), (2, Some(3), true), (5, Some(5), false)]);
    let disabled = set.get(1, 2).unwrap();
    assert!(!disabled.is_enabled && disabled.others.is_empty());
    assert_eq!(disabled.text, rule(2, 7).trim_end().as_bytes());
    assert_eq!(disabled.place.to_string(), format!("{}:1", dir.path().join("b.rules").display()));
    assert!(set.get(2, 1).is_none());
}

#[test]
fn includes_are_followed_with_variables() {
    let dir = dir(&[
        (
            "etc/snort.conf",
            "var RULE_PATH ../rules\ninclude $RULE_PATH/a.rules\ninclude vars.conf\ninclude $SO/b.rules\ninclude classification.config",
        ),
        ("etc/vars.conf", "var SO ../rules/so"),
        ("etc/classification.config", "config classification: a,A class,1"),
        ("etc/own.rules", &rule(5, 1)),
        ("rules/a.rules", &format!("{}include more.rules\ninclude own.rules", rule(1, 1))),
        ("rules/more.rules", &format!("include a.rules\n{}", rule(2, 1))),
        ("rules/so/b.rules", &rule(3, 1)),
        ("later/c.rules", "include $RULE_PATH/../d.rules"),
        ("d.rules", &rule(4, 1)),
    ]);
    // The variables of a configuration count in what is read after it; `$RULE_PATH` is relative to the file.
    let set = read(&dir, &["etc/snort.conf", "later"]);
    assert_eq!(problems(&dir, &set), [""; 0]);
    assert_eq!(sids(&set), [1, 2, 3, 4, 5]);
}

#[test]
fn the_rules_of_snort_lua_are_read() {
    let lua = "RULE_PATH = '../rules'\nother = { a = 1 }\nips =\n{\n    enable_builtin_rules = true,\n    \
        include = RULE_PATH .. \"/a.rules\", -- the main ones\n    rules = [[\n\
        alert tcp any any -> any any (msg:\"in Lua\"; sid:2;)\ninclude $RULE_PATH/b.rules\nwhat is this\n    ]],\n\
        variables = default_variables\n}\nips.include = UNKNOWN .. '/c.rules'\n";
    let dir = dir(&[
        ("etc/snort.lua", lua),
        ("rules/a.rules", &rule(1, 1)),
        ("rules/b.rules", &rule(3, 1)),
    ]);
    let set = read(&dir, &["etc/snort.lua"]);
    assert_eq!(sids(&set), [1, 2, 3]);
    assert_eq!(set.get(1, 2).unwrap().place.line, 8);
    assert_eq!(
        problems(&dir, &set),
        [
            "etc/snort.lua:10: neither a rule nor another statement of Snort",
            "etc/snort.lua:14: the path \"UNKNOWN .. '/c.rules'\" has an undefined variable",
        ]
    );
}

#[test]
fn variables_of_snort_lua_that_grow_come_to_an_end() {
    let lua = format!("a = 'x'\n{}ips = {{ include = a }}\n", "a = a .. a\n".repeat(24));
    let dir = dir(&[("snort.lua", &lua)]);
    let problems = problems(&dir, &read(&dir, &["snort.lua"]));
    // The last value that isn't too long stays: a path that the system refuses.
    assert!(problems.len() == 1 && problems[0].len() < 100_000, "{}", problems[0].len());
}

#[test]
fn what_is_broken_is_said_and_all_else_is_used() {
    let broken = format!(
        "{}alert tcp any any -> any any (msg:\"no end; sid:2;)\n{}nonsense\ninclude none.rules\n\
        include $NO/x.rules\ninclude sub\nalert tcp any any -> any any\n{}",
        rule(1, 1),
        rule(3, 1),
        rule(4, 1)
    );
    let dir = dir(&[("a.rules", &broken), ("sub/x", ""), ("z.rules", &rule(5, 1))]);
    mkfifo(&dir.path().join("fifo.rules"), Mode::from_bits_truncate(0o600)).unwrap();
    symlink("/dev/zero", dir.path().join("zero.rules")).unwrap();
    symlink("nowhere", dir.path().join("gone.rules")).unwrap();
    let set = read(&dir, &[""]);
    assert_eq!(sids(&set), [1, 3, 4, 5]);
    let root = dir.path().display().to_string();
    let problems: Vec<_> =
        problems(&dir, &set).iter().map(|problem| problem.replace(&root, "DIR")).collect();
    assert_eq!(
        problems,
        [
            "a.rules:2: a quote is not closed",
            "a.rules:4: neither a rule nor another statement of Snort",
            "a.rules:5: cannot read none.rules: No such file or directory (os error 2)",
            "a.rules:6: the path \"$NO/x.rules\" has an undefined variable",
            "a.rules:7: cannot read sub: it is a directory",
            "a.rules:8: the rule has no options in parentheses",
            "DIR: cannot read fifo.rules: it is not a regular file",
            "DIR: cannot read gone.rules: No such file or directory (os error 2)",
            "DIR: cannot read zero.rules: it is not a regular file",
        ]
    );
}

#[test]
fn a_named_path_must_be_readable() {
    let dir = dir(&[]);
    let problem = |path: PathBuf| Rules::open(&[path]).unwrap_err();
    let error = problem(dir.path().join("none"));
    assert_eq!(error.to_string(), format!("cannot read {}", dir.path().join("none").display()));
    assert_eq!(problem("/dev/zero".into()).source.to_string(), "it is not a regular file");
}

#[test]
fn directories_within_each_other_come_to_an_end() {
    let deep = "d/".repeat(16);
    let files = [(format!("{deep}a.rules"), rule(1, 1)), (format!("{deep}d/b.rules"), rule(2, 1))];
    let dir = dir(&files.each_ref().map(|(name, text)| (&**name, &**text)));
    let set = read(&dir, &[""]);
    assert_eq!(sids(&set), [1]);
    let problem =
        format!("{deep}: it is not read: there are more than 16 directories in each other");
    assert_eq!(problems(&dir, &set), [problem.replace("/:", "/d:")]);
}

#[test]
fn a_file_that_includes_too_deep_ends() {
    let files: Vec<_> = (0..20)
        .map(|n| (format!("{n}.rules"), format!("{}include {}.rules", rule(n, 1), n + 1)))
        .collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
    let dir = dir(&files);
    let set = read(&dir, &["0.rules"]);
    assert_eq!(sids(&set), (0..=16).collect::<Vec<_>>());
    assert_eq!(
        problems(&dir, &set),
        ["16.rules:2: it is not read: there are more than 16 files in each other"]
    );
}

#[test]
fn a_file_of_another_kind_is_one_of_many_problems() {
    let dir = dir(&[("a.rules", &"\u{1}\u{2} x\n".repeat(1_500))]);
    let set = read(&dir, &["a.rules"]);
    assert!(set.is_empty());
    assert_eq!((set.problems().len(), set.more_problems()), (1_000, 500));
}

#[test]
fn nothing_is_quoted_of_a_file_that_has_no_rules() {
    let shadow = "root:$y$secret:1:0:::\nsecret a b c d (e)\nsecret (sid:secret;)\nsecret (sid:1; content:secret;)\n\
        secret (sid:1; content:\"|secret|\";)\nsecret (\nnotalert tcp secret (sid:secret;)\n";
    let dir = dir(&[
        ("a.rules", "include shadow\nalert tcp (sid:own;)\ninclude $NO/long"),
        ("shadow", shadow),
    ]);
    let set = read(&dir, &["a.rules"]);
    let problems = problems(&dir, &set);
    assert_eq!(problems.len(), 8, "{problems:?}");
    assert!(!problems.join("\n").contains("secret"), "{problems:?}");
    for (at, problem) in [
        (0, "shadow:1: neither a rule nor another statement of Snort"),
        (2, "shadow:3: sid is not a number up to 4294967295"),
        (3, "shadow:4: content is not a text in quotes"),
        (4, "shadow:5: what a content has between | is not pairs of hexadecimal digits"),
        (6, "a.rules:2: sid is \"own\", not a number up to 4294967295"),
    ] {
        assert_eq!(problems[at], problem);
    }
}

#[test]
fn of_many_rules_with_the_same_ids_some_are_named_and_all_counted() {
    let dir = dir(&[("a.rules", &rule(1, 1).repeat(21)), ("b.rules", &rule(2, 1).repeat(30))]);
    let set = read(&dir, &[""]);
    let others = |sid| set.get(1, sid).map(|found| (found.others.len(), found.more_others));
    assert_eq!((others(1), others(2)), (Some((20, 0)), Some((20, 9))));
}
