//! What is wrong with values that may come from options and variables, not only from a file.

use super::users::{group_id, known_user, user_id};
use super::{ListenError, check_store, lanes};
use crate::config::{Config, SourceConfig};

/// What a start would refuse of the users, the groups, the filter and the store of a configuration.
pub(crate) fn mistakes(config: &Config) -> Vec<ListenError> {
    let user = config.privileges.user.iter().filter_map(|name| known_user(name).err());
    let of_all =
        user.chain(check_store(&config.store).err()).chain(lanes::check_filter(config).err());
    of_all.chain(config.sources.iter().flat_map(of_source)).collect()
}

fn of_source(source: &SourceConfig) -> Vec<ListenError> {
    let users = source.allow_uid.iter().filter_map(|name| user_id(name).err());
    let groups = source.socket_group.iter().filter_map(|name| group_id(name).err());
    users.chain(groups).collect()
}
