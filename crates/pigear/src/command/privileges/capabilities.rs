//! Capabilities: what a Pigear that stays root may do more than others.

use anyhow::Context;
use rustix::thread::{
    CapabilitySet, CapabilitySets, capabilities, capability_is_in_bounding_set,
    clear_ambient_capability_set, remove_capability_from_bounding_set, set_capabilities,
};

use crate::command::failure::Failure;

/// What root needs for Pigear's own work, by name: a removed socket is bound again in Snort's directory, and given to
/// Snort's user; files that are replaced or compressed keep their owner and mode; Snort's log and the configuration may
/// belong to other users; ports below 1024.
const NEEDED: [(&str, CapabilitySet); 4] = [
    ("chown", CapabilitySet::CHOWN),
    ("dac_override", CapabilitySet::DAC_OVERRIDE),
    ("fowner", CapabilitySet::FOWNER),
    ("net_bind_service", CapabilitySet::NET_BIND_SERVICE),
];

/// How many capabilities there can be.
const MOST: u32 = u64::BITS;

/// Drops what this thread doesn't need, and everything for programs that it starts. Returns what is in force.
pub(super) fn drop_unneeded() -> Result<String, Failure> {
    forget_bounding();
    let needed = NEEDED.iter().fold(CapabilitySet::empty(), |all, (_, one)| all | *one);
    let kept = drop_all_but(needed).context("cannot drop capabilities")?;
    if kept.is_empty() {
        return Ok("no capabilities".to_owned());
    }
    let names = NEEDED.iter().filter(|(_, one)| kept.contains(*one)).map(|(name, _)| *name);
    Ok(format!("capabilities {} only", names.collect::<Vec<_>>().join(", ")))
}

/// Drops all that this thread has.
#[cfg(feature = "exec")]
pub(super) fn drop_all() -> std::io::Result<()> {
    drop_all_but(CapabilitySet::empty()).map(drop)
}

/// Returns what is left.
fn drop_all_but(wanted: CapabilitySet) -> std::io::Result<CapabilitySet> {
    let kept = capabilities(None)?.permitted & wanted;
    let inheritable = CapabilitySet::empty();
    clear_ambient_capability_set()?;
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable })?;
    Ok(kept)
}

/// Root's programs get from this set what their parent doesn't have, unless there are no new privileges. So it is no
/// failure that this needs a capability of its own, which containers may lack.
fn forget_bounding() {
    let bounding = (0..MOST).map(|number| CapabilitySet::from_bits_retain(1 << number));
    // The kernel knows fewer; what it doesn't know is an error here.
    for one in bounding.filter(|one| capability_is_in_bounding_set(*one).unwrap_or(false)) {
        let _ = remove_capability_from_bounding_set(one);
    }
}
