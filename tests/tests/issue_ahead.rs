//! `station issue`: credentials for an order without devices, judged by openssl, age and iotc; and what a kill leaves.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use acceptance::{AgeKey, Bench, Station, derived_keys, judge, openssl};
use serde_json::Value;

fn bench(quantity: usize) -> (Bench, AgeKey) {
    let bench = Bench::new(1);
    bench.order("april", quantity);
    let recipient = AgeKey::new(bench.root(), "writer.age-key");
    (bench, recipient)
}

fn issue(bench: &Bench, to: &AgeKey, bundle: &str) -> Station {
    let call = bench.unlocked(&["issue", "april", "--recipient", &to.recipient]);
    call.arg("--bundle").arg(bench.root().join(bundle))
}

fn folder(bench: &Bench, name: &str, more: &[&str]) -> Station {
    bench.unlocked(&["issue", "april", "--clear"]).args(more).arg("--folder").arg(bench.root().join(name))
}

fn ids(lines: &[Value]) -> BTreeSet<String> {
    lines.iter().map(|line| text(line, "registration_id").to_owned()).collect()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn ordered(numbers: std::ops::RangeInclusive<usize>) -> BTreeSet<String> {
    numbers.map(|number| format!("gw-{number:04}")).collect()
}

fn order(bench: &Bench) -> Value {
    bench.station(&["--json", "order", "show", "april"]).run().expect(0).json()
}

fn facts(bench: &Bench, kind: &str) -> Vec<Value> {
    let entries = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
    entries.into_iter().map(|entry| entry["fact"].clone()).filter(|fact| fact["kind"] == kind).collect()
}

fn put(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes())).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn a_bundle_holds_the_order_and_opens_for_its_recipients() {
    let (bench, writer) = bench(600);
    let auditor = AgeKey::new(bench.root(), "auditor.age-key");
    let call = issue(&bench, &writer, "april.age").args(&["--json", "--recipient", &auditor.recipient]);
    let told = call.run().expect(0).json();
    let bundle = bench.root().join("april.age");
    assert_eq!(bundle.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!((&told["credentials"], &told["door"]), (&600.into(), &"sealed".into()));
    assert_eq!(text(&told, "sha256"), acceptance::sha256(&std::fs::read(&bundle).unwrap()));

    let lines = writer.open_lines(&bundle);
    assert_eq!(lines, auditor.open_lines(&bundle));
    assert_eq!((lines.len(), ids(&lines)), (600, ordered(1..=600)));
    for line in lines.iter().step_by(97) {
        let id = text(line, "registration_id");
        judge(&bench, id, text(line, "private_key"), text(line, "certificate_chain"));
        assert_eq!(text(line, "certificate_chain").matches("BEGIN").count(), 2);
        assert_eq!(text(line, "id_scope"), "0ne00ABCDEF");
    }

    // The ledger held each of them before, in segments; the door by which they left stands behind.
    let segments = facts(&bench, "issued_ahead");
    let sizes: Vec<usize> =
        segments.iter().map(|fact| fact["credentials"].as_array().unwrap().len()).collect();
    assert_eq!(sizes, [256, 256, 88]);
    let announced: Vec<&Value> =
        segments.iter().flat_map(|fact| fact["credentials"].as_array().unwrap()).collect();
    let serials: BTreeSet<&str> = announced.iter().map(|one| text(one, "certificate_serial")).collect();
    assert_eq!(serials.len(), 600);
    assert!(serials.iter().all(|serial| serial.len() == 34 && serial.starts_with("02")));
    for (line, one) in lines.iter().zip(&announced) {
        assert_eq!(line["registration_id"], one["registration_id"]);
        assert!(text(line, "certificate_chain").starts_with(text(one, "chain")));
    }
    let doors = facts(&bench, "handed_over");
    assert_eq!(doors.len(), 1);
    assert_eq!((&doors[0]["sha256"], &doors[0]["credentials"]), (&told["sha256"], &600.into()));
    assert_eq!(doors[0]["recipients"], serde_json::json!([writer.recipient, auditor.recipient]));
    let shown = order(&bench);
    assert_eq!(
        (&shown["checked_out"], &shown["open"], &shown["waiting"]),
        (&600.into(), &0.into(), &0.into())
    );
    assert_eq!(bench.show("gw-0007")["state"], "checked-out");
    bench.head();
    bench.refuses(issue(&bench, &writer, "again.age"), 3, &["has no open identities that no unit has"]);
    let rework = bench.station(&["unit", "rework", "gw-0007", "--reason", "x"]);
    bench.refuses(rework, 3, &["gw-0007", "is checked out", "`station issue --again`"]);
}

#[test]
fn folders_hold_each_form_that_targets_read() {
    let (bench, _) = bench(40);
    bench.station(&["keys", "import", "p12-password"]).input("secret of the targets\n").run().expect(0);
    let two = ["--quantity", "2"];
    let made = |name: &str, more: &[&str]| {
        let told = folder(&bench, name, &two).args(more).run().expect(0);
        assert!(told.stdout.contains("in clear"), "{}", told.stdout);
        let folder = bench.root().join(name);
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
                entry.file_name().into_string().unwrap()
            })
            .collect();
        names.sort();
        (folder, names, told)
    };
    let read = |folder: &Path, name: &str| std::fs::read_to_string(folder.join(name)).unwrap();

    let (pem, names, _) = made("pem", &[]);
    assert_eq!(names, ["gw-0001.chain.pem", "gw-0001.key.pem", "gw-0002.chain.pem", "gw-0002.key.pem"]);
    assert_eq!(pem.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    judge(&bench, "gw-0001", &read(&pem, "gw-0001.key.pem"), &read(&pem, "gw-0001.chain.pem"));

    let (sec1, _, _) = made("sec1", &["--format", "sec1"]);
    assert!(read(&sec1, "gw-0003.key.pem").starts_with("-----BEGIN EC PRIVATE KEY-----\n"));
    judge(&bench, "gw-0003", &read(&sec1, "gw-0003.key.pem"), &read(&sec1, "gw-0003.chain.pem"));

    let (leaf, names, told) = made("leaf", &["--leaf-only"]);
    assert_eq!(names[..2], ["gw-0005.key.pem", "gw-0005.leaf.pem"]);
    assert_eq!(read(&leaf, "gw-0005.leaf.pem").matches("BEGIN").count(), 1);
    told.says("DPS must have the CA CN=Test Line 1 itself, uploaded and verified");

    let (der, names, _) = made("der", &["--encoding", "der"]);
    assert_eq!(names[..2], ["gw-0007.chain.der", "gw-0007.key.der"]);
    let path = |name: &str| der.join(name).to_str().unwrap().to_owned();
    let key = openssl(&["pkey", "-inform", "DER", "-in", &path("gw-0007.key.der")]).stdout;
    let chain = std::fs::read(der.join("gw-0007.chain.der")).unwrap();
    // One after the other: openssl reads the first of them.
    let first =
        openssl(&["x509", "-inform", "DER", "-in", &path("gw-0007.chain.der"), "-outform", "DER"]).stdout;
    let second = put(bench.root(), "second.der", "");
    let mut rest = std::fs::File::options().write(true).open(&second).unwrap();
    rest.write_all(chain.strip_prefix(&first[..]).unwrap()).unwrap();
    let pem = |file: &str| openssl(&["x509", "-inform", "DER", "-in", file]).stdout;
    let chain = [pem(&path("gw-0007.chain.der")), pem(&second)].concat();
    judge(&bench, "gw-0007", &String::from_utf8(key).unwrap(), &String::from_utf8(chain).unwrap());

    let (p12, names, _) = made("p12", &["--format", "pkcs12", "--password", "p12-password"]);
    assert_eq!(names, ["gw-0009.p12", "gw-0010.p12"]);
    let open = |more: &[&str]| {
        let file = p12.join("gw-0009.p12").to_str().unwrap().to_owned();
        let arguments = ["pkcs12", "-in", &file, "-passin", "pass:secret of the targets"];
        String::from_utf8(openssl(&[&arguments, more].concat()).stdout).unwrap()
    };
    judge(&bench, "gw-0009", &open(&["-nocerts", "-nodes"]), &open(&["-nokeys"]));
}

