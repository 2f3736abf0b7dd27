use std::path::PathBuf;

use clap::Subcommand;

use super::stored::StoreArgs;
use crate::web::Listen;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::command) struct WebArgs {
    #[command(subcommand)]
    pub(in crate::command) command: Option<WebCommand>,

    #[command(flatten)]
    pub(in crate::command) store: StoreArgs,

    /// Read Snort's rules from PATH, a file or a directory with `*.rules`, to show them with their alerts; may be
    /// repeated
    #[arg(long, value_name = "PATH")]
    pub(in crate::command) rules: Vec<PathBuf>,

    /// Where to listen [default: 127.0.0.1:8080]
    ///
    /// Any address that others can reach needs --users, --token or --token-file.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(in crate::command) listen: Option<Listen>,

    /// A prefix of all paths, if the page is behind another server: /pigear
    #[arg(long, value_name = "PREFIX")]
    pub(in crate::command) path: Option<String>,

    /// A secret that stands for a login; other users of this machine can see it, so prefer --token-file
    #[arg(long, value_name = "TEXT", conflicts_with = "token_file")]
    pub(in crate::command) token: Option<String>,

    /// A file with this secret
    #[arg(long, value_name = "FILE")]
    pub(in crate::command) token_file: Option<PathBuf>,

    /// The file of users who may log in; `pigear web user add` writes it
    #[arg(long, value_name = "FILE")]
    pub(in crate::command) users: Option<PathBuf>,

    /// The certificate for TLS (PEM)
    #[arg(long, value_name = "FILE")]
    pub(in crate::command) tls_cert: Option<PathBuf>,

    /// Its key (PEM), if it isn't in the same file
    #[arg(long, value_name = "FILE")]
    pub(in crate::command) tls_key: Option<PathBuf>,

    /// Names by which the page may be called, with commas between; loopback always may be
    #[arg(long, value_name = "NAMES")]
    pub(in crate::command) hosts: Option<String>,

    /// Addresses and networks of servers in between, with commas between: X-Forwarded-For is believed from them
    #[arg(long, value_name = "ADDRS")]
    pub(in crate::command) trusted_proxies: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(in crate::command) enum WebCommand {
    /// Manage the users who may log in
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
}

#[derive(Debug, Subcommand)]
pub(in crate::command) enum UserCommand {
    /// Add a user, or give one a new password, which is read from the terminal or from standard input
    Add {
        /// The user's name: letters, digits, and -_.@
        name: String,

        /// The file of users
        #[arg(long, value_name = "FILE", default_value = "/etc/pigear/users")]
        users: PathBuf,

        /// The user may look, but change nothing
        #[arg(long)]
        read_only: bool,
    },
}
