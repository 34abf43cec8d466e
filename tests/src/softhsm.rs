//! A token of SoftHSM in a folder of its own. SoftHSM learns from the environment where its tokens lie: only the programs
//! that a test starts are told.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Station;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const CONFIG: &str = "SOFTHSM2_CONF";

/// SoftHSM's folder, with a token `factory`.
pub struct SoftHsm {
    folder: PathBuf,
    pin: String,
}

impl SoftHsm {
    /// Makes the folder, and the token with this PIN.
    pub fn new(folder: &Path, pin: &str) -> Self {
        let made = Self { folder: folder.to_owned(), pin: pin.to_owned() };
        std::fs::create_dir_all(made.tokens()).unwrap();
        let config = format!("directories.tokendir = {}\nlog.level = ERROR\n", made.tokens().display());
        let mut file = std::fs::File::create_new(made.config()).unwrap();
        std::io::Write::write_all(&mut file, config.as_bytes()).unwrap();
        let token =
            ["--init-token", "--free", "--label", "factory", "--pin", pin, "--so-pin", "so-pin-halcyon"];
        let (good, said) = made.tool("softhsm2-util", &token);
        assert!(good, "{said}");
        made
    }

    /// A URI of SoftHSM's module with these attributes.
    pub fn uri(attributes: &str) -> String {
        format!("pkcs11:{attributes}?module-path={MODULE}")
    }

    /// The call, told where the token lies.
    pub fn told(&self, call: Station) -> Station {
        call.env(CONFIG, self.config())
    }

    /// Runs another program on the token. Gives whether it succeeded, and what it said.
    pub fn tool(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(program).args(arguments).env(CONFIG, self.config()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), said.into_owned())
    }

    /// OpenSC's tool on the token, logged in.
    pub fn pkcs11_tool(&self, arguments: &[&str]) -> String {
        let login = ["--module", MODULE, "--token-label", "factory", "--login", "--pin", &self.pin];
        let (good, said) = self.tool("pkcs11-tool", &[&login[..], arguments].concat());
        assert!(good, "{said}");
        said
    }

    /// Whether the token says of itself that a wrong PIN was given since the last right one.
    pub fn saw_a_wrong_pin(&self) -> bool {
        let (_, slots) = self.tool("pkcs11-tool", &["--module", MODULE, "--list-token-slots"]);
        slots.contains("user PIN count low")
    }

    /// Moves the token's folder away: for a program that uses it, the token was pulled out.
    pub fn pull_out(&self) {
        let token = std::fs::read_dir(self.tokens()).unwrap().next().unwrap().unwrap().path();
        move_new(&token, &self.folder.join("pulled"));
    }

    /// Moves it back.
    pub fn plug_in(&self) {
        move_new(&self.folder.join("pulled"), &self.tokens().join("factory"));
    }

    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    fn config(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing can be there: the folder is the test's own")]
fn move_new(from: &Path, to: &Path) {
    std::fs::rename(from, to).unwrap();
}
