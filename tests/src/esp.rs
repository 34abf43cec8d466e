//! Simulated ESP32 boards, and Espressif's esptool as their host.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Outcome, Running, Station, installed_program};

/// Long enough for what esptool does with a small image.
const PATIENCE: Duration = Duration::from_secs(60);

/// Simulated boards, one in each fixture, with a folder of their own. The simulator runs until this is dropped.
pub struct EspBoards {
    folder: TempDir,
    simulator: Option<Running>,
}

impl EspBoards {
    /// Boards with such a chip, in fixtures of the same number.
    pub fn start(chip: &str, boards: usize, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let count = boards.to_string();
        let call =
            Station::new(&["simulate", "--json", "--board", chip, "--units", &count, "--fixtures", &count])
                .args(&["--exchange-ms", "100", "--boot-ms", "100"])
                .args(more)
                .arg(folder.path().join("simulated"));
        let mut simulator = Running::start(call);
        simulator.wait_for("it was ready", |event| event["event"] == "ready");
        Self { folder, simulator: Some(simulator) }
    }

    /// A path for a file of the test's own.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a file there.
    pub fn image(&self, name: &str, content: &[u8]) -> String {
        let path = self.file(name);
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The port of a fixture, from 1, once a board is in it.
    pub fn port(&self, fixture: usize) -> PathBuf {
        let port = self.folder.path().join("simulated/fixtures").join(fixture.to_string());
        let end = Instant::now() + PATIENCE;
        while !port.exists() {
            assert!(Instant::now() < end, "no board came into fixture {fixture}");
            std::thread::sleep(Duration::from_millis(20));
        }
        port
    }

    /// What a board's flash holds, from 1.
    pub fn flash(&self, board: usize) -> Vec<u8> {
        std::fs::read(self.board(board).join("flash.bin")).unwrap()
    }

    /// A board's MAC address, as the simulator drew it.
    pub fn mac(&self, board: usize) -> String {
        let text = std::fs::read_to_string(self.board(board).join("unit.toml")).unwrap();
        let mac = text.lines().find_map(|line| line.strip_prefix("hardware_id = \""));
        mac.unwrap().trim_end_matches('"').to_owned()
    }

    fn board(&self, number: usize) -> PathBuf {
        self.folder.path().join("simulated/units").join(format!("{number:04}"))
    }

    /// Runs esptool on the board in a fixture. It opens the port, and closes it when it ends.
    pub fn esptool(&self, fixture: usize, arguments: &[&str]) -> Outcome {
        esptool(&self.port(fixture), arguments)
    }

    /// Ends the simulator. Gives all that it told.
    pub fn end(mut self) -> Outcome {
        let simulator = self.simulator.take().unwrap();
        simulator.signal("TERM");
        simulator.end()
    }

    /// Waits for something that the simulator tells.
    pub fn wait_for(&mut self, what: &str, is_it: impl FnMut(&Value) -> bool) -> Value {
        self.simulator.as_mut().unwrap().wait_for(what, is_it)
    }
}

impl Drop for EspBoards {
    fn drop(&mut self) {
        if let Some(simulator) = self.simulator.take() {
            simulator.signal("TERM");
            simulator.end();
        }
    }
}

/// Runs esptool on a port. A pseudo-terminal has neither DTR nor RTS: esptool is told not to reset the board.
pub fn esptool(port: &Path, arguments: &[&str]) -> Outcome {
    let output = installed_program("esptool")
        .args(["--before", "no-reset", "--after", "no-reset", "--port"])
        .arg(port)
        .args(arguments)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Outcome {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
