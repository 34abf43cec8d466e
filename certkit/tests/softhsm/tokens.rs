//! Tokens in a folder of their own, and which of them a URI finds.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use certkit::{KeyAlgorithm, Token, TokenError, TokenUri};
use tempfile::TempDir;

pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
pub(crate) const PIN: &str = "user-pin-7319";
const CONFIG: &str = "SOFTHSM2_CONF";

/// SoftHSM's folder: configuration and tokens.
pub(crate) struct Tokens {
    folder: PathBuf,
}

/// Runs a test in a process of its own: SoftHSM is told by the environment where its tokens lie, and PKCS#11 has one
/// login a process. `test` is the test's full name; the process runs it again, with the environment set.
pub(crate) fn with_tokens(test: &str, labels: &[&str], body: impl FnOnce(&Tokens)) {
    if let Some(config) = std::env::var_os("SOFTHSM_TEST_CHILD") {
        return body(&Tokens { folder: Path::new(&config).parent().unwrap().to_owned() });
    }
    let folder = TempDir::new().unwrap();
    let tokens = Tokens { folder: folder.path().to_owned() };
    std::fs::create_dir(folder.path().join("tokens")).unwrap();
    let mut config = String::new();
    writeln!(config, "directories.tokendir = {}", folder.path().join("tokens").display()).unwrap();
    writeln!(config, "objectstore.backend = file\nlog.level = ERROR").unwrap();
    std::io::Write::write_all(&mut std::fs::File::create_new(tokens.config()).unwrap(), config.as_bytes())
        .unwrap();
    for label in labels {
        tokens.make(label);
    }
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(CONFIG, tokens.config())
        .env("SOFTHSM_TEST_CHILD", tokens.config())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

impl Tokens {
    fn config(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// A folder for the test's files.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn make(&self, label: &str) {
        let arguments = ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "so-pin-2846"];
        let made = self.run("softhsm2-util", &arguments);
        assert!(made.status.success(), "{made:?}");
    }

    /// Runs a program on these tokens.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        Command::new(program).args(arguments).env(CONFIG, self.config()).output().unwrap()
    }

    /// What OpenSC's tool prints of a token, and whether it succeeded.
    pub(crate) fn pkcs11_tool(&self, arguments: &[&str]) -> (bool, String) {
        let output = self.run("pkcs11-tool", &[&["--module", MODULE], arguments].concat());
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text.into_owned())
    }
}

pub(crate) fn uri(attributes: &str) -> TokenUri {
    format!("pkcs11:{attributes}?module-path={MODULE}").parse().unwrap()
}

pub(crate) fn refused(uri: &TokenUri, pin: &str) -> TokenError {
    Token::open(uri, pin.as_bytes()).unwrap_err()
}

#[test]
fn a_uri_finds_its_token_among_several_or_says_which_are_there() {
    with_tokens(
        "tokens::a_uri_finds_its_token_among_several_or_says_which_are_there",
        &["line", "line", "root"],
        |tokens| {
            assert_eq!(
                Token::open(&uri("token=root;manufacturer=SoftHSM%20project"), PIN.as_bytes())
                    .unwrap()
                    .label(),
                "root"
            );

            let error = refused(&uri("token=line"), PIN);
            let TokenError::Several { found, .. } = &error else { panic!("{error:?}") };
            assert!(
                found.len() == 2 && found.iter().all(|shown| shown.starts_with("\"line\" (SoftHSM project")),
                "{found:?}"
            );
            let serial = found[0].rsplit_once("serial ").unwrap().1.trim_end_matches(')');
            let one = Token::open(&uri(&format!("token=line;serial={serial}")), PIN.as_bytes()).unwrap();
            one.generate(KeyAlgorithm::P256, "here", &[1]).unwrap();
            // Another program finds the key on that token, and on no other.
            let (_, there) =
                tokens.pkcs11_tool(&["--login", "--pin", PIN, "--token-label", "root", "--list-objects"]);
            assert!(!there.contains("here"), "{there}");

            let error = refused(&uri("token=none"), PIN);
            let TokenError::NotFound { found, .. } = &error else { panic!("{error:?}") };
            assert_eq!(found.len(), 3, "{found:?}");
            assert!(error.to_string().contains("\"root\" (SoftHSM project SoftHSM v2, serial "), "{error}");
            assert!(matches!(refused(&uri("token=root;model=other"), PIN), TokenError::NotFound { .. }));
        },
    );
}

#[test]
fn where_no_token_is_the_error_says_so() {
    with_tokens("tokens::where_no_token_is_the_error_says_so", &[], |_| {
        let error = refused(&uri("token=line"), PIN);
        assert!(error.to_string().contains("the module shows no token"), "{error}");
    });
}

#[test]
fn what_is_no_module_is_refused() {
    let module = |path: &Path| format!("pkcs11:token=a?module-path={}", path.display()).parse().unwrap();
    let folder = TempDir::new().unwrap();
    for path in [folder.path().join("none.so"), std::env::current_exe().unwrap(), folder.path().to_owned()] {
        let error = refused(&module(&path), PIN);
        assert!(matches!(error, TokenError::Module { .. }), "{error:?}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    }
    let error = refused(&"pkcs11:token=a".parse().unwrap(), PIN);
    assert!(matches!(error, TokenError::NoModule { .. }), "{error:?}");
}