#[test]
fn derived_keys_are_those_of_iotc_and_recorded_as_macs() {
    let bench = Bench::symmetric(1);
    bench.order_of("april", "gateway-symmetric.toml", 300);
    let writer = AgeKey::new(bench.root(), "writer.age-key");
    issue(&bench, &writer, "april.age").args(&["--quantity", "270"]).run().expect(0);
    let lines = writer.open_lines(&bench.root().join("april.age"));
    assert_eq!((lines.len(), ids(&lines)), (270, ordered(1..=270)));
    let ids = ids(&lines);
    let expected = derived_keys(ids.iter().map(String::as_str));
    for line in &lines {
        assert_eq!(line["device_key"], expected[text(line, "registration_id")].as_str());
    }
    folder(&bench, "clear", &["--quantity", "2"]).run().expect(0);
    let file = std::fs::read_to_string(bench.root().join("clear/gw-0271.device-key")).unwrap();
    assert_eq!(file.trim_end(), derived_keys(["gw-0271"])["gw-0271"]);
    let shown = order(&bench);
    assert_eq!((&shown["checked_out"], &shown["open"]), (&272.into(), &28.into()));
    bench.head();
}

#[test]
fn what_cannot_be_is_refused_and_leaves_nothing() {
    let (bench, writer) = bench(3);
    bench
        .station(&["keys", "import", "contoso-group-key", "--kind", "group-key"])
        .input(acceptance::GROUP_KEY)
        .run()
        .expect(0);
    let call = |more: &[&str]| bench.unlocked(&[&["issue", "april"], more].concat());
    let out = bench.root().join("out").to_str().unwrap().to_owned();
    let age = bench.root().join("x.age").to_str().unwrap().to_owned();
    let to = ["--recipient", writer.recipient.as_str()];
    let secret = std::fs::read_to_string(&writer.identity).unwrap();
    let secret = secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY")).unwrap();
    let cases: [(Station, i32, &str); 13] = [
        (call(&[]), 2, "--bundle"),
        (call(&["--bundle", &age]), 2, "--recipient"),
        (call(&["--folder", &out]), 2, "--clear"),
        (call(&["--bundle", &age, "--folder", &out, "--clear"]), 2, "cannot be used with"),
        (call(&["--bundle", &age, "--recipient", "age1xyz"]), 2, "this is no age recipient"),
        (call(&["--bundle", &age, "--recipient", secret]), 2, "this is an age identity, a private key"),
        (call(&["--folder", &out, "--clear", "--format", "pkcs12"]), 2, "--password"),
        (call(&["--folder", &out, "--clear", "--password", "x"]), 2, "--password is for --format pkcs12"),
        (
            call(&["--folder", &out, "--clear", "--format", "pkcs1"]),
            3,
            "a p-256 key has no PKCS#1 form: take pkcs8 or sec1",
        ),
        (
            call(&["--folder", &out, "--clear", "--format", "pkcs12", "--password", "contoso-group-key"]),
            3,
            "was imported as something else",
        ),
        (
            call(&[&["--bundle", &age, "--quantity", "4"][..], &to].concat()),
            3,
            "has 3 open identities that no unit has, 4 are asked for",
        ),
        (
            call(&[&["--bundle", &age, "--again", "lost"][..], &to].concat()),
            3,
            "has no identities that are checked out",
        ),
        (bench.unlocked(&[&["issue", "may", "--bundle", &age][..], &to].concat()), 3, "has no order `may`"),
    ];
    for (call, code, says) in cases {
        let refused = bench.refuses(call, code, &[says]);
        assert!(!refused.stderr.contains(secret), "a private key is shown: {}", refused.stderr);
        assert!(!Path::new(&out).exists() && !Path::new(&age).exists(), "{says}");
    }
    assert!(call(&["--help"]).run().expect(0).stdout.contains("sealed"));
    put(bench.root(), "x.age", "here already");
    bench.refuses(
        call(&[&["--bundle", &age][..], &to].concat()),
        3,
        &["exists already and is not overwritten"],
    );
    std::fs::create_dir(&out).unwrap();
    put(Path::new(&out), "x", "");
    bench.refuses(call(&["--folder", &out, "--clear"]), 3, &["exists already and is not overwritten"]);
    assert_eq!((order(&bench)["open"].as_u64(), order(&bench)["checked_out"].as_u64()), (Some(3), Some(0)));

    bench.product_with_given_keys("given.toml");
    let given = "IOTC_DEVICEID,IOTC_SASKEY_PRIMARY\ngiven-1,AAECAwQFBgcICQoLDA0ODw==\n";
    let add = bench.station(&["order", "add", "given", "--product", "given.toml", "--csv", "-"]);
    add.input(given).run().expect(0);
    let given = bench.unlocked(
        &[&["issue", "given", "--bundle", bench.root().join("y.age").to_str().unwrap()][..], &to].concat(),
    );
    bench.refuses(given, 3, &["the keys of product given.toml came with the order"]);
    for (order, product) in [("own", "gateway-x509-device-key.toml"), ("read", "gateway-x509-read-out.toml")]
    {
        let pattern = ["--pattern", &format!("{order}-{{}}"), "--quantity", "1"];
        bench
            .station(&[&["order", "add", order, "--product", product], &pattern[..]].concat())
            .run()
            .expect(0);
        let call = bench.unlocked(&["issue", order, "--clear"]).arg("--folder");
        let says = format!("the units of product {product} make their keys themselves");
        bench.refuses(call.arg(bench.root().join("own")), 3, &[&says]);
    }
}

