//! What was handed over without a unit is enrolled, and stopped, like what units have.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::path::{Path, PathBuf};

use acceptance::{Bench, GROUP_KEY, openssl, python_tool};
use serde_json::Value;

fn issue(bench: &Bench, folder: &str, more: &[&str]) -> PathBuf {
    let folder = bench.root().join(folder);
    let call = bench.unlocked(&["issue", "april", "--clear"]).args(more).arg("--folder").arg(&folder);
    call.run().expect(0);
    folder
}

fn serial(certificate: &Path) -> String {
    let shown = openssl(&["x509", "-in", certificate.to_str().unwrap(), "-noout", "-serial"]).stdout;
    String::from_utf8(shown).unwrap().trim().strip_prefix("serial=").unwrap().to_owned()
}

/// The certificate serials of a new list, as openssl reads them.
fn revoked(bench: &Bench, name: &str) -> String {
    let list = bench.root().join(name);
    bench.unlocked(&["ca", "crl", "intermediate"]).arg("--out").arg(&list).run().expect(0);
    let shown = openssl(&["crl", "-in", list.to_str().unwrap(), "-noout", "-text"]).stdout;
    String::from_utf8(shown).unwrap()
}

fn disallowed(bench: &Bench, more: &[&str]) -> Value {
    let call = bench.station(&["--json", "manifest", "disallow", "april"]).args(more);
    call.run().expect(0).json_lines().remove(0)
}

#[test]
fn a_lost_folder_s_certificates_are_on_the_list_and_what_took_their_place_is_not() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    let lost = issue(&bench, "lost", &[]);
    assert!(revoked(&bench, "before.crl.pem").contains("No Revoked Certificates"));
    let again = issue(&bench, "again", &["--again", "the folder was lost"]);
    let list = revoked(&bench, "after.crl.pem");
    for unit in ["gw-0001", "gw-0002"] {
        let leaf = format!("{unit}.chain.pem");
        assert!(list.contains(&serial(&lost.join(&leaf))), "{list}");
        assert!(!list.contains(&serial(&again.join(&leaf))), "{list}");
    }
    let shown = bench.show("gw-0001");
    let states: Vec<&Value> =
        shown["credentials"].as_array().unwrap().iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["superseded", "handed-over"]);
    assert_eq!(shown["credentials"][0]["reason"], "the folder was lost");
}

#[test]
fn an_identity_that_is_checked_out_can_be_scrapped_and_stopped() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let folder = issue(&bench, "out", &[]);
    let leaf = std::fs::read_to_string(folder.join("gw-0001.chain.pem")).unwrap();
    let named = disallowed(&bench, &["--identity", "gw-0001"]);
    let scrap = bench.station(&["unit", "scrap", "gw-0001", "--reason", "the board was stolen"]);
    scrap.run().expect(0).says("`station manifest disallow`");
    assert_eq!(bench.show("gw-0001")["state"], "burnt");
    let body = disallowed(&bench, &[]);
    assert_eq!(body, named);
    assert_eq!(body["provisioningStatus"], "disabled");
    let certificate =
        body["attestation"]["x509"]["clientCertificates"]["primary"]["certificate"].as_str().unwrap();
    assert!(leaf.starts_with(certificate));
    assert!(revoked(&bench, "list.crl.pem").contains(&serial(&folder.join("gw-0001.chain.pem"))));
    bench.head();
}

#[test]
fn of_two_id_scopes_the_order_says_which_is_meant() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    issue(&bench, "out", &[]);
    bench.template("products", "gateway-x509.toml", "other.toml", &[("0ne00ABCDEF", "0ne00999999")]);
    bench.order_of("may", "other.toml", 1);
    let scrap = |more: &[&str]| bench.station(&["unit", "scrap", "gw-0001", "--reason", "stolen"]).args(more);
    let two = [
        "gw-0001 (ID scope 0ne00999999), order may",
        "order april",
        "give the registration ID, or the order",
    ];
    bench.refuses(scrap(&[]), 3, &two);
    bench.refuses(scrap(&["--order", "june"]), 3, &["knows no unit `gw-0001` of order june"]);
    bench.refuses(scrap(&["--order", "may"]), 3, &["no unit is bound to gw-0001 (ID scope 0ne00999999)"]);
    scrap(&["--order", "april"]).run().expect(0);
    let body = disallowed(&bench, &[]);
    assert_eq!(body["registrationId"], "gw-0001");
}

