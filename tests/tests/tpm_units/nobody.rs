//! No TPM, no way to it, or the wrong one: said before anything is asked of a unit.

use acceptance::{Bench, Fate, Running, TpmMaker, TpmRelay, swtpm};
use serde_json::json;

use super::gateways::{GATEWAY, gateways};
use super::{assert_unbound, verdict};

#[test]
fn a_fixture_without_a_tpm_waits_and_one_that_gets_its_tpm_goes_on() {
    let maker = TpmMaker::new();
    let mut tpm = maker.tpm();
    let bench = Bench::of_tpms(&maker, &[&tpm], 1);
    tpm.cut();
    let at = tpm.tcti();
    let alone =
        bench.unlocked(&["--json", "flash", "april", "--patience", "1", "--tcti", &at]).run().expect(3);
    alone.clone().says(&format!("nobody answers on {at}"));
    assert_eq!(alone.verdicts(), Vec::<serde_json::Value>::new());
    let run = bench.unlocked(&["--json", "run", "april", "--patience", "1"]).run().expect(1);
    assert!(run.stdout.contains("the order came no further for 1 s"), "{}", run.stdout);
    assert_eq!(run.verdicts(), Vec::<serde_json::Value>::new());
    assert_eq!(bench.order_shown("april")["attempts"], json!([]));
    assert_unbound(&bench);

    // A device may open where no chip answers: the relay takes the connection, and nothing comes.
    tpm.power();
    let relay = TpmRelay::start(tpm.port(), Fate::Dead(0));
    bench.fit(&[(None, Some(swtpm::tcti(relay.port())))]);
    let mut run = Running::start(bench.unlocked(&["--json", "run", "april", "--patience", "60"]));
    relay.wait_for_a_look();
    relay.wait_for_a_look();
    relay.revive(tpm.port());
    run.wait_for("its verdict", |event| event["verdict"] == "accepted");
    let outcome = run.end().expect(0);
    assert_eq!(verdict(&outcome)["registration_id"], "gw-0001");
    assert_eq!(tpm.loaded(), "", "left behind");
}

#[test]
fn station_toml_is_held_against_what_a_tpm_can_be_reached_by() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = Bench::of_tpms(&maker, &[&tpm], 1);
    let run = || bench.unlocked(&["--json", "run", "april", "--patience", "1"]);
    let path = bench.folder().join("station.toml").display().to_string();
    for (tcti, meant) in [
        ("swtmp:host=127.0.0.1,port=2321", "did you mean `swtpm`?"),
        ("devcie:/dev/tpmrm0", "did you mean `device`?"),
        ("swtpm:host=127.0.0.1,prot=2321", "swtpm has no `prot`, did you mean `port`?"),
        ("swtpm:host=127.0.0.1,port=0", "`0` is no port"),
        ("", "`` is no way to a TPM"),
    ] {
        bench.fit(&[(None, Some(tcti.to_owned()))]);
        let refused = bench.refuses(run(), 3, &[&path, meant]);
        let text = std::fs::read_to_string(&path).unwrap();
        let line = text.lines().position(|line| line.starts_with("tcti")).unwrap() + 1;
        assert!(
            refused.stderr.contains(&format!("{path}:{line}"))
                || refused.stderr.contains(&format!("line {line}")),
            "{}",
            refused.stderr
        );
    }
    bench.fit(&[(None, Some(tpm.tcti())), (None, Some(tpm.tcti()))]);
    bench.refuses(run(), 3, &[&path, "two fixtures have the tcti", &tpm.tcti()]);
    bench.fit(&[(None, None)]);
    bench.refuses(run(), 3, &[&path, "fixture 1 has neither `port` nor `tcti`"]);
    bench.fit(&[(None, Some(tpm.tcti())), (Some(&bench.port(1)), None)]);
    bench.refuses(run(), 3, &["fixture 2 has no `tcti`", "device:/dev/tpm1"]);
    // The one that has it goes on.
    bench.unlocked(&["run", "april", "--fixture", "1", "--patience", "30"]).run().expect(0);
}

