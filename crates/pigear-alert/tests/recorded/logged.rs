//! What the logs say, as far as a datagram can say the same.

use serde_json::{Value, json};

use crate::recordings::Recorded;

impl Recorded {
    /// A field of the event, unless the logs or the datagram haven't got it.
    pub(crate) fn logged(&self, field: &str) -> Option<&Value> {
        let value = &self.expected[field];
        let differs = self.lists("wire_event_differs", field) || self.is_lost(field);
        (!value.is_null() && !differs).then_some(value)
    }

    /// The message, in the rule's own bytes.
    pub(crate) fn logged_msg(&self) -> Vec<u8> {
        match self.expected["msg_hex"].as_str() {
            Some(hex) => hex.as_bytes().chunks(2).map(byte).collect(),
            None => self.expected["msg"].as_str().unwrap_or_default().into(),
        }
    }

    /// Whether the datagram has only the beginning of the message.
    pub(crate) fn is_msg_cut(&self) -> bool {
        self.expected["msg_cut_on_wire"] == true
    }

    /// What is not as logged of addresses, ports and protocol. `found` gives one of `src_ip`,
    /// `dst_ip`, `src_port`, `dst_port` and `proto` (its number); null for what isn't there.
    pub(crate) fn flow_mismatches(&self, found: impl Fn(&str) -> Value) -> Vec<String> {
        let mut wrong = Vec::new();
        for field in ["src_ip", "dst_ip", "src_port", "dst_port", "proto"] {
            let value = found(field);
            if !self.flow_agrees(field, &value) {
                let place = &self.place;
                wrong.push(format!("{place}: {field} is {value}, not as in {}", self.expected));
            }
        }
        wrong
    }

    /// Whether a field is what the log has; or, where the log has none, what the capture has.
    fn flow_agrees(&self, field: &str, found: &Value) -> bool {
        if self.is_lost(field) {
            return found.is_null();
        }
        let log_has_addresses = !self.expected["src_ip"].is_null();
        let capture_has_addresses = !self.expected["capture_src_ip"].is_null();
        match (log_has_addresses, field) {
            (true, "proto") => *found == self.protocol(),
            (true, _) => *found == self.expected[field],
            (false, "src_ip" | "dst_ip") => *found == self.expected[format!("capture_{field}")],
            // Snort gave up on a packet that has at least its IP header: it didn't look for the
            // rest.
            (false, _) => capture_has_addresses || found.is_null(),
        }
    }

    /// The packet's protocol number, as unified2 has it. Portscans of 2.9 come in made-up packets
    /// of protocol 255, which only unified2 calls something else; and 2.2 has no unified2.
    fn protocol(&self) -> Value {
        let word = self.expected["proto"].as_str();
        let made_up = word.and_then(|word| word.strip_prefix("PROTO:"));
        match (made_up, self.expected.get("proto_num"), word) {
            (Some(number), _, _) => json!(number.parse::<u8>().unwrap()),
            (None, Some(number), _) => number.clone(),
            (None, None, Some("TCP")) => json!(6),
            (None, None, Some("UDP")) => json!(17),
            (None, None, Some("ICMP")) => json!(1),
            (None, None, other) => panic!("protocol {other:?}"),
        }
    }

    fn is_lost(&self, field: &str) -> bool {
        self.lists("not_in_datagram", field)
    }

    fn lists(&self, list: &str, field: &str) -> bool {
        self.expected[list].as_array().is_some_and(|names| names.contains(&json!(field)))
    }
}

fn byte(digits: &[u8]) -> u8 {
    u8::from_str_radix(str::from_utf8(digits).unwrap(), 16).unwrap()
}
