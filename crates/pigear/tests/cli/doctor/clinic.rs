//! A broken set-up: what the doctor prints, and what comes of typing it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use regex::Regex;

use crate::harness::{is_root, program, until};
use crate::room::Room;
use crate::snort::can_send;

/// A broken set-up. What was started is ended when this is dropped.
pub(super) struct Clinic {
    pub(super) room: Room,
    args: Vec<String>,
    /// What of a report is treated besides what is wrong: findings with this text.
    also: Option<&'static str>,
    /// What the file of a Snort's program has at its end.
    pub(super) text_of_snort: &'static str,
    transcript: String,
    /// The groups of processes that were started.
    groups: Vec<i32>,
}

impl Clinic {
    /// A set-up at which the doctor is called with these arguments; `ROOM` in them is the directory of the test.
    /// `None` if this isn't root, whose commands are printed otherwise.
    #[track_caller]
    pub(super) fn new(args: &[&str]) -> Option<Self> {
        if !is_root("type commands of root") {
            return None;
        }
        let room = Room::new();
        room.set_mode("", 0o755);
        let path = room.path().to_str().unwrap();
        let args = args.iter().map(|arg| arg.replace("ROOM", path)).collect();
        Some(Self {
            room,
            args,
            also: None,
            text_of_snort: "",
            transcript: String::new(),
            groups: Vec::new(),
        })
    }

    /// With a configuration file, in which `ROOM` is the directory of the test.
    #[track_caller]
    pub(super) fn configured(text: &str) -> Option<Self> {
        let clinic = Self::new(&["--config", "ROOM/pigear.toml"])?;
        let path = clinic.room.path().to_str().unwrap();
        clinic.room.write("pigear.toml", text.replace("ROOM", path));
        Some(clinic)
    }

    /// Findings with this text are treated, too.
    pub(super) fn treating(mut self, text: &'static str) -> Self {
        self.also = Some(text);
        self
    }

    /// The doctor is called with other arguments from now on.
    pub(super) fn with_args(&mut self, args: &[&str]) {
        let path = self.room.path().to_str().unwrap();
        self.args = args.iter().map(|arg| arg.replace("ROOM", path)).collect();
    }

    /// Plays the part of a Snort with these arguments, run by a user. Returns its process.
    pub(super) fn snort(&mut self, uid: u32, args: &[&str]) -> u32 {
        let room = self.room.path().to_owned();
        let made = Command::new("sh")
            .args([
                "-c",
                "rm -f snort && cp \"$(command -v sh)\" snort && printf %b \"$1\" >> snort",
                "sh",
                self.text_of_snort,
            ])
            .current_dir(&room)
            .status();
        assert!(made.unwrap().success());
        self.snort_at("snort", uid, args)
    }

    /// The same with a shell that is there.
    pub(super) fn snort_at(&mut self, program: &str, uid: u32, args: &[&str]) -> u32 {
        let room = self.room.path().to_owned();
        // It waits for a writer that never comes.
        let made = Command::new("sh")
            .args(["-c", "rm -f never && mkfifo never && echo 'read x < never' > script"])
            .current_dir(&room)
            .status();
        assert!(made.unwrap().success());
        let args = args.iter().map(|arg| arg.replace("ROOM", room.to_str().unwrap()));
        let mut command = Command::new(room.join(program));
        command.arg("script").args(args).uid(uid).gid(uid).current_dir(&room);
        let child = command.process_group(0).stdin(Stdio::null()).spawn().unwrap();
        let id = child.id();
        self.keep(child);
        until("Snort runs", || waits_as_snort(id));
        id
    }

    fn keep(&mut self, mut child: Child) {
        self.groups.push(child.id().try_into().unwrap());
        // It may be ended by what is typed, which waits until it is gone.
        thread::spawn(move || child.wait());
    }

    /// Calls the doctor and types what it prints, again and again, until all is well. Returns the transcript.
    pub(super) fn mend(&mut self) -> String {
        for _ in 0..5 {
            let lines = self.examine();
            if lines.is_empty() {
                assert!(self.transcript.matches("type: ").count() > 0, "{}", self.transcript);
                return self.filtered();
            }
            for line in &lines {
                self.type_in(line);
            }
        }
        panic!("it is not well:\n{}", self.transcript);
    }

    /// The same once, with these arguments.
    pub(super) fn treat_with(&mut self, args: &[&str]) {
        self.with_args(args);
        self.treat();
    }

    /// Calls the doctor and types what it prints, once.
    pub(super) fn treat(&mut self) {
        let lines = self.examine();
        assert!(!lines.is_empty(), "nothing is to be typed:\n{}", self.transcript);
        for line in &lines {
            self.type_in(line);
        }
    }

