//! The function `rule`: the rule of an alert.

use pigear_alert::Alert;
use rhai::Engine;

use crate::rules::SharedRules;
use crate::script::functions::Function;
use crate::script::{AlertFields, SnortMessage};

/// Its description.
pub(super) const RULE: Function = Function {
    name: "rule",
    call: "rule(alert)",
    about: "the rule that raised the alert, its file, and its contents in the packet; needs --rules",
};

/// Registers it with an engine.
pub(super) fn register(engine: &mut Engine, rules: SharedRules) {
    let same = rules.clone();
    engine
        .register_fn("rule", move |known: &mut AlertFields| of(&known.0, &rules))
        .register_fn("rule", move |said: &mut SnortMessage| of(&said.0, &same));
}

fn of(alert: &Alert, rules: &SharedRules) -> String {
    let Some(rules) = rules.current() else {
        return "no rules are read; start Pigear with --rules PATH".to_owned();
    };
    rules.describe(alert)
}
