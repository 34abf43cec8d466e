//! What is issued, signed, delivered and handed over without units.

use super::*;

#[test]
fn what_authorities_sign_and_what_takes_their_place() {
    let bench = Bench::new(1);
    let next = ["ca", "intermediate", "--label", "line-2", "--common-name", "Line 2"];
    one(bench.unlocked(&next), &authority());
    let out = |call: Station, name: &str| call.arg("--out").arg(bench.root().join(name));
    let proof = json!({
        "authority": "string", "code": "string", "certificate_serial": "hex", "not_after": "time", "form": "=pem|der",
        "file": "string",
    });
    one(out(bench.unlocked(&["ca", "possession", "root", "106A5SD242AF512B"]), "proof.cer"), &proof);
    let list = json!({
        "authority": "string", "number": "integer", "revoked": "integer", "this_update": "time", "next_update": "time",
        "form": "=pem|der", "file": "string",
    });
    one(out(bench.unlocked(&["ca", "crl", "intermediate"]), "list.crl"), &list);
    let roll = |verb, from, to| bench.station(&["roll-over", verb, from, to]);
    let group = |call: Station| call.args(&["--group", "g"]);
    one(out(group(roll("expiry", "intermediate", "line-2")), "roll"), &rolled_over());
    assert_eq!(all(bench.station(&["ca", "show"]), &authority())[1]["roll_over"]["state"], "in-progress");
    one(roll("promote", "intermediate", "line-2"), &rolled_over());
    one(
        bench.unlocked(&["ca", "intermediate", "--label", "line-3", "--common-name", "Line 3"]),
        &authority(),
    );
    one(out(group(roll("breach", "line-2", "line-3")), "breach"), &rolled_over());
    let kinds = kinds_of_entries(&bench);
    let new = ["possession_proven", "revocation_list_issued", "roll_over_begun", "retired"];
    assert!(kinds.is_superset(&texts(&new)), "{kinds:?}");
}

#[test]
fn keys_that_are_delivered_and_units_that_are_stopped() {
    let bench = Bench::bare(1);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal").run().expect(0);
    bench.order_of("april", "gateway-symmetric-individual.toml", 1);
    let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
    bench.run("april").expect(0);
    let out = |call: Station, name: &str| call.arg("--out").arg(bench.root().join(name));
    let mut written = with(delivery(), json!({"file": "string"}));
    for key in ["at", "acknowledged_at"] {
        written.as_object_mut().unwrap().remove(key);
    }
    let dps = bench.unlocked(&["manifest", "dps", "april", "--individual", "--clear"]);
    let number = one(out(dps, "keys.jsonl"), &written)["delivery"].to_string();
    one(bench.station(&["manifest", "deliveries"]), &delivery());
    let acknowledge = bench.station(&["manifest", "acknowledge", &number]);
    one(acknowledge, &with(delivery(), json!({"withdrawn": "integer"})));
    let stop = ["manifest", "disallow", "april", "--identity", "gw-0001"];
    let folder = json!({"folder": "string", "files": "integer", "enrollments": "integer"});
    one(out(bench.station(&stop), "stop"), &folder);
    let body = json!({
        "registrationId": "string", "attestation": {"type": "=symmetricKey", "symmetricKey": {}},
        "provisioningStatus": "=disabled",
    });
    one(bench.station(&stop), &body);
    let bulk = json!({"mode": "=create|update", "enrollments": [body]});
    one(bench.station(&stop).arg("--bulk"), &bulk);
    let kinds = kinds_of_entries(&bench);
    assert!(kinds.is_superset(&texts(&["delivered", "delivery_acknowledged"])), "{kinds:?}");
}

#[test]
fn what_is_issued_for_individual_enrollments() {
    let bench = Bench::bare(1);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal").run().expect(0);
    for (order, product) in
        [("april", "gateway-symmetric-individual.toml"), ("may", "gateway-x509-individual.toml")]
    {
        let pattern = ["--pattern", &format!("{order}-{{}}"), "--quantity", "1"];
        bench
            .station(&[&["order", "add", order, "--product", product], &pattern[..]].concat())
            .run()
            .expect(0);
        let out = bench.root().join(order);
        let issue = bench.unlocked(&["issue", order, "--clear"]).arg("--folder").arg(&out);
        let handed = json!({
            "order": "string", "credentials": "integer", "door": "=clear", "to": "string", "recipients": ["string"],
        });
        one(issue, &handed);
        let show = bench.station(&["unit", "show", &format!("{order}-1")]);
        let shown = show.arg("--json").run().expect(0).json();
        assert_shape(&unit_with(&shown["credentials"][0]), &shown);
    }
    let dps = |order: &str| bench.unlocked(&["manifest", "dps", order, "--individual"]);
    let body = |attestation: Value| {
        json!({
            "registrationId": "string", "attestation": attestation, "provisioningStatus": "=enabled",
        })
    };
    let keys = json!({"primaryKey": "string", "secondaryKey": "string"});
    one(dps("april").arg("--clear"), &body(json!({"type": "=symmetricKey", "symmetricKey": keys})));
    let x509 = json!({"clientCertificates": {"primary": {"certificate": "string"}}});
    one(dps("may"), &body(json!({"type": "=x509", "x509": x509})));
    assert!(kinds_of_entries(&bench).is_superset(&texts(&["issued_ahead", "handed_over", "delivered"])));
}

#[test]
fn a_folder_of_images() {
    let bench = Bench::new(1);
    bench.microcontroller(4096, 100);
    bench.order_of("april", "stm32-slot.toml", 1);
    let image =
        bench.unlocked(&["image", "april", "--clear"]).arg("--folder").arg(bench.root().join("images"));
    one(
        image,
        &json!({"order": "=april", "images": "integer", "door": "=clear", "to": "string", "sha256": "hex"}),
    );
    assert!(kinds_of_entries(&bench).is_superset(&texts(&["issued_ahead", "handed_over"])));
}
