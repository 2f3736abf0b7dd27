//! Users, and what permissions let them do.

use std::ffi::CString;
use std::fs::Metadata;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Gid, Uid, User, getgrouplist};

/// The users and groups that `DynamicUser=` makes.
const DYNAMIC_IDS: RangeInclusive<u32> = 61_184..=65_519;

/// A user with all groups.
pub(crate) struct Account {
    pub(crate) name: String,
    uid: u32,
    /// Its own group.
    gid: Option<u32>,
    groups: Vec<u32>,
}

impl Account {
    /// The user with a number.
    pub(crate) fn numbered(uid: u32) -> Self {
        match User::from_uid(Uid::from_raw(uid)) {
            Ok(Some(user)) => Self::of(user),
            _ => Self { name: uid.to_string(), uid, gid: None, groups: Vec::new() },
        }
    }

    /// The user with a name, if there is one.
    pub(crate) fn named(name: &str) -> Option<Self> {
        User::from_name(name).ok().flatten().map(Self::of)
    }

    fn of(user: User) -> Self {
        let listed = CString::new(user.name.as_str()).ok();
        let listed = listed.and_then(|name| getgrouplist(&name, user.gid).ok());
        let groups = listed.unwrap_or_else(|| vec![user.gid]);
        let groups = groups.into_iter().map(Gid::as_raw).collect();
        Self { name: user.name, uid: user.uid.as_raw(), gid: Some(user.gid.as_raw()), groups }
    }

    /// The name of its own group. One that systemd made for the time of a run has none that lasts.
    pub(crate) fn group(&self) -> Option<String> {
        let gid = self.gid.filter(|gid| !DYNAMIC_IDS.contains(gid))?;
        let group = nix::unistd::Group::from_gid(Gid::from_raw(gid)).ok().flatten();
        Some(group.map_or_else(|| gid.to_string(), |group| group.name))
    }

    /// Whether a name or number is this user's.
    pub(crate) fn is(&self, user: &str) -> bool {
        user == self.name || user.parse() == Ok(self.uid)
    }

    /// Whether it has this number.
    pub(crate) fn has_id(&self, uid: u32) -> bool {
        self.uid == uid
    }

    /// Whether a directory belongs to a group of this user's, which may write there.
    pub(crate) fn shares(&self, metadata: &Metadata) -> bool {
        metadata.gid() != 0
            && metadata.mode() & 0o030 == 0o030
            && self.groups.contains(&metadata.gid())
    }

    /// Whether permissions let this user do something to a file: bits as for others, 2 to write, 1 to search.
    pub(crate) fn may(&self, metadata: &Metadata, bits: u32) -> bool {
        self.may_with(metadata, metadata.mode(), bits)
    }

    /// The same if other users than the owner, and those of the group, might do nothing.
    pub(crate) fn may_without_others(&self, metadata: &Metadata, bits: u32) -> bool {
        self.may_with(metadata, metadata.mode() & !0o007, bits)
    }

    fn may_with(&self, metadata: &Metadata, mode: u32, bits: u32) -> bool {
        let shift = match () {
            () if self.uid == 0 => return true,
            () if metadata.uid() == self.uid => 6,
            () if self.groups.contains(&metadata.gid()) => 3,
            () => 0,
        };
        mode >> shift & bits == bits
    }
}

/// `snort:adm, mode 0750`
pub(crate) fn owner_and_mode(metadata: &Metadata) -> String {
    let user = Account::numbered(metadata.uid()).name;
    let group = nix::unistd::Group::from_gid(Gid::from_raw(metadata.gid())).ok().flatten();
    let group = group.map_or_else(|| metadata.gid().to_string(), |group| group.name);
    format!("{user}:{group}, mode {:04o}", metadata.mode() & 0o7777)
}
