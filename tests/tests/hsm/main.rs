//! CA keys inside a token: the same commands, the same units. The token is SoftHSM's, openssl judges the chains, and OpenSC's
//! pkcs11-tool looks at the keys.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod refused;
mod token_bench;

use std::collections::BTreeSet;

use acceptance::{Running, openssl, root_certificate};
use token_bench::{PIN, TokenBench};

#[test]
fn an_order_is_built_with_root_and_intermediate_inside_a_token() {
    let hsm = TokenBench::new(2);
    let bench = &hsm.bench;
    let shown = bench.station(&["--json", "ca", "show"]).run().expect(0);
    for authority in shown.json_lines() {
        let (label, serial) =
            (authority["label"].as_str().unwrap(), authority["certificate_serial"].as_str().unwrap());
        let uri = authority["token_key"]["uri"].as_str().unwrap();
        assert!(uri.contains(&format!("token=factory;object={label}-{serial};id=%01")), "{uri}");
        assert_eq!(authority["token_key"]["pin"], "hsm-pin");
        assert_eq!(authority["key_algorithm"], if label == "root" { "p-384" } else { "p-256" });
    }
    let listed = hsm.token.pkcs11_tool(&["--list-objects", "--type", "privkey"]);
    assert_eq!(
        listed.matches("Access:     sensitive, always sensitive, never extractable, local").count(),
        2,
        "{listed}"
    );
    assert_eq!(
        std::fs::read_dir(bench.folder().join("ca")).map_or(0, Iterator::count),
        0,
        "no key is in the folder"
    );
    let key = hsm.key_finding();
    assert!(key["verdict"] == "ok" && key["seen"].as_str().unwrap().contains("signs"), "{key}");

    bench.order("april", 4);
    let simulator = bench.simulate(4, 2, &[]);
    let run = hsm.unlocked(&["--json", "run", "april", "--patience", "60"]).run().expect(0);
    drop(simulator);
    let root = root_certificate(bench);
    for (id, unit) in bench.accepted(4) {
        let chain = bench.unit(unit).join("var/secrets/device-id.pem");
        let chain = chain.to_str().unwrap();
        let strict =
            ["verify", "-x509_strict", "-purpose", "sslclient", "-no-CApath", "-no-CAstore", "-CAfile"];
        let judged = openssl(&[&strict[..], &[root.to_str().unwrap(), "-untrusted", chain, chain]].concat());
        assert!(judged.status.success(), "{id}: {judged:?}");
    }
    bench.head();
    let ledger = std::fs::read(bench.folder().join("ledger.db")).unwrap();
    let said = [shown, run].map(|outcome| outcome.stdout + &outcome.stderr).concat();
    for (place, bytes) in [("the ledger", &*ledger), ("what was said", said.as_bytes())] {
        assert!(!bytes.windows(PIN.len()).any(|window| window == PIN.as_bytes()), "the PIN is in {place}");
    }
}

#[test]
fn a_token_pulled_out_in_mid_order_stops_the_line_and_loses_nothing() {
    let hsm = TokenBench::new(1);
    let bench = &hsm.bench;
    bench.order("april", 4);
    let _simulator = bench.simulate(4, 1, &[]);
    let run = ["--json", "run", "april", "--patience", "60"];
    let mut running = Running::start(hsm.unlocked(&run));
    running.wait_for("a first unit", |event| event["event"] == "verdict" && event["verdict"] == "accepted");
    hsm.token.pull_out();
    let outcome = running.end().expect(4);
    let outcome = outcome
        .says("the token with the key of authority `intermediate` does not sign")
        .says("token factory");
    assert!(outcome.stderr.contains("start the run again"), "{}", outcome.stderr);

    // The unit in hand has its record, no credential, and the same identity when it comes back.
    bench.head();
    let order = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
    let attempts = order["attempts"].as_array().unwrap();
    let interrupted = attempts.last().unwrap();
    assert_eq!((&interrupted["state"], &interrupted["disposition"]), (&"failed".into(), &"retry".into()));
    let id = interrupted["registration_id"].as_str().unwrap();
    assert_eq!(bench.show(id)["credentials"], serde_json::json!([]));
    let issued = order["issued"].as_u64().unwrap();
    assert_eq!(order["accepted"], issued, "{order}");

    // It is still out: nothing begins.
    hsm.unlocked(&run)
        .run()
        .expect(4)
        .says("no token fits `pkcs11:token=factory")
        .says("the module shows no token");
    hsm.token.plug_in();
    hsm.unlocked(&run).run().expect(0);
    let accepted = bench.accepted(4);
    let identities: BTreeSet<&str> = accepted.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!((accepted.len(), identities.len()), (4, 4), "{accepted:?}");
    assert_eq!(bench.show(id)["unit"], interrupted["hardware_id"], "the unit kept its identity");
    let order = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
    assert_eq!((&order["accepted"], &order["issued"]), (&4.into(), &4.into()), "nothing was issued twice");
    bench.head();
}