    /// Calls the doctor. Returns the lines to type for what is wrong.
    pub(super) fn examine(&mut self) -> Vec<String> {
        let output =
            program().arg("doctor").args(&self.args).current_dir(self.room.path()).output();
        let output = output.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        self.transcript.extend(["$ pigear doctor ", &self.args.join(" "), "\n"]);
        let mut lines = Vec::new();
        for finding in findings(&text) {
            let is_treated = self.also.is_some_and(|text| finding.contains(text));
            if finding.starts_with("WRONG") || is_treated {
                self.transcript += &finding;
                lines.extend(
                    finding
                        .lines()
                        .filter_map(|line| line.strip_prefix("       type: "))
                        .map(str::to_owned),
                );
            }
        }
        self.transcript += &String::from_utf8(output.stderr).unwrap();
        let is_well = !text.contains("WRONG");
        assert_eq!(output.status.code(), Some(i32::from(!is_well)), "{text}");
        assert!(is_well || !lines.is_empty() || text.contains("do: "), "{text}");
        lines
    }

    /// Types a line into a shell, as it was printed.
    fn type_in(&mut self, line: &str) {
        self.transcript.extend(["$ ", line, "\n"]);
        let programs = Path::new(env!("CARGO_BIN_EXE_pigear")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let log = fs::File::create(self.room.at("typed.log")).unwrap();
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .env("PATH", path)
            .env_remove("PIGEAR_STORE")
            .current_dir(self.room.path());
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).process_group(0);
        let mut child = command.spawn().unwrap();
        let group = child.id();
        until(line, || {
            let ended = child.try_wait().unwrap();
            if let Some(status) = ended {
                assert!(status.success(), "{line}: {status}\n{}", self.room.read("typed.log"));
            }
            ended.is_some() || self.goes_on(line, group)
        });
        if child.try_wait().unwrap().is_none() {
            self.keep(child);
        }
    }

    /// Whether the program runs that a line starts.
    fn goes_on(&self, line: &str, group: u32) -> bool {
        if line.contains("pigear --") {
            let is_bound = || self.sockets().iter().any(|socket| can_send(socket));
            return runs_in(group, "pigear") && is_bound();
        }
        line.contains("/snort ") && runs_in(group, "snort")
    }

    fn sockets(&self) -> Vec<PathBuf> {
        ["log/snort_alert", "snort-log/snort_alert", "log/3_snort_alert"]
            .map(|name| self.room.at(name))
            .to_vec()
    }

    /// What is wrong, as it was printed, without what is different each time.
    pub(super) fn filtered(&self) -> String {
        let path = self.room.path().to_str().unwrap();
        let text = self.transcript.replace(path, "/srv");
        // As it stands in what sed reads.
        let text = text.replace(&path.replace('.', r"\\."), "/srv");
        let text = Regex::new(r"(process |kill |--pid=|-fp )[0-9]+")
            .unwrap()
            .replace_all(&text, "${1}PID");
        let text = Regex::new(r"127\.0\.0\.1:[0-9]+").unwrap().replace_all(&text, "127.0.0.1:601");
        let text =
            Regex::new(r"[0-9.]+ [KMG]?i?B are free").unwrap().replace_all(&text, "1 MiB are free");
        let text =
            Regex::new("path has [0-9]+ bytes").unwrap().replace_all(&text, "path has 138 bytes");
        text.into_owned()
    }
}

/// Whether a process of a group has this name.
fn runs_in(group: u32, name: &str) -> bool {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let mut stats = processes.filter_map(|dir| fs::read_to_string(dir.path().join("stat")).ok());
    stats.any(|stat| {
        let behind = stat.split_once(&*format!(" ({name}) ")).map_or("", |(_, behind)| behind);
        behind.split(' ').nth(2) == Some(&*group.to_string())
    })
}

/// Whether a process has this name, has read its script, and waits.
fn waits_as_snort(id: u32) -> bool {
    let read = |name: &str| fs::read_to_string(format!("/proc/{id}/{name}")).unwrap_or_default();
    let files = fs::read_dir(format!("/proc/{id}/fd")).into_iter().flatten().flatten();
    let mut opened = files.filter_map(|file| fs::read_link(file.path()).ok());
    read("comm") == "snort\n"
        && opened.any(|path| path.ends_with("script"))
        && read("stat").contains(") S ")
}

/// The findings of a report: each has more lines behind its first.
fn findings(text: &str) -> Vec<String> {
    let mut findings: Vec<String> = Vec::new();
    for line in text.lines() {
        match findings.last_mut().filter(|_| line.starts_with("       ")) {
            Some(last) => last.extend([line, "\n"]),
            None => findings.push(format!("{line}\n")),
        }
    }
    findings
}

impl Drop for Clinic {
    fn drop(&mut self) {
        for group in self.groups.drain(..) {
            let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            let _ = kill(Pid::from_raw(group), Signal::SIGKILL);
        }
    }
}
