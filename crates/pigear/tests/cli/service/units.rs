//! The units in `packaging/systemd`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::requirements::missing;
use crate::room::Room;

/// The units, as they are when they are installed, with the program that was built; `None` without systemd.
#[track_caller]
fn installed(room: &Room) -> Option<Vec<PathBuf>> {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        missing("systemd-analyze is not installed (Debian: systemd)");
        return None;
    }
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd");
    let unit = |name: &str| {
        let text = fs::read_to_string(units.join(name.replace("@dmz", "@"))).unwrap();
        room.write(name, text.replace("/usr/bin/pigear", env!("CARGO_BIN_EXE_pigear")));
        room.at(name)
    };
    let names = ["pigear.socket", "pigear@dmz.socket", "pigear.service", "pigear@dmz.service"];
    Some(names.into_iter().map(unit).collect())
}

#[test]
fn systemd_finds_nothing_wrong_with_the_units() {
    let room = Room::new();
    let Some(units) = installed(&room) else { return };
    let verified = Command::new("systemd-analyze").arg("verify").args(units).output().unwrap();
    assert_eq!(String::from_utf8(verified.stderr).unwrap(), "");
    assert!(verified.status.success());
}

#[test]
fn the_services_are_exposed_to_little() {
    let room = Room::new();
    let Some(units) = installed(&room) else { return };
    for unit in units.iter().filter(|unit| unit.extension().is_some_and(|it| it == "service")) {
        let mut analyze = Command::new("systemd-analyze");
        analyze.args(["security", "--offline=true", "--threshold=20"]).arg(unit);
        let analyzed = analyze.output().unwrap();
        let text = String::from_utf8(analyzed.stdout).unwrap();
        assert!(analyzed.status.success(), "{text}");
        assert!(text.contains("Overall exposure level"), "{text}");
    }
}

/// With `DynamicUser=`, systemd makes a state directory a link, below which no other unit can have one; and it removes a
/// runtime directory with all that is below.
#[test]
fn no_directory_of_a_unit_is_below_that_of_another() {
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd");
    let read = |name| fs::read_to_string(units.join(name)).unwrap();
    let (service, template) = (read("pigear.service"), read("pigear@.service"));
    for kind in ["State", "Logs", "Runtime"] {
        assert!(service.contains(&format!("\n{kind}Directory=pigear\n")), "{kind}");
        assert!(template.contains(&format!("\n{kind}Directory=pigear-%i\n")), "{kind}");
    }
}

#[test]
fn the_configuration_of_the_service_has_the_directories_of_the_unit() {
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../packaging/systemd");
    let read = |name| fs::read_to_string(units.join(name)).unwrap();
    let (service, config) = (read("pigear.service"), read("pigear.toml"));
    assert!(
        service.contains("StateDirectory=pigear\n")
            && service.contains("--config /etc/pigear/pigear.toml")
    );
    assert!(config.contains("path = \"/var/lib/pigear/alerts.db\""));
    let room = Room::new();
    room.write("pigear.toml", config.replace("/var/lib/pigear", ".").replace("[web]", ""));
    let mut command = crate::harness::program();
    command.args(["--config", "pigear.toml", "--logdir", "log"]).current_dir(room.path());
    let refused = command.output().unwrap();
    let refused = String::from_utf8(refused.stderr).unwrap();
    assert!(refused.contains("--logdir can't be used with pigear.toml"), "{refused}");
}
