//! The Node tools of `tests/tools`, with the packages that scripts/test installs.

use std::path::Path;
use std::process::{Command, Output};

/// Runs one of the tools.
pub fn node_tool(script: &str, arguments: &[&str]) -> Output {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools");
    // Copied there once all of them are installed.
    let installed = tools.join("npm/node_modules/made-from.json");
    assert!(
        installed.exists(),
        "{} is not there: scripts/test installs the Node tools; run it once, then this test",
        installed.display()
    );
    let run = Command::new("node").arg(tools.join(script)).args(arguments).output();
    run.unwrap_or_else(|error| {
        panic!("`node` does not start ({error}): scripts/test installs it; run it once, then this test")
    })
}
