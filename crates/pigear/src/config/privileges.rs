use std::path::PathBuf;
use std::str::FromStr;

/// What the process may do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "command", derive(clap::Args))]
#[cfg_attr(feature = "command", command(next_help_heading = "What Pigear may do"))]
pub struct PrivilegeConfig {
    /// Become this user once the sockets are bound; for a Pigear that root starts
    ///
    /// Files, handlers and the store are opened as this user. What --sandbox says is on then.
    #[cfg_attr(feature = "command", arg(long, value_name = "USER"))]
    pub user: Option<String>,

    /// Confine Pigear to the files and TCP ports that the configuration names: on or off [default: on with
    /// --user, otherwise off]
    ///
    /// With Landlock, which Linux has since 5.13; ports since 6.7. There are no new privileges and no core dumps
    /// then. Programs that `exec` runs may read what they like, and write to temporary files and --sandbox-write
    /// only. docs/service.md has more.
    #[cfg_attr(feature = "command", arg(long, value_name = "on|off"))]
    pub sandbox: Option<Sandbox>,

    /// A directory that may be written to, besides those of the configuration's files; may be repeated
    #[cfg_attr(feature = "command", arg(long, value_name = "DIR"))]
    pub sandbox_write: Vec<PathBuf>,
}

/// Whether the process is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sandbox {
    /// It is, or ends with an error.
    On,
    /// It isn't.
    Off,
}

impl FromStr for Sandbox {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err("expected on or off"),
        }
    }
}

impl PrivilegeConfig {
    /// The same, with missing settings taken from another.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            user: self.user.or(other.user),
            sandbox: self.sandbox.or(other.sandbox),
            sandbox_write: [self.sandbox_write, other.sandbox_write].concat(),
        }
    }

    /// Whether the process is confined.
    #[must_use]
    pub fn is_confined(&self) -> bool {
        let default = if self.user.is_some() { Sandbox::On } else { Sandbox::Off };
        self.sandbox.unwrap_or(default) == Sandbox::On
    }
}
