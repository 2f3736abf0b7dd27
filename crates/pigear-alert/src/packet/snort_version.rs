/// Which Snort's packet decoder is followed: which tunnels are entered, and how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SnortVersion {
    /// Snort 2: Teredo, but no other tunnel in UDP, and at most two IP headers.
    #[default]
    V2,
    /// Snort 3: also VXLAN, Geneve and GTP, and any number of IP headers.
    V3,
}
