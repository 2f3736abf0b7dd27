use std::ops::Range;

use super::step::Next;
use super::walk::{Limits, Walk};
use super::{Flow, Layer, MAX_LAYERS, SnortVersion, Stop, StopReason};

/// What a walk found.
pub(super) struct Headers {
    pub(super) layers: Vec<Layer>,
    pub(super) payload: Range<usize>,
    pub(super) stopped: Option<Stop>,
    /// Without Snort's statement, the innermost IP header would be another one.
    pub(super) differ: bool,
}

impl Headers {
    pub(super) fn read(mut walk: Walk<'_>) -> Self {
        let mut layers = Vec::with_capacity(6);
        let stopped = loop {
            if layers.len() == MAX_LAYERS {
                break walk.stop_before_next(StopReason::TooManyLayers { limit: MAX_LAYERS });
            }
            match walk.layer() {
                Ok(Some(layer)) => layers.push(layer),
                Ok(None) => break None,
                Err(stop) => break Some(stop),
            }
        };
        Self { layers, payload: walk.rest(), stopped, differ: walk.is_overruled() }
    }

    pub(super) fn unknown_link(len: usize) -> Self {
        let stop = Stop { offset: 0, layer: "link header", reason: StopReason::UnknownLinkType };
        Self { layers: Vec::new(), payload: 0..len, stopped: Some(stop), differ: false }
    }

    /// Replaces what was read from the IP header on that Snort names.
    pub(super) fn go_on_at(&mut self, ip: usize, bytes: &[u8], limits: Limits) {
        let inner = Self::read(Walk::from(bytes, ip, Next::Ip, limits));
        self.layers.retain(|layer| layer.range.end <= ip);
        self.layers.truncate(MAX_LAYERS.saturating_sub(inner.layers.len()));
        self.layers.extend(inner.layers);
        (self.payload, self.stopped) = (inner.payload, inner.stopped);
        self.differ |= inner.differ;
    }

    pub(super) fn starts_of_ip(&self) -> impl Iterator<Item = usize> {
        self.layers.iter().filter(|layer| layer.header.is_ip()).map(|layer| layer.range.start)
    }

    /// Where the innermost IP header begins.
    pub(super) fn ip(&self) -> Option<usize> {
        self.starts_of_ip().last()
    }

    /// Where the innermost IP header begins that is between these addresses.
    pub(super) fn ip_of(&self, flow: &Flow) -> Option<usize> {
        let layer = self.layers.iter().rfind(|layer| flow.has_ends_of(&layer.header))?;
        Some(layer.range.start)
    }

    pub(super) fn flow(&self, snort: SnortVersion) -> Option<Flow> {
        let ip = self.layers.iter().rposition(|layer| layer.header.is_ip())?;
        Flow::of(self.layers.get(ip..)?, snort)
    }
}
