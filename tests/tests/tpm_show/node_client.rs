//! Microsoft's client for devices (npm azure-iot-security-tpm) and `station tpm show` on the same TPM: both have to see the
//! same keys and the same registration ID, or the enrollment is of a device that does not exist.

use acceptance::{Swtpm, node_tool};
use serde_json::{Value, json};

use super::{ENDORSEMENT_KEY, STORAGE_ROOT_KEY, bytes, endorsement_key_from, shown};

/// What the client sees, under this program's names. Where a handle is empty, it makes a key and keeps it there.
#[track_caller]
fn seen_by_the_client(tpm: &Swtpm) -> Value {
    let output = node_tool("tpm_client.js", &[&tpm.port().to_string()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(tpm.loaded(), "", "left behind by the client");
    let seen: Value = serde_json::from_slice(&output.stdout).unwrap();
    json!({
        "endorsement_key": seen["endorsementKey"],
        "storage_root_key": seen["storageRootKey"],
        "registration_id": seen["registrationId"],
    })
}

/// The part of what is shown that the client sees too.
fn identity(shown: &Value) -> Value {
    json!({
        "endorsement_key": shown["endorsement_key"],
        "storage_root_key": shown["storage_root_key"],
        "registration_id": shown["registration_id"],
    })
}

/// Where the two keys came from.
fn origins(shown: &Value) -> [&str; 2] {
    ["endorsement_key_from", "storage_root_key_from"].map(|key| shown[key].as_str().unwrap())
}

#[test]
fn a_maker_s_endorsement_key_is_the_same_to_both() {
    let tpm = Swtpm::certified();
    let makers = tpm.public(ENDORSEMENT_KEY);
    // Its maker left no storage root key.
    assert_eq!(origins(&shown(&tpm, &[])), ["persistent", "template"]);
    let kept = shown(&tpm, &["--keep"]);
    let by_the_client = seen_by_the_client(&tpm);
    assert_eq!(by_the_client, identity(&kept));
    assert_eq!(bytes(&by_the_client["endorsement_key"]), makers);
    assert_eq!(bytes(&by_the_client["storage_root_key"]), tpm.public(STORAGE_ROOT_KEY));
}

#[test]
fn what_was_kept_is_what_the_client_finds() {
    let tpm = Swtpm::fresh();
    let made = shown(&tpm, &[]);
    let kept = shown(&tpm, &["--keep"]);
    assert_eq!(identity(&kept), identity(&made));
    assert_eq!(seen_by_the_client(&tpm), identity(&kept));
}

/// The trap that `--keep` is for. The client's template leaves the place of the modulus empty, the TCG's has 256 zeros
/// there, and a TPM makes another key from each. So a key that was read and not kept is not the one that the device will
/// have: its enrollment would never match.
#[test]
fn what_was_not_kept_is_another_key_than_the_client_makes() {
    let tpm = Swtpm::fresh();
    let not_kept = shown(&tpm, &[]);
    assert_eq!(origins(&not_kept), ["template", "template"]);
    let by_the_client = seen_by_the_client(&tpm);
    for key in ["endorsement_key", "storage_root_key", "registration_id"] {
        assert_ne!(not_kept[key], by_the_client[key], "{key}: the trap is gone");
    }
    // With everything else as the TCG has it, it is the empty place that makes the client's key.
    let from_an_empty_place = endorsement_key_from(&tpm, &[]);
    assert_eq!(bytes(&by_the_client["endorsement_key"]), from_an_empty_place);

    // The device has that key from now on; it is taken as it is, whatever it was made from.
    let seen = shown(&tpm, &["--challenge", "--keep"]);
    assert_eq!(identity(&seen), by_the_client);
    assert_eq!(origins(&seen), ["persistent", "persistent"]);
    assert_eq!(seen["challenge"], "passed");
    assert_eq!(seen_by_the_client(&tpm), by_the_client);
}
