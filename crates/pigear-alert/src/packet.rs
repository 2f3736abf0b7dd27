//! The packet of an alert, layer by layer.