/// The station builds the rest of an order whose other half left, and is done with it.
#[test]
fn the_line_leaves_alone_what_is_checked_out() {
    let (bench, writer) = bench(2);
    issue(&bench, &writer, "april.age").args(&["--quantity", "1"]).run().expect(0);
    let simulator = bench.simulate(1, 1, &[]);
    let run = bench.run("april").expect(0);
    drop(simulator);
    assert_eq!(run.verdicts().len(), 1);
    assert_eq!(text(&run.verdicts()[0], "registration_id"), "gw-0002");
    let shown = order(&bench);
    assert_eq!(
        (&shown["accepted"], &shown["checked_out"], &shown["open"]),
        (&1.into(), &1.into(), &0.into())
    );
    let human = bench.station(&["order", "show", "april"]).run().expect(0).stdout;
    assert!(human.contains("ordered 2 = accepted 1 + open 0 + on hold 0 + checked out 1"), "{human}");
}

fn names(folder: &Path) -> BTreeSet<std::ffi::OsString> {
    std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn a_kill_before_the_door_leaves_nothing_and_the_next_issue_begins_with_it() {
    let many = 5_000;
    let (bench, writer) = bench(many);
    let before = names(bench.root());
    bench.cut_off(issue(&bench, &writer, "first.age"), "SIGKILL");
    assert_eq!(names(bench.root()), before);
    let segments = facts(&bench, "issued_ahead");
    let lost: u64 = segments.iter().map(|fact| fact["credentials"].as_array().unwrap().len() as u64).sum();
    assert!(lost > 0 && lost.is_multiple_of(256) && lost < many as u64, "{lost}");
    assert_eq!(order(&bench)["checked_out"], lost);
    assert!(facts(&bench, "handed_over").is_empty());

    let next = issue(&bench, &writer, "second.age").args(&["--quantity", "2000"]).run().expect(0);
    next.says(&format!("was cut off: what was announced for {}", lost.min(2000)));
    let lines = writer.open_lines(&bench.root().join("second.age"));
    assert_eq!((lines.len(), ids(&lines)), (2000, ordered(1..=2000)));
    let segments = facts(&bench, "issued_ahead");
    let announced: Vec<&Value> =
        segments.iter().flat_map(|fact| fact["credentials"].as_array().unwrap()).collect();
    let keys: BTreeSet<&str> = announced.iter().map(|one| text(one, "public_key")).collect();
    assert_eq!(keys.len(), announced.len());
    assert_eq!(segments.last().unwrap()["supersedes"], "interrupted");
    // What left is what was announced last.
    for line in lines.iter().step_by(499) {
        let id = text(line, "registration_id");
        let last = announced.iter().rfind(|one| one["registration_id"] == id).unwrap();
        assert!(text(line, "certificate_chain").starts_with(text(last, "chain")), "{id}");
    }
    bench.head();
}

#[test]
fn told_to_end_it_leaves_no_folder() {
    let (bench, _) = bench(5_000);
    let before = names(bench.root());
    bench.cut_off(folder(&bench, "clear", &[]), "SIGTERM");
    assert_eq!(names(bench.root()), before);
}

/// Killed between the door's entry and the file's name: the ledger says that it left, and only a person knows better.
#[test]
fn a_bundle_that_was_lost_is_issued_again_by_name_only() {
    let (bench, writer) = bench(3);
    let strace = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=linkat", "-e", "inject=linkat:signal=KILL"];
    let killed = issue(&bench, &writer, "first.age").under("strace", &strace.map(str::to_owned)).run();
    assert_ne!(killed.code, 0);
    assert!(!bench.root().join("first.age").exists());
    assert_eq!(facts(&bench, "handed_over").len(), 1);
    bench.refuses(issue(&bench, &writer, "second.age"), 3, &["has no open identities that no unit has"]);
    issue(&bench, &writer, "second.age").args(&["--again", "the bundle was lost"]).run().expect(0);
    let lines = writer.open_lines(&bench.root().join("second.age"));
    assert_eq!(ids(&lines), ordered(1..=3));
    assert_eq!(facts(&bench, "issued_ahead")[1]["supersedes"], "the bundle was lost");
    assert_eq!(order(&bench)["checked_out"], 3);
    bench.head();
    bench.station(&["ledger", "rebuild"]).run().expect(0);
    bench.head();
}
