//! Keys at the handles that DPS's clients would take for theirs and could not use: their units are turned away while their
//! orders still have all identities.

use acceptance::{Bench, Swtpm, TPM_PRODUCT, TpmMaker};

use super::{
    CERTIFICATE, ENDORSEMENT_KEY, STORAGE_ROOT_KEY, assert_failed, assert_unbound, persistent, verdict,
};

const ABSENT_OK: (&str, &str) = ("ek_certificate = \"required\"", "ek_certificate = \"absent-ok\"");
const ENDORSEMENT: &str = "fixedtpm|fixedparent|sensitivedataorigin|adminwithpolicy|restricted|decrypt";
const SIGNING: &str = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign";

/// An order of one unit, which takes TPMs without certificates.
fn bench(tpm: &Swtpm) -> Bench {
    let bench = Bench::of_tpms(&TpmMaker::new(), &[tpm], 0);
    bench.template("products", "tpm.toml", "bare.toml", &[&TPM_PRODUCT[..], &[ABSENT_OK]].concat());
    bench.order_of("april", "bare.toml", 1);
    bench
}

/// Puts a key that is made so at a handle.
fn put(tpm: &Swtpm, handle: &str, make: &[&str]) {
    tpm.tool("createprimary", &[make, &["-c", "key.ctx"]].concat());
    tpm.tool("evictcontrol", &["-C", "o", "-c", "key.ctx", handle]);
    tpm.tool("flushcontext", &["-t"]);
}

/// Turned away before anything is bound or kept; once the key is gone the same unit passes.
fn assert_turned_away(tpm: &Swtpm, handle: &str, parts: &[&str]) {
    let (bench, before) = (bench(tpm), persistent(tpm));
    let flash = || bench.flash_tpm("april", &tpm.tcti()).run();
    assert_failed(&bench, &flash(), tpm, "hold", parts);
    assert_unbound(&bench);
    assert_eq!(persistent(tpm), before, "the TPM is not as it came");
    tpm.tool("evictcontrol", &["-C", "o", "-c", handle]);
    assert_eq!(verdict(&flash().expect(0))["verdict"], "accepted");
}

#[test]
fn a_signing_key_is_no_storage_root_key() {
    let tpm = Swtpm::fresh();
    put(&tpm, STORAGE_ROOT_KEY, &["-C", "o", "-G", "ecc256:ecdsa-sha256:null", "-a", SIGNING]);
    assert_turned_away(&tpm, STORAGE_ROOT_KEY, &["0x81000001 is no storage root key", "tpm2_evictcontrol"]);
}

#[test]
fn an_endorsement_key_on_a_curve_is_not_enrolled() {
    let tpm = Swtpm::fresh();
    tpm.tool("createek", &["-G", "ecc", "-c", ENDORSEMENT_KEY]);
    assert_turned_away(&tpm, ENDORSEMENT_KEY, &["is a P-256 key", "RSA-2048", "tpm2_evictcontrol"]);
}

#[test]
fn an_endorsement_key_with_another_policy_is_not_enrolled() {
    let tpm = Swtpm::fresh();
    let policy = tpm.put("policy", [7; 32]);
    put(&tpm, ENDORSEMENT_KEY, &["-C", "e", "-G", "rsa2048", "-L", &policy, "-a", ENDORSEMENT]);
    assert_turned_away(&tpm, ENDORSEMENT_KEY, &["another policy than the TCG's", "tpm2_evictcontrol"]);
}

/// Each try counts towards the TPM's lock-out: looks that only ask who is there must not try.
#[test]
fn a_certificate_that_nobody_may_read_is_tried_once_an_attempt() {
    let tpm = Swtpm::fresh();
    let file = tpm.put("certificate", [7; 64]);
    let index = [CERTIFICATE, "-C", "o", "-s", "64", "-p", "secret", "-a", "ownerwrite|authread"];
    tpm.tool("nvdefine", &index);
    tpm.tool("nvwrite", &[CERTIFICATE, "-C", "o", "-i", &file]);
    let bench = bench(&tpm);
    let refused = bench.flash_tpm("april", &tpm.tcti()).run();
    assert_failed(&bench, &refused, &tpm, "hold", &["what its maker left in it", "another program set it"]);
    assert_unbound(&bench);
    let counter = tpm.tool("getcap", &["properties-variable"]);
    assert!(counter.contains("TPM2_PT_LOCKOUT_COUNTER: 0x1\n"), "{counter}");
}