#[test]
fn a_gateway_needs_both_ways() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = gateways(&maker, &[&tpm], 1);
    bench.template("products", "gateway-tpm.toml", "own.toml", &GATEWAY);
    bench.order_of("april", "own.toml", 1);
    let run = || bench.unlocked(&["--json", "run", "april", "--patience", "1"]);
    bench.fit(&[(Some(&bench.port(1)), None)]);
    bench.refuses(run(), 3, &["fixture 1 has no `tcti`"]);
    bench.fit(&[(None, Some(tpm.tcti()))]);
    bench.refuses(run(), 3, &["fixture 1 has no `port`"]);
    let by_hand = |option: &str, value: &str| {
        bench.unlocked(&["--json", "flash", "april", "--patience", "1", option, value])
    };
    bench.refuses(by_hand("--tcti", &tpm.tcti()), 2, &["are spoken to on a port", "--port"]);
    bench.fit(&[(Some(&bench.port(1)), None)]);
    let port = bench.port(1).display().to_string();
    bench.refuses(by_hand("--port", &port), 2, &["attest with their TPM", "--tcti"]);
    bench.refuses(by_hand("--tcti", "swtmp:port=1"), 2, &["did you mean `swtpm`?"]);
}

#[test]
fn a_way_to_a_tpm_is_refused_where_no_tpm_is_asked() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let tcti = swtpm::tcti(swtpm::free_pair());
    let flash =
        bench.unlocked(&["--json", "flash", "april", "--tcti", &tcti]).arg("--port").arg(bench.port(1));
    bench.refuses(flash, 2, &["asks no TPM: leave --tcti out"]);
}

#[test]
fn init_fits_a_fixture_for_each_tpm() {
    let (one, two) = ("swtpm:host=127.0.0.1,port=2400", "device:/dev/tpmrm0");
    let folder = tempfile::tempdir().unwrap();
    let made = |name: &str, arguments: &[&str]| {
        let path = folder.path().join(name);
        let init = acceptance::Station::new(&["init"]).arg(&path).args(arguments);
        let outcome = init.unlocked_by(acceptance::SECRET).run();
        (outcome, path)
    };
    let (outcome, path) = made("both", &["--tcti", one, "--tcti", two]);
    outcome.expect(0);
    let text = std::fs::read_to_string(path.join("station.toml")).unwrap();
    let fixtures: Vec<&str> = text.split("\n[[fixture]]\n").skip(1).collect();
    assert_eq!(fixtures.len(), 2, "{text}");
    assert!(
        fixtures[0].contains(&format!("tcti = \"{one}\""))
            && fixtures[1].contains(&format!("tcti = \"{two}\""))
    );
    for (arguments, part) in [
        (&["--tcti", one, "--tcti", one][..], "the same --tcti is given twice"),
        (&["--port", "/dev/a", "--tcti", one, "--tcti", two], "more --tcti than --port"),
        (&["--tcti", "swtmp:port=1"], "did you mean `swtpm`?"),
    ] {
        let (outcome, path) = made("refused", arguments);
        outcome.expect(2).says(part);
        assert!(!path.exists(), "{part}");
    }
}

