//! Opens the alert socket of Snort and gives you every alert.

use std::process::ExitCode;

use pigear::registry::Registry;

fn main() -> ExitCode {
    pigear::command::main(&Registry::builtin())
}
