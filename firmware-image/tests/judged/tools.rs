//! Other programs, run.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Python of `tests/tools`, in the environment that scripts/test makes.
pub(crate) fn python() -> Command {
    let tools = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/tools/.venv/bin/python3");
    let python = std::env::var_os("TOOLS_PYTHON").map_or_else(tools, PathBuf::from);
    assert!(
        python.exists(),
        "{} is not there: scripts/test installs the Python tools; run it once, then this test",
        python.display()
    );
    Command::new(python)
}

/// One of the scripts beside these tests.
pub(crate) fn script(name: &str) -> Command {
    let mut command = python();
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judged").join(name));
    command
}

/// Runs a program to its end; what it writes to its standard output. It has to succeed.
pub(crate) fn output(command: &mut Command, input: &str) -> String {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that ended before it read its input is judged by its exit code.
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    let writing = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A program found in the path, run in this folder.
pub(crate) fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    output(Command::new(program).args(arguments).current_dir(folder), "")
}

pub(crate) fn save(path: &Path, bytes: &[u8]) {
    std::fs::File::create_new(path).unwrap().write_all(bytes).unwrap();
}
