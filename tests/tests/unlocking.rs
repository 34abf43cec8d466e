//! The one unlock secret: typed at a real terminal, from a descriptor, from a systemd credential. And what it opens,
//! read by age and openssl alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use acceptance::{Bench, Outcome, SECRET, Tree, at_terminal, openssl, station_binary};

const TYPED: &str = "Unlock secret: ";
const TYPED_AGAIN: &str = "Once more: ";
const ROOT: [&str; 4] = ["ca", "root", "--common-name", "Test Root"];

/// `station VERB … --station FOLDER`, for other programs to start.
fn command(folder: &Path, verb: &[&str]) -> Vec<String> {
    let station =
        [station_binary().to_str().unwrap(), "--station", folder.to_str().unwrap()].map(str::to_owned);
    station.into_iter().chain(verb.iter().map(|part| (*part).to_owned())).collect()
}

fn init_at_terminal(folder: &Path, answers: &[(&str, &str)]) -> Outcome {
    at_terminal(&command(Path::new("."), &["init", folder.to_str().unwrap()]), answers)
}

/// Runs a command line of bash with the station's command as `"$@"`.
fn in_bash(line: &str, command: &[String]) -> Outcome {
    let mut bash = Command::new("bash");
    bash.args(["-c", line, "bash"]).args(command).env_remove("CREDENTIALS_DIRECTORY");
    Outcome::of(bash.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
}

/// A folder as systemd lays it ready.
fn credentials(bench: &Bench, secret: &str) -> PathBuf {
    let folder = bench.root().join("credentials");
    std::fs::create_dir(&folder).unwrap();
    let mut file = std::fs::File::create_new(folder.join("station-unlock")).unwrap();
    std::io::Write::write_all(&mut file, secret.as_bytes()).unwrap();
    folder
}

#[test]
fn at_a_terminal_init_asks_twice_other_verbs_once_and_the_secret_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let station = folder.path().join("line-1");
    let secret = "öffne dich, Sesam №1";
    let made = init_at_terminal(&station, &[(TYPED, secret), (TYPED_AGAIN, secret)]).expect(0);
    let root = at_terminal(&command(&station, &ROOT), &[(TYPED, secret)]).expect(0);
    assert!(root.stdout.contains("BEGIN CERTIFICATE"), "{}", root.stdout);
    for shown in [&made.stdout, &root.stdout] {
        assert!(!shown.contains("Sesam"), "{shown}");
    }
    assert_eq!(root.stdout.matches(TYPED).count(), 1);
    assert!(!root.stdout.contains(TYPED_AGAIN));

    // The same secret from a file: what was typed was taken as it was meant.
    let file = folder.path().join("secret");
    std::io::Write::write_all(&mut std::fs::File::create_new(&file).unwrap(), secret.as_bytes()).unwrap();
    let verb = ["ca", "intermediate", "--common-name", "Line 1", "--unlock-fd", "3"];
    in_bash(&format!("\"$@\" 3< '{}'", file.display()), &command(&station, &verb)).expect(0);
}

#[test]
fn two_entries_that_differ_an_empty_one_and_a_wrong_one_open_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let station = folder.path().join("line-1");
    let differ = init_at_terminal(&station, &[(TYPED, "one"), (TYPED_AGAIN, "another")]).expect(3);
    assert!(differ.stdout.contains("the two entries differ: nothing was made"), "{}", differ.stdout);
    let empty = init_at_terminal(&station, &[(TYPED, "")]).expect(3);
    assert!(empty.stdout.contains("empty"), "{}", empty.stdout);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was made");

    init_at_terminal(&station, &[(TYPED, "one"), (TYPED_AGAIN, "one")]).expect(0);
    let before = Tree::of(&station);
    let wrong = at_terminal(&command(&station, &ROOT), &[(TYPED, "another")]).expect(3);
    assert!(wrong.stdout.contains("the unlock secret is wrong"), "{}", wrong.stdout);
    assert_eq!(Tree::of(&station), before);
}

