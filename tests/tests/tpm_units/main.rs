//! Units that attest with their TPM, on software TPMs: each case with its verdict, what the ledger has of it, and that
//! nothing half is left in a TPM. tpm2-tools, openssl and Microsoft's clients judge.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "what cannot be set up fails the test"
)]

mod auths;
mod deaths;
mod doubles;
mod gateways;
mod killed;
mod nobody;
mod origin;
mod straight;
mod strange_keys;
mod together;

use acceptance::{Bench, Outcome, Swtpm};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

const ENDORSEMENT_KEY: &str = "0x81010001";
const STORAGE_ROOT_KEY: &str = "0x81000001";
/// Where the certificate of an RSA-2048 key lies, and how its maker defines such an index.
const CERTIFICATE: &str = "0x01c00002";
const READABLE: &str = "ownerwrite|ownerread|authread|no_da";

/// What the ledger has of the live unit with this identity: it must be one credential.
#[track_caller]
fn tpm_of(bench: &Bench, id: &str) -> Value {
    let shown = bench.show(id);
    assert_eq!((&shown["state"], &shown["reason"]), (&"live".into(), &Value::Null), "{shown}");
    let live = |one: &&Value| one["state"] == "live";
    let credentials: Vec<&Value> = shown["credentials"].as_array().unwrap().iter().filter(live).collect();
    assert_eq!(credentials.len(), 1, "{shown}");
    assert_eq!(credentials[0]["credential_kind"], "endorsement-key");
    credentials[0].clone()
}

/// The ledger has both keys as tpm2-tools read them at their handles.
#[track_caller]
fn assert_at_handles(tpm: &Swtpm, seen: &Value) {
    assert_eq!(bytes(&seen["endorsement_key"]), tpm.public(ENDORSEMENT_KEY));
    assert_eq!(bytes(&seen["storage_root_key"]), tpm.public(STORAGE_ROOT_KEY));
}

fn bytes(base64: &Value) -> Vec<u8> {
    STANDARD.decode(base64.as_str().unwrap()).unwrap()
}

/// The handles with a key, as the maker leaves them and as the line does.
fn persistent(tpm: &Swtpm) -> Vec<String> {
    let said = tpm.tool("getcap", &["handles-persistent"]);
    said.lines().map(|line| line.trim_start_matches("- ").to_lowercase()).collect()
}

/// The one verdict of a call.
#[track_caller]
fn verdict(outcome: &Outcome) -> Value {
    let verdicts = outcome.verdicts();
    assert_eq!(verdicts.len(), 1, "{}\n{}", outcome.stdout, outcome.stderr);
    verdicts[0].clone()
}

/// The unit was turned away or failed, the ledger says the same of the attempt, and nothing is left in the TPM.
#[track_caller]
fn assert_failed(bench: &Bench, outcome: &Outcome, tpm: &Swtpm, disposition: &str, parts: &[&str]) -> Value {
    let verdict = verdict(outcome);
    assert_eq!((&verdict["verdict"], outcome.code), (&"failed".into(), 1), "{verdict}");
    assert_eq!(verdict["disposition"], disposition, "{verdict}");
    let reason = verdict["reason"].as_str().unwrap();
    for part in parts {
        assert!(reason.contains(part), "`{part}` is not in: {reason}");
    }
    let attempts = bench.order_shown("april")["attempts"].clone();
    let recorded = attempts.as_array().unwrap().iter().find(|one| one["attempt"] == verdict["attempt"]);
    let recorded = recorded.unwrap_or_else(|| panic!("the ledger has no such attempt: {verdict}"));
    assert_eq!(
        (&recorded["reason"], &recorded["disposition"]),
        (&verdict["reason"], &verdict["disposition"])
    );
    assert_eq!(tpm.loaded(), "", "left behind");
    bench.head();
    verdict
}

/// No identity of the order is bound to a unit.
#[track_caller]
fn assert_unbound(bench: &Bench) {
    assert!(bench.facts().iter().all(|fact| fact["kind"] != "claimed" && fact["kind"] != "issued"));
}
