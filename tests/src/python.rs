//! The Python tools of `tests/tools`, in the environment that scripts/test makes.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Runs one of the tools.
pub fn python_tool(script: &str, arguments: &[&Path]) -> Output {
    tool(script).args(arguments).output().unwrap()
}

/// Runs one of the tools with this on its standard input.
pub fn python_tool_with_input(script: &str, input: &str) -> Output {
    let mut command = tool(script);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A tool that ended before it read its input is judged by its exit code.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

/// A program that one of the Python packages brought.
pub fn installed_program(name: &str) -> Command {
    Command::new(python().with_file_name(name))
}

fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tools")
}

fn python() -> PathBuf {
    let python =
        std::env::var_os("TOOLS_PYTHON").map_or_else(|| tools().join(".venv/bin/python3"), PathBuf::from);
    assert!(
        python.exists(),
        "{} is not there: scripts/test installs the Python tools; run it once, then this test",
        python.display()
    );
    python
}

/// One of the tools, to be started otherwise.
pub fn tool(script: &str) -> Command {
    let mut command = Command::new(python());
    command.arg(tools().join(script));
    command
}
