//! Programs in a unit's place, and programs that hold its port.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A program that stands in for a unit: the first line that it says names its port. It ends when this is dropped.
pub struct Peer {
    child: Child,
    /// Some die where nobody listens.
    _output: BufReader<ChildStdout>,
    /// Its port.
    pub port: PathBuf,
}

impl Peer {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        let (child, output, line) = started(command.stdin(Stdio::null()).stderr(Stdio::null()));
        Self { child, _output: output, port: line.into() }
    }

    /// Puts it into a fixture.
    pub fn put_into(&self, fixture: &Path) {
        std::fs::create_dir_all(fixture.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&self.port, fixture).unwrap();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Another program has a port, until it is dropped.
pub struct Holder(Child);

impl Holder {
    /// Of this port.
    pub fn of(port: &Path) -> Self {
        let mut command = Command::new("flock");
        command.arg("--no-fork").arg(port).args(["sh", "-c", "echo held; exec sleep 600"]);
        let (child, _, line) = started(&mut command);
        assert_eq!(line, "held");
        Self(child)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The program, and the first line that it said.
fn started(command: &mut Command) -> (Child, BufReader<ChildStdout>, String) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    (child, output, line.trim().to_owned())
}
