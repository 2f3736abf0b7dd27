use super::rule::RULE;
use crate::script::fields::{ALERT, Field, MSG};
use crate::script::functions::{FUNCTIONS, Function};

const HELP: [&str; 12] = [
    "msg, alert           all fields of the alert; help(msg) and help(alert) explain them",
    "msg.pkt, alert.src_ip, ...",
    "                     one field; TAB completes",
    "layers               the packet's headers as a tree",
    "rule                 the rule that raised the alert, if Pigear reads rules (--rules)",
    "hexdump(msg.pkt)     the packet's bytes; help(functions) explains this and others",
    "alerts               the alerts so far, newest last: alerts[-1], alerts[0].message.msg",
    "next, or Ctrl-D      continues with the next alert",
    "next 5               passes over four, and continues with the fifth",
    "quit                 ends Pigear",
    "Ctrl-C               discards the line, or stops a running script",
    "let x = 1;           keeps a variable; fn f(a) { ... } keeps a function",
];

/// Help on a subject; on the shell itself without one.
pub(super) fn on(subject: &str) -> String {
    match subject {
        "" => HELP.map(|line| format!("  {line}\n")).concat(),
        "msg" => fields("msg", MSG),
        "alert" => fields("alert", ALERT),
        "functions" => functions(|_| true),
        other if all().any(|function| function.name == other) => functions(|name| name == other),
        _ => "  there is help on msg, alert, functions, and each function\n".to_owned(),
    }
}

fn fields(variable: &str, fields: &[Field]) -> String {
    let line = |field: &Field| format!("  {variable}.{:<18} {}\n", field.name, field.about);
    fields.iter().map(line).collect()
}

fn functions(which: impl Fn(&str) -> bool) -> String {
    let these = all().filter(|function| which(function.name));
    let line = |function: &Function| format!("  {}\n      {}\n", function.call, function.about);
    these.map(line).collect()
}

/// The functions of scripts, and the shell's own.
fn all() -> impl Iterator<Item = &'static Function> {
    FUNCTIONS.iter().chain([&RULE])
}
