use std::fmt::Write;

use serde_json::json;

use super::finding::{Finding, Severity};
use crate::visible::visible;

/// All findings, each with the name of its check.
pub(crate) struct Report {
    pub(super) findings: Vec<(&'static str, Finding)>,
}

impl Report {
    /// How many things are wrong.
    pub(crate) fn wrong(&self) -> usize {
        self.findings.iter().filter(|(_, finding)| finding.status == Severity::Wrong).count()
    }

    /// For people: a paragraph each.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (check, finding) in &self.findings {
            let status = match finding.status {
                Severity::Ok => "ok",
                Severity::Note => "note",
                Severity::Wrong => "WRONG",
            };
            let found = visible(finding.found.as_bytes());
            // Writing to a `String` can't fail.
            let _ = writeln!(text, "{status:<6} {check}: {found}");
            if !finding.why.is_empty() {
                let _ = writeln!(text, "       {}", visible(finding.why.as_bytes()));
            }
            if let Some(advice) = &finding.advice {
                let _ = writeln!(text, "       do: {}", visible(advice.as_bytes()));
            }
            if let Some(line) = &finding.line {
                let _ = writeln!(text, "       type: {}", visible(line.as_bytes()));
            }
        }
        text
    }

    /// For programs: one object.
    pub(crate) fn json(&self) -> String {
        let findings = self.findings.iter().map(|(check, finding)| {
            let mut object = json!(finding);
            if let Some(object) = object.as_object_mut() {
                object.insert("check".to_owned(), json!(check));
            }
            object
        });
        let findings: Vec<_> = findings.collect();
        format!("{}\n", json!({ "wrong": self.wrong(), "findings": findings }))
    }
}
