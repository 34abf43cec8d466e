//! The Python tools of `tests/tools`, in the environment that scripts/test makes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs one of the tools.
pub fn python_tool(script: &str, arguments: &[&Path]) -> Output {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools");
    let python =
        std::env::var_os("TOOLS_PYTHON").map_or_else(|| tools.join(".venv/bin/python3"), PathBuf::from);
    assert!(
        python.exists(),
        "{} is not there: scripts/test installs the Python tools; run it once, then this test",
        python.display()
    );
    Command::new(python).arg(tools.join(script)).args(arguments).output().unwrap()
}