#[test]
fn an_order_that_was_handed_over_has_its_group() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    let group = bench.station(&["manifest", "dps", "april", "--group", "line-1"]);
    bench.refuses(group, 3, &["no unit of order april is accepted yet"]);
    issue(&bench, "out", &[]);
    let body = bench.root().join("line-1.json");
    let group = bench.station(&["manifest", "dps", "april", "--group", "line-1"]);
    group.arg("--out").arg(&body).run().expect(0);
    let judged = python_tool("enrollment_bodies.py", &[&body]);
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stdout));
    let text = std::fs::read_to_string(&body).unwrap();
    let body: Value = serde_json::from_str(&text).unwrap();
    let primary = &body["attestation"]["x509"]["signingCertificates"]["primary"]["certificate"];
    let issuer = bench.station(&["--json", "ca", "show", "intermediate"]).run().expect(0).json();
    assert_eq!(*primary, issuer["certificate"]);
}

#[test]
fn what_was_handed_over_can_be_enrolled_one_by_one_beside_the_accepted() {
    let bench = Bench::new(1);
    bench.order("april", 3);
    let individual = ["manifest", "dps", "april", "--individual"];
    bench.refuses(bench.station(&individual), 3, &["no credential of it was handed over"]);
    let folder = issue(&bench, "out", &["--quantity", "2"]);
    {
        let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
        bench.run("april").expect(0);
    }
    let bodies =
        bench.station(&individual).run().expect(0).says("2 identities of order april were handed over");
    let bodies = bodies.json_lines();
    let ids: Vec<&str> = bodies.iter().map(|body| body["registrationId"].as_str().unwrap()).collect();
    assert_eq!(ids, ["gw-0001", "gw-0002", "gw-0003"], "the order's own sequence");
    let leaf = |body: &Value| {
        let primary = &body["attestation"]["x509"]["clientCertificates"]["primary"]["certificate"];
        primary.as_str().unwrap().to_owned()
    };
    for (body, id) in bodies.iter().zip(&ids[..2]) {
        let chain = std::fs::read_to_string(folder.join(format!("{id}.chain.pem"))).unwrap();
        assert!(chain.starts_with(&leaf(body)), "{id}");
    }
    let of_unit = std::fs::read_to_string(bench.unit(1).join("var/secrets/device-id.pem")).unwrap();
    assert!(of_unit.starts_with(&leaf(&bodies[2])));
    let by_ca = bench.station(&individual).args(&["--verified-ca", "line"]).run().expect(0).json_lines();
    assert!(by_ca.len() == 3 && by_ca[0]["attestation"]["x509"]["caReferences"]["primary"] == "line");
}

#[test]
fn what_was_handed_over_hangs_on_its_authority_too() {
    let bench = Bench::new(1);
    bench.order("april", 2);
    issue(&bench, "out", &["--quantity", "1"]);
    let successor = ["ca", "intermediate", "--label", "line-2", "--common-name", "Line 2"];
    bench.unlocked(&successor).run().expect(0);
    let told = bench.root().join("roll");
    let breach = ["roll-over", "breach", "intermediate", "line-2", "--group", "line-1", "--disallow"];
    bench.station(&breach).arg("--out").arg(&told).run().expect(0);
    let units = std::fs::read_to_string(told.join("units.csv")).unwrap();
    let rows: Vec<&str> = units.lines().skip(1).collect();
    assert!(rows.len() == 1 && rows[0].starts_with("gw-0001,0ne00ABCDEF,april,,"), "{units}");
}

#[test]
fn options_for_certificates_are_refused_for_symmetric_keys() {
    let bench = Bench::new(1);
    bench
        .station(&["keys", "import", "contoso-group-key", "--kind", "group-key"])
        .input(GROUP_KEY)
        .run()
        .expect(0);
    bench.order_of("april", "gateway-symmetric.toml", 1);
    for option in [["--format", "pkcs1"], ["--encoding", "der"]] {
        let call = bench.unlocked(&["issue", "april", "--clear"]).args(&option).arg("--folder");
        bench.refuses(call.arg(bench.root().join("out")), 2, &["this order's keys are symmetric"]);
    }
}
