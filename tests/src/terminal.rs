//! Programs at a terminal, with a person who types.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::Outcome;

/// Runs a command with a terminal of its own, on which `answers` are typed, each when its prompt stands there.
///
/// Everything on the terminal is in the outcome's `stdout`.
pub fn at_terminal<S: AsRef<OsStr>>(command: &[S], answers: &[(&str, &str)]) -> Outcome {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/at_terminal.py");
    let mut helper = Command::new("python3");
    helper.arg(script).args(command).env_remove("CREDENTIALS_DIRECTORY");
    let mut child =
        helper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let answers = serde_json::to_vec(answers).unwrap();
    child.stdin.take().unwrap().write_all(&answers).unwrap();
    Outcome::of(child)
}
