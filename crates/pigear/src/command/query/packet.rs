//! One alert with its packet: summary, headers and hexdump.

use std::fmt::Write;

use pigear_alert::Alert;
use pigear_alert::format::hexdump;
use pigear_alert::triage::Triage;

use crate::rules::RuleSet;
use crate::visible::visible;

/// The alert as text: `line` is its summary, after which `said` stands what people said about it.
pub(super) fn text(alert: &Alert, line: &[u8], said: Option<&Triage>) -> String {
    let mut text = String::from_utf8_lossy(line).into_owned();
    if let Some(said) = said {
        text.push_str(&said.to_string());
    }
    if !alert.message.has_packet() {
        text.push_str("\nthe alert has no packet\n");
        return text;
    }
    let length = alert.message.pkt.len();
    text.push('\n');
    text.push_str(&layers(alert));
    // Writing to a string can't fail.
    let _ = writeln!(text, "\n{length} bytes:");
    let mut bytes = Vec::new();
    hexdump(&alert.message.pkt, &mut bytes);
    text.push_str(&String::from_utf8_lossy(&bytes));
    text
}

/// The alert's rule, and its contents in the packet.
pub(super) fn rule(alert: &Alert, rules: &RuleSet) -> String {
    let rule = visible_lines(&rules.describe(alert));
    format!("\nrule:\n{rule}")
}

#[cfg(feature = "script")]
fn layers(alert: &Alert) -> String {
    visible_lines(&crate::script::tree(alert))
}

/// Without the values of fields, which are for scripts.
#[cfg(not(feature = "script"))]
fn layers(alert: &Alert) -> String {
    let packet = alert.dissection();
    let line = |layer: &pigear_alert::packet::Layer| {
        format!("{} [{}..{}]\n", layer.header.name(), layer.range.start, layer.range.end)
    };
    let headers: String = packet.layers.iter().map(line).collect();
    let stopped = packet.stopped.map(|stop| format!("dissection stopped: {stop}\n"));
    visible_lines(&(headers + stopped.as_deref().unwrap_or_default()))
}

fn visible_lines(text: &str) -> String {
    text.lines().map(|line| visible(line.as_bytes()) + "\n").collect()
}
