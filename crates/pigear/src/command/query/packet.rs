//! One alert with its packet: what it is, layer by layer, and byte by byte.

use std::fmt::Write;

use pigear_alert::Alert;
use pigear_alert::format::hexdump;

use super::Lines;
use crate::visible::visible;

pub(super) fn text(alert: &Alert, lines: &Lines) -> String {
    let mut line = Vec::new();
    lines.format.write(alert, &mut line);
    let mut text = String::from_utf8_lossy(&line).into_owned();
    if !alert.message.has_packet() {
        text.push_str("\nthe alert came without a packet\n");
        return text;
    }
    let packet = alert.dissection();
    let length = alert.message.pkt.len();
    text.push('\n');
    for layer in &packet.layers {
        let header = visible(format!("{:?}", layer.header).as_bytes());
        put(&mut text, layer.range.start, layer.range.end, &header);
    }
    if !packet.payload.is_empty() {
        put(&mut text, packet.payload.start, packet.payload.end, "payload");
    }
    if let Some(stop) = &packet.stopped {
        // Writing to a string can't fail.
        let _ = writeln!(text, "ended early: {}", visible(stop.to_string().as_bytes()));
    }
    let _ = writeln!(text, "\n{length} bytes:");
    let mut bytes = Vec::new();
    hexdump(&alert.message.pkt, &mut bytes);
    text + &String::from_utf8_lossy(&bytes)
}

fn put(text: &mut String, start: usize, end: usize, what: &str) {
    let _ = writeln!(text, "{start:>5}..{end:<5} {what}");
}
