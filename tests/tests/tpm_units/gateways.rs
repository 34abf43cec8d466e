//! Gateways with a console and a TPM: both are one unit.

use acceptance::{Bench, Swtpm, TpmMaker, python_tool};
use serde_json::json;

use super::{assert_at_handles, tpm_of, verdict};

/// The built-in gateway, here with programs for TPMs.
pub(super) const GATEWAY: [(&str, &str); 1] = [("software_tpm = \"refuse\"", "software_tpm = \"allow\"")];

/// A station that trusts this maker, with a fixture for each of these TPMs and its simulated gateway.
pub(super) fn gateways(maker: &TpmMaker, tpms: &[&Swtpm], fixtures: usize) -> Bench {
    let bench = Bench::bare(fixtures);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    maker.put_roots(&bench.makers());
    let ports: Vec<_> = (1..=fixtures).map(|fixture| bench.port(fixture)).collect();
    let ways: Vec<_> =
        ports.iter().zip(tpms).map(|(port, tpm)| (Some(port.as_path()), Some(tpm.tcti()))).collect();
    bench.fit(&ways);
    bench
}

#[test]
fn a_gateway_gets_its_configuration_and_proves_its_tpm_after_the_restart() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = gateways(&maker, &[&tpm], 1);
    bench.template("products", "gateway-tpm.toml", "own.toml", &GATEWAY);
    bench.order_of("april", "own.toml", 1);
    let _simulator = bench.simulate(1, 1, &[]);
    // No --tcti: it is that of the fixture with the port.
    let flash = || bench.flash("april", 1).run();
    let outcome = flash().expect(0);
    let accepted = verdict(&outcome);
    assert_eq!((&accepted["verdict"], &accepted["fixture"]), (&"accepted".into(), &"1".into()), "{accepted}");
    assert_eq!(accepted["hardware_id"], bench.hardware_id(1));
    let evidence = |item: &str, grade: &str| json!({"item": item, "grade": grade, "after_restart": true});
    assert_eq!(
        accepted["evidence"],
        json!([
            evidence("endorsement-key", "challenge"),
            evidence("registration-payload", "device-digest"),
            evidence("configuration", "device-digest"),
        ])
    );
    let steps: Vec<String> =
        outcome.json_lines().iter().filter_map(|event| event["step"].as_str().map(str::to_owned)).collect();
    let position = |step: &str| steps.iter().position(|seen| seen.contains(step)).unwrap();
    assert!(position("restart") < position("verify endorsement-key"), "{steps:?}");

    let written = std::fs::read_to_string(bench.unit(1).join("etc/aziot/config.toml")).unwrap();
    let section = written.split("[provisioning.attestation]").nth(1).unwrap();
    let lines: Vec<&str> = section.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, ["method = \"tpm\"", "registration_id = \"gw-0001\""], "{written}");
    assert_at_handles(&tpm, &tpm_of(&bench, "gw-0001"));
    assert_eq!(tpm.loaded(), "", "left behind");
    let manifest = bench.station(&["manifest", "dps", "april", "--individual"]).run().expect(0).stdout;
    let file = tpm.put("manifest.json", manifest);
    let judged = python_tool("enrollment_bodies.py", &[file.as_ref()]);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));

    // The same unit again, and by hand.
    let again = flash().expect(0);
    let decided = again.json_lines().into_iter().find(|event| event["event"] == "decided").unwrap();
    assert_eq!(decided["decision"], "same-again");
    let report = bench.verify("april", 1, &["--json"]).expect(0).json();
    assert_eq!((&report["verdict"], report["items"].as_array().unwrap().len()), (&"proven".into(), 3));
    assert_eq!(bench.show("gw-0001")["credentials"].as_array().unwrap().len(), 1);
    assert_eq!(tpm.loaded(), "", "left behind");
    bench.head();
}

/// Somebody exchanged the board with the TPM on it: the gateway is another one.
#[test]
fn a_live_gateway_with_another_tpm_is_held() {
    let maker = TpmMaker::new();
    let (tpm, other) = (maker.tpm(), maker.tpm());
    let bench = gateways(&maker, &[&tpm], 1);
    bench.template("products", "gateway-tpm.toml", "own.toml", &GATEWAY);
    bench.order_of("april", "own.toml", 1);
    let _simulator = bench.simulate(1, 1, &[]);
    bench.flash("april", 1).run().expect(0);
    let differs = bench.verify("april", 1, &["--json", "--tcti", &other.tcti()]).expect(1).json();
    let item = &differs["items"][0];
    assert_eq!((&item["item"], &item["result"]), (&"endorsement-key".into(), &"differs".into()), "{differs}");
    assert_eq!(bench.show("gw-0001")["state"], "live", "verify writes nothing");
    let exchanged = bench.flash("april", 1).arg("--tcti").arg(other.tcti()).run();
    super::assert_failed(
        &bench,
        &exchanged,
        &other,
        "hold",
        &["which is live, and does not prove it", "another endorsement key"],
    );
    assert_eq!(bench.show("gw-0001")["state"], "on-hold");
}

/// Its name says which TPM it has: another TPM cannot come under it, whatever was repaired.
#[test]
fn a_gateway_that_its_tpm_names_gets_no_other_one_by_rework() {
    let maker = TpmMaker::new();
    let (tpm, other) = (maker.tpm(), maker.tpm());
    let bench = gateways(&maker, &[&tpm], 1);
    let from_ek = ("assign = \"next\"", "assign = \"from-ek\"");
    bench.template("products", "gateway-tpm.toml", "own.toml", &[GATEWAY[0], from_ek]);
    bench.station(&["order", "add", "april", "--product", "own.toml", "--quantity", "2"]).run().expect(0);
    let _simulator = bench.simulate(1, 1, &[]);
    let accepted = verdict(&bench.flash("april", 1).run().expect(0));
    let id = accepted["registration_id"].as_str().unwrap();
    bench.station(&["unit", "rework", id, "--reason", "repaired"]).run().expect(0);
    let exchanged = bench.flash("april", 1).arg("--tcti").arg(other.tcti()).run();
    super::assert_failed(&bench, &exchanged, &other, "hold", &[id, "its TPM was exchanged"]);
    assert_eq!(bench.show(id)["credentials"].as_array().unwrap().len(), 1, "nothing was issued");
    let back = verdict(&bench.flash("april", 1).run().expect(0));
    assert_eq!((&back["verdict"], &back["registration_id"]), (&"accepted".into(), &id.into()));
    assert_at_handles(&tpm, &tpm_of(&bench, id));
}

/// Who is there, the console tells: a TPM that does not answer is this unit's failure, and no empty fixture.
#[test]
fn a_polled_gateway_whose_tpm_is_dead_fails() {
    let maker = TpmMaker::new();
    let mut tpm = maker.tpm();
    let bench = gateways(&maker, &[&tpm], 1);
    let poll = ("presence = \"usb\"", "presence = \"poll\"");
    bench.template("products", "gateway-tpm.toml", "own.toml", &[GATEWAY[0], poll]);
    bench.order_of("april", "own.toml", 1);
    let _simulator = bench.simulate(1, 1, &[]);
    tpm.cut();
    let failed = verdict(&bench.flash("april", 1).run().expect(1));
    assert_eq!(failed["disposition"], "retry", "{failed}");
    assert!(failed["reason"].as_str().unwrap().contains("no TPM answers at"), "{failed}");
}
