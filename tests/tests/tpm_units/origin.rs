//! What a product takes of TPMs: programs, and what their makers' certificates are worth. Who is turned away has no
//! identity, and its TPM is as it came.

use acceptance::{Bench, Outcome, Swtpm, TPM_PRODUCT, TpmMaker, certified_by_openssl};

use super::{
    CERTIFICATE, ENDORSEMENT_KEY, READABLE, assert_failed, assert_unbound, persistent, tpm_of, verdict,
};

const ABSENT_OK: (&str, &str) = ("ek_certificate = \"required\"", "ek_certificate = \"absent-ok\"");

/// What of a TPM lasts.
fn lasting(tpm: &Swtpm) -> (Vec<String>, String) {
    (persistent(tpm), tpm.tool("getcap", &["handles-nv-index"]))
}

/// Its unit is turned away before anything is bound, and its TPM is as it came.
#[track_caller]
fn turned_away(bench: &Bench, tpm: &Swtpm, parts: &[&str]) {
    turned_away_by(bench, tpm, parts, || bench.flash_tpm("april", &tpm.tcti()).run());
}

#[track_caller]
fn turned_away_by(bench: &Bench, tpm: &Swtpm, parts: &[&str], flash: impl Fn() -> Outcome) {
    let before = lasting(tpm);
    let verdict = assert_failed(bench, &flash(), tpm, "hold", parts);
    assert!(verdict["registration_id"].is_null(), "{verdict}");
    assert_unbound(bench);
    assert_eq!(lasting(tpm), before, "the TPM is not as it came");
    let order = bench.order_shown("april");
    assert_eq!((&order["open"], &order["unbound"]), (&1.into(), &1.into()), "{order}");
}

/// An order of one unit, of the built-in product with these changes.
fn bench(maker: &TpmMaker, tpm: &Swtpm, changes: &[(&str, &str)]) -> Bench {
    let bench = Bench::bare(0);
    maker.put_roots(&bench.makers());
    bench.fit(&[(None, Some(tpm.tcti()))]);
    bench.template("products", "tpm.toml", "own.toml", &[&[TPM_PRODUCT[1]], changes].concat());
    bench.order_of("april", "own.toml", 1);
    bench
}

#[test]
fn a_tpm_that_is_a_program_is_refused_where_that_is_not_meant() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = bench(&maker, &tpm, &[]);
    turned_away(&bench, &tpm, &["its TPM is a program", "(IBM SW   TPM)", "software_tpm = \"allow\""]);
}

#[test]
fn a_tpm_without_a_certificate_is_refused_where_one_is_required() {
    let maker = TpmMaker::new();
    let tpm = Swtpm::fresh();
    let bench = bench(&maker, &tpm, &TPM_PRODUCT[..1]);
    turned_away(
        &bench,
        &tpm,
        &["has no certificate for its endorsement key", "ek_certificate = \"absent-ok\""],
    );
}

#[test]
fn a_certificate_of_another_key_is_refused_by_every_product() {
    let maker = TpmMaker::new();
    let (other, tpm) = (maker.tpm(), Swtpm::fresh());
    other.tool("nvread", &[CERTIFICATE, "-C", "o", "-o", "other.der"]);
    tpm.put_index(CERTIFICATE, READABLE, &std::fs::read(other.file("other.der")).unwrap());
    for changes in [&TPM_PRODUCT[..1], &[TPM_PRODUCT[0], ABSENT_OK]] {
        let bench = bench(&maker, &tpm, changes);
        turned_away(&bench, &tpm, &["certificate does not vouch for it", "another endorsement key"]);
    }
}

#[test]
fn what_is_no_certificate_is_not_taken_for_none() {
    let maker = TpmMaker::new();
    let tpm = Swtpm::fresh();
    tpm.put_index(CERTIFICATE, READABLE, &[0x42; 700]);
    let bench = bench(&maker, &tpm, &[TPM_PRODUCT[0], ABSENT_OK]);
    turned_away(&bench, &tpm, &["certificate does not vouch for it"]);
}

#[test]
fn a_certificate_of_a_maker_that_nobody_named_is_refused_by_every_product() {
    let (maker, other) = (TpmMaker::new(), TpmMaker::new());
    let tpm = other.tpm();
    for changes in [&TPM_PRODUCT[..1], &[TPM_PRODUCT[0], ABSENT_OK]] {
        let bench = bench(&maker, &tpm, changes);
        turned_away(&bench, &tpm, &["certificate does not vouch for it", "CN=swtpm-localca"]);
    }
    // Without any maker no certificate is right.
    let bench = bench(&maker, &tpm, &[TPM_PRODUCT[0], ABSENT_OK]);
    std::fs::remove_dir_all(bench.makers()).unwrap();
    turned_away(&bench, &tpm, &["certificate does not vouch for it", "CN=swtpm-localca"]);
}

#[test]
fn a_certificate_has_its_time() {
    let tpm = Swtpm::fresh();
    tpm.tool("createek", &["-G", "rsa", "-c", ENDORSEMENT_KEY]);
    let certificate = certified_by_openssl(&tpm, "");
    tpm.put_index(CERTIFICATE, READABLE, &certificate);
    let bench = Bench::of_tpms_with_roots(&tpm.file("roots"), &[&tpm], 1);
    let at = |day: &str| {
        let flash = bench.flash_tpm("april", &tpm.tcti());
        flash.under("faketime", &["-f".to_owned(), day.to_owned()]).run()
    };
    turned_away_by(&bench, &tpm, &["certificate does not vouch for it", "expired at"], || at("+31d"));
    turned_away_by(&bench, &tpm, &["certificate does not vouch for it", "is valid from"], || at("-1d"));
    let accepted = verdict(&bench.flash_tpm("april", &tpm.tcti()).run().expect(0));
    assert_eq!(accepted["verdict"], "accepted");
    let seen = tpm_of(&bench, "gw-0001");
    assert_eq!((&seen["origin"], &seen["root"]), (&"proven".into(), &"CN=Contoso TPM Root".into()));
}

#[test]
fn a_product_that_requires_certificates_needs_makers() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = bench(&maker, &tpm, &TPM_PRODUCT[..1]);
    let (folder, flash) = (bench.makers(), || bench.flash_tpm("april", &tpm.tcti()));
    let refused = |part: &str| {
        bench.refuses(flash(), 3, &[&folder.display().to_string(), part]);
        let run = bench.unlocked(&["--json", "run", "april"]);
        bench.refuses(run, 3, &[&folder.display().to_string(), part]);
    };
    std::fs::copy(bench.folder().join("station.toml"), folder.join("README")).unwrap();
    refused("README holds no certificate");
    std::fs::remove_dir_all(&folder).unwrap();
    refused("is not there: make the folder, and put the certificates of the TPMs' makers there");
    std::fs::create_dir(&folder).unwrap();
    refused("holds no certificates");
    assert_unbound(&bench);
    assert_eq!(bench.order_shown("april")["attempts"], serde_json::json!([]));
}
