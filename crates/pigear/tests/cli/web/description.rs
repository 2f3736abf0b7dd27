//! The description of the API, held against the program by schemathesis.

use std::path::PathBuf;
use std::process::Command;

use super::client::Page;
use crate::requirements::missing;

#[test]
fn schemathesis_finds_no_failure() {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let tool = here.join("../../target/peers/schemathesis/bin/st");
    if !tool.exists() {
        missing("schemathesis is not installed; `make peers` installs it");
        return;
    }
    let page = Page::pinged(&[]);
    let mut command = Command::new(tool);
    command.arg("--config-file").arg(here.join("tests/cli/web/schemathesis.toml"));
    command.args(["--no-color", "run"]);
    command.arg(format!("http://{}/api/v1/openapi.json", page.address));
    command.args(["--checks", "all", "--warnings", "off"]);
    command.args(["--generation-deterministic", "--max-examples", "15", "--request-timeout", "20"]);
    let output = command.current_dir(page.running.room().path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("No issues found") && !said.contains("Tested: 0"), "{said}");
    assert_eq!(page.last(), super::client::LAST);
    assert!(!page.running.stderr_so_far().contains("panicked"), "{}", page.running.stderr_so_far());
}