/// What a product's file may not say of TPMs.
#[test]
fn a_product_that_cannot_be_meant_is_refused() {
    let bench = Bench::bare(0);
    let key = "[[item]]\nname = \"endorsement-key\"\nevidence = \"challenge\"\n";
    let doubled = format!("{key}\n{}", key.replace("endorsement-key", "other"));
    let alone = [
        (
            "evidence = \"challenge\"",
            "evidence = \"device-digest\"",
            "ask for challenge, which shows that the TPM holds it",
        ),
        ("evidence = \"challenge\"", "evidence = \"acknowledged\"", "ask for challenge"),
        (
            "evidence = \"challenge\"",
            "evidence = \"challenge\"\nplace = { path = \"/etc/ek\" }",
            "remove its `place`",
        ),
        ("presence = \"poll\"", "presence = \"usb\"", "set \"poll\" or \"scan\""),
        (key, "", "no item stands for the endorsement key"),
        (key, &doubled, "a TPM has one endorsement key"),
        ("keep_keys = true", "keep_keys = true\nprofile = \"device.toml\"", "has no use for `profile`"),
        (
            "keep_keys = true",
            "keep_keys = true\ngroup_key = \"g\"\ngroup_entry = \"primary\"",
            "has no use for `group_key`",
        ),
        ("keep_keys = true", "keep_keys = true\nkey_bytes = 32", "has no use for `key_bytes`"),
        ("keep_keys = true", "keep_keys = \"yes\"", "expected a boolean"),
        ("software_tpm = \"refuse\"", "software_tpm = \"alow\"", "alow"),
        ("ek_certificate = \"required\"", "ek_certificat = \"required\"", "ek_certificate"),
        ("assign = \"from-ek\"", "assign = \"by-scan\"", "presence = \"scan\""),
        ("keep_keys = true", "keep_keys = true\nowner_auth = \"No such name!\"", "is no name for a secret"),
    ];
    let mut number = 0;
    let mut refused = |template: &str, changes: &[(&str, &str)], part: &str| {
        number += 1;
        let name = format!("wrong-{number}.toml");
        bench.template("products", template, &name, changes);
        let add = ["order", "add", "april", "--product", &name, "--quantity", "1"];
        bench.refuses(bench.station(&add), 3, &[&name, part]);
    };
    for (from, to, part) in alone {
        refused("tpm.toml", &[(from, to)], part);
    }
    let document = "\n[[item]]\nname = \"file\"\ndocument = \"payload-ga.json\"\nevidence = \"device-digest\"\nplace = { path = \"/etc/x\" }\n";
    let with_document = format!("{key}{document}");
    refused(
        "tpm.toml",
        &[(key, &with_document)],
        "is written over a console, and nothing but the TPM is spoken to",
    );
    let with_loader = format!("{key}\n[link]\nloader = \"esp32\"\nbaud = 115200\n");
    refused("tpm.toml", &[(key, &with_loader)], "loader");
    refused(
        "gateway-x509.toml",
        &[("assign = \"next\"", "assign = \"from-ek\"")],
        "names units by their TPM's endorsement key",
    );
    refused(
        "gateway-x509.toml",
        &[("presence = \"usb\"", "presence = \"usb\"\nkeep_keys = true")],
        "has no use for `keep_keys`",
    );
    refused(
        "gateway-tpm.toml",
        &[("document = \"payload-ga.json\"", "document = \"certificate-chain.pem\"")],
        "which units of this attestation do not have",
    );
}

/// Nothing is asked of a TPM by who may not.
#[test]
fn a_locked_vault_asks_no_tpm() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = Bench::of_tpms(&maker, &[&tpm], 1);
    let wrong =
        bench.station(&["--json", "flash", "april", "--tcti", &tpm.tcti()]).unlocked_by("not-the-secret");
    let before = bench.snapshot();
    assert_ne!(wrong.run().code, 0);
    assert_eq!(bench.snapshot(), before);
    assert_eq!(tpm.loaded(), "");
}

/// A check opens TPMs too, and may hold the unlock secret.
#[test]
fn a_check_lets_nobody_else_talk() {
    let maker = TpmMaker::new();
    let (tpm, mut gone) = (maker.tpm(), maker.tpm());
    let bench = Bench::of_tpms(&maker, &[&tpm, &gone], 1);
    gone.cut();
    for log in ["", "all+trace"] {
        let outcome = bench.unlocked(&["check"]).env("TSS2_LOG", log).run();
        assert!(outcome.stdout.contains("a TPM by IBM"), "{}", outcome.stdout);
        assert!(outcome.stdout.contains("no TPM answers at"), "{}", outcome.stdout);
        assert_eq!(outcome.stderr, "");
    }
}
