//! Mistakes in the configuration file.

use std::path::Path;

use super::check::Check;
use super::finding::Finding;
use super::lines::{as_root, quoted, replaced};
use super::permissions::{Secrecy, unreadable, user_of_pigear};
use super::subject::Subject;
use crate::config::{Config, ConfigError, Exposure};
use crate::input_file::{self, MAX_OWN_CONFIG};

/// More mistakes than this have few causes.
const MAX_SHOWN: usize = 100;

pub(super) struct Configuration;

impl Check for Configuration {
    fn name(&self) -> &'static str {
        "configuration"
    }

    fn is_of_machine(&self) -> bool {
        true
    }

    fn findings(&self, subject: &Subject<'_>) -> Vec<Finding> {
        let misspelt = subject.misspelt.iter().map(|found| {
            let why = "It is as if the variable weren't there.";
            Finding::note(found, why).advise("correct its name where it is set, or leave it out")
        });
        let of_file = subject.file.map(|file| of_file(file, subject)).unwrap_or_default();
        misspelt.chain(of_file).collect()
    }
}

fn of_file(file: &Path, subject: &Subject<'_>) -> Vec<Finding> {
    let (shown, typed) = (file.display(), quoted(file));
    let why = "Pigear doesn't start with it. What it names is looked at once it is mended.";
    let text = match input_file::read_text(file, MAX_OWN_CONFIG) {
        Ok(text) => text,
        Err(error) => {
            let why = "Pigear doesn't start without it.";
            let advice = ConfigError::hint_of(error.kind());
            let advice = advice.unwrap_or("put a configuration file there");
            let other =
                || Finding::wrong(format!("cannot read {shown}: {error}"), why).advise(advice);
            let hidden = unreadable(file, &error, Secrecy::Secret, subject);
            return vec![hidden.unwrap_or_else(other)];
        }
    };
    let mistakes = Config::mistakes(&text, file, subject.registry);
    let mistakes = mistakes.into_iter().take(MAX_SHOWN).map(|mistake| {
        let problem = mistake.problem.trim_end();
        let found = format!("{shown}:{}:{}: {problem}", mistake.line, mistake.column);
        let finding = Finding::wrong(found, why);
        let corrected = mistake
            .meant
            .as_ref()
            .and_then(|(misspelt, meant)| replaced(file, Some(mistake.line), misspelt, meant));
        finding.typed_or(corrected, format!("mend it, and see: pigear config check {typed}"))
    });
    let mut findings: Vec<_> = mistakes.collect();
    if findings.is_empty() {
        findings.push(Finding::ok(format!("{shown} has no mistakes")));
    }
    if subject.is_of_others() {
        let found = format!("others than root can change {shown}, or what leads to it");
        let why = "They say what a Pigear does that root starts, so no line to type is given here.";
        let advice = "have root own it, and the directories above it";
        findings.push(Finding::note(found, why).advise(advice));
    }
    let user = user_of_pigear(subject).map(|user| user.name);
    let of_files = Exposure::of_files(&subject.config);
    for exposure in Exposure::of(file, &text).into_iter().chain(of_files) {
        let exposure = exposure.read_by(user.as_deref());
        let why = "Whoever is on this machine has the secret.";
        let finding = Finding::wrong(exposure.problem(), why);
        findings.push(match exposure.commands() {
            Ok(commands) => finding.typed(as_root(&commands)),
            Err(advice) => finding.advise(advice),
        });
    }
    findings
}