#[test]
fn any_open_descriptor_gives_the_secret_and_a_closed_one_is_named() {
    let bench = Bench::bare(1);
    let verb = |descriptor| command(&bench.folder(), &[&ROOT[..], &["--unlock-fd", descriptor]].concat());
    // Number 3 is the first that the station's own files would get.
    for (closed, number) in [("\"$@\" 3<&-", "3"), ("\"$@\" 7<&-", "7")] {
        let refused = in_bash(closed, &verb(number)).expect(3);
        let refused = refused.says(&format!("cannot read the unlock secret from descriptor {number}"));
        assert_eq!(refused.stdout, "");
    }
    in_bash("\"$@\" 3< /dev/null", &verb("3")).expect(3).says("descriptor 3 is empty");
    in_bash(&format!("printf '%s\\n' {SECRET} | \"$@\""), &verb("0")).expect(0);
    let verb = ["ca", "intermediate", "--common-name", "Line 1", "--unlock-fd", "3"];
    in_bash(&format!("\"$@\" 3< <(echo {SECRET})"), &command(&bench.folder(), &verb)).expect(0);
}

#[test]
fn a_systemd_credential_gives_the_secret_and_a_descriptor_goes_before_it() {
    let bench = Bench::bare(1);
    let folder = credentials(&bench, SECRET);
    let with = |verb: &[&str]| bench.station(verb).env("CREDENTIALS_DIRECTORY", &folder);
    with(&ROOT).run().expect(0);
    let other = [&ROOT[..], &["--label", "other"]].concat();
    with(&other).unlocked_by("wrong").run().expect(3).says("the unlock secret is wrong");
    // Made with the credential, too: as an unattended installation would.
    let line = bench.root().join("line-2");
    with(&["init", line.to_str().unwrap()]).run().expect(0);
    acceptance::Station::new(&ROOT).on(&line).unlocked_by(SECRET).run().expect(0);
}

#[test]
fn with_no_terminal_and_nothing_given_the_message_says_what_to_give() {
    let bench = Bench::bare(1);
    let empty = bench.root().join("no-credential");
    std::fs::create_dir(&empty).unwrap();
    let before = (Tree::of(&bench.folder()), bench.head());
    for call in [bench.station(&ROOT), bench.station(&ROOT).env("CREDENTIALS_DIRECTORY", &empty)] {
        let refused = call.input(SECRET).run().expect(3);
        let refused =
            refused.says("there is no terminal to ask").says("--unlock-fd").says("`station-unlock`");
        assert_eq!(refused.stdout, "");
    }
    assert_eq!((Tree::of(&bench.folder()), bench.head()), before);
}

#[test]
fn age_opens_the_vault_and_openssl_the_sealed_ca_key() {
    let bench = Bench::bare(1);
    bench.station(&["keys", "import", "console"]).input("réhearsal 42\n").run().expect(0);
    let shown = bench.unlocked(&[&["--json"], &ROOT[..]].concat()).run().expect(0).json();
    let serial = shown["certificate_serial"].as_str().unwrap();
    assert_eq!(opened_by_age(&bench, "console"), "réhearsal 42");

    let passphrase = opened_by_age(&bench, &format!("ca-{serial}"));
    let key = bench.folder().join("ca").join(format!("root-{serial}.key.pem"));
    let certificate = acceptance::root_certificate(&bench);
    let of_certificate = openssl(&["x509", "-noout", "-pubkey", "-in", certificate.to_str().unwrap()]).stdout;
    assert!(!of_certificate.is_empty());
    assert_eq!(public_key(&key, &passphrase).as_ref(), Some(&of_certificate));
    assert_eq!(public_key(&key, "guessed"), None);
}

/// A secret of the vault, by age and the unlock secret typed.
fn opened_by_age(bench: &Bench, name: &str) -> String {
    let vault = bench.folder().join("vault");
    let out = bench.root().join(format!("{name}.opened"));
    let command = [
        "age".into(),
        "--decrypt".into(),
        "--identity".into(),
        vault.join("vault-identity").into_os_string(),
        "--output".into(),
        out.clone().into_os_string(),
        vault.join(format!("{name}.age")).into_os_string(),
    ];
    at_terminal(&command, &[("passphrase", SECRET)]).expect(0);
    std::fs::read_to_string(out).unwrap()
}

/// The public key of a sealed key, by openssl; none where the passphrase does not open it.
fn public_key(key: &Path, passphrase: &str) -> Option<Vec<u8>> {
    let mut openssl = Command::new("openssl")
        .args(["pkey", "-pubout", "-passin", "stdin", "-in"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut openssl.stdin.take().unwrap(), passphrase.as_bytes()).unwrap();
    let output = openssl.wait_with_output().unwrap();
    output.status.success().then_some(output.stdout)
}
