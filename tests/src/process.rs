//! The station's program, started as a person or a script would.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// The program under test: `STATION_BIN` as the scripts set it, else the one that cargo built beside the tests.
pub fn station_binary() -> PathBuf {
    if let Some(path) = std::env::var_os("STATION_BIN") {
        return path.into();
    }
    let built = std::env::current_exe().unwrap();
    let folder = built.ancestors().nth(2).unwrap();
    let path = folder.join("station");
    assert!(path.exists(), "{} is not built: run `cargo build`, or scripts/test", path.display());
    path
}

/// One call of the program.
pub struct Station {
    command: Command,
    input: Vec<u8>,
}

/// What a call gave.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Station {
    /// A call with these arguments.
    pub fn new(arguments: &[&str]) -> Self {
        let mut command = Command::new(station_binary());
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_remove("CREDENTIALS_DIRECTORY");
        Self { command, input: Vec::new() }
    }

    /// On this station's folder.
    pub fn on(mut self, folder: &Path) -> Self {
        self.command.arg("--station").arg(folder);
        self
    }

    /// With a further argument.
    pub fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// With further arguments.
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.command.args(arguments);
        self
    }

    /// With the unlock secret on descriptor 0.
    pub fn unlocked_by(mut self, secret: &str) -> Self {
        self.command.args(["--unlock-fd", "0"]);
        self.input = format!("{secret}\n").into_bytes();
        self
    }

    /// With this on standard input.
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = bytes.into();
        self
    }

    /// With this environment variable.
    pub fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// The same call, started by another program: its arguments, then ours.
    pub fn under(self, program: &str, arguments: &[String]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).arg(self.command.get_program()).args(self.command.get_args());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        for (name, value) in self.command.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self { command, ..self }
    }

    /// Starts it and does not wait.
    pub fn start(mut self) -> Child {
        let mut child = self.command.spawn().unwrap();
        // A program that ended before it read its input is judged by its exit code.
        let _ = child.stdin.take().unwrap().write_all(&self.input);
        child
    }

    /// Starts it and leaves its standard input open, for what is typed later.
    pub fn start_typing(mut self) -> Child {
        let mut child = self.command.spawn().unwrap();
        let _ = child.stdin.as_mut().unwrap().write_all(&self.input);
        child
    }

    /// Runs it to its end.
    pub fn run(self) -> Outcome {
        Outcome::of(self.start())
    }
}

impl Outcome {
    /// Waits for a started program.
    pub fn of(child: Child) -> Self {
        let output = child.wait_with_output().unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test unless the exit code is this one.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code; stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails the test unless the message says this.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "`{part}` is not in:\n{}", self.stderr);
        self
    }

    /// Standard output as JSON documents, one a line.
    pub fn json_lines(&self) -> Vec<Value> {
        self.stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    /// Standard output as one JSON document.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }

    /// The verdict events of a `run --json`.
    pub fn verdicts(&self) -> Vec<Value> {
        self.json_lines().into_iter().filter(|event| event["event"] == "verdict").collect()
    }
}
