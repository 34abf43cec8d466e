//! What the maker's certificate is worth, case by case.

use acceptance::{Station, Swtpm, certified_by_openssl};
use serde_json::Value;

use super::{show, shown};

/// Where the certificate of an RSA-2048 key lies.
const INDEX: &str = "0x01c00002";
const READABLE: &str = "ownerwrite|ownerread|authread|no_da";

/// The certificate's part of what is shown, with these roots.
#[track_caller]
fn judged(call: Station, roots: &std::path::Path, code: i32) -> Value {
    let shown = call.arg("--roots").arg(roots).run().expect(code).json();
    shown["ek_certificate"].clone()
}

#[track_caller]
fn refused(tpm: &Swtpm, roots: &std::path::Path, verdict: &str, reason: &str) {
    let certificate = judged(show(tpm, &[]), roots, 1);
    assert_eq!(certificate["verdict"], verdict, "{certificate}");
    let said = certificate["reason"].as_str().unwrap_or_default();
    assert!(said.contains(reason), "{said}");
}

#[test]
fn a_maker_s_certificate_is_trusted_where_its_root_is() {
    let (tpm, other) = (Swtpm::certified(), Swtpm::certified());
    let seen = judged(show(&tpm, &[]), &tpm.file("roots"), 0);
    assert_eq!(
        (&seen["present"], &seen["verdict"], &seen["reason"]),
        (&true.into(), &"trusted".into(), &Value::Null)
    );
    assert_eq!((&seen["subject"], &seen["issuer"]), (&"CN=dev-0001".into(), &"CN=swtpm-localca".into()));
    assert_eq!((&seen["manufacturer"], &seen["model"]), (&"id:00001014".into(), &"swtpm".into()));
    let unjudged = shown(&tpm, &[]);
    assert_eq!(unjudged["ek_certificate"]["verdict"], "not-judged");

    // The other one's CA has the same names and other keys.
    refused(&tpm, &other.file("roots"), "foreign-root", "another \"CN=swtpm-localca\"");
    let roots = tpm.file("only-the-root");
    std::fs::create_dir(&roots).unwrap();
    let root = "swtpm-localca-rootca-cert.pem";
    std::fs::copy(tpm.file("roots").join(root), roots.join(root)).unwrap();
    refused(&tpm, &roots, "no-chain", "\"CN=swtpm-localca\", whose certificate is not among the makers'");
}

#[test]
fn a_certificate_of_another_key_or_none_or_rubbish_vouches_for_nothing() {
    let (maker, tpm) = (Swtpm::certified(), Swtpm::fresh());
    let roots = maker.file("roots");
    refused(&tpm, &roots, "absent", "");
    maker.tool("nvread", &[INDEX, "-C", "o", "-o", "other.der"]);
    tpm.put_index(INDEX, READABLE, &std::fs::read(maker.file("other.der")).unwrap());
    refused(&tpm, &roots, "other-key", "another endorsement key");
    tpm.tool("nvundefine", &[INDEX, "-C", "o"]);
    std::fs::remove_file(tpm.file(&format!("index-{INDEX}"))).unwrap();
    tpm.put_index(INDEX, READABLE, &[0xff; 900]);
    refused(&tpm, &roots, "unreadable", "cannot be read");
    // Defined, and never written: there is none.
    tpm.tool("nvundefine", &[INDEX, "-C", "o"]);
    tpm.tool("nvdefine", &[INDEX, "-C", "o", "-s", "900", "-a", READABLE]);
    refused(&tpm, &roots, "absent", "");
}

#[test]
fn a_certificate_has_its_time_and_may_have_padding_behind_it() {
    let tpm = Swtpm::fresh();
    shown(&tpm, &["--keep"]);
    // With something of the maker's own that makes it longer than what the TPM gives in one command.
    let own = format!("1.2.3.4 = ASN1:UTF8String:{}\n", "x".repeat(1200));
    let mut padded = certified_by_openssl(&tpm, &own);
    assert!(padded.len() > 1024);
    padded.resize(2000, 0xff);
    tpm.put_index(INDEX, READABLE, &padded);
    let (roots, later) = (tpm.file("roots"), |days: &str| {
        show(&tpm, &[])
            .arg("--roots")
            .arg(tpm.file("roots"))
            .under("faketime", &["-f".into(), days.into()])
            .run()
    });
    assert_eq!(judged(show(&tpm, &[]), &roots, 0)["verdict"], "trusted");
    for (days, verdict, reason) in
        [("+31d", "expired", "expired at"), ("-1d", "not-yet-valid", "is valid from")]
    {
        let certificate = later(days).expect(1).json()["ek_certificate"].clone();
        assert_eq!(certificate["verdict"], verdict, "{certificate}");
        assert!(certificate["reason"].as_str().unwrap().contains(reason), "{certificate}");
    }
}

#[test]
fn a_folder_of_roots_that_holds_something_else_is_refused() {
    let tpm = Swtpm::fresh();
    let roots = tpm.file("roots");
    show(&tpm, &[]).arg("--roots").arg(&roots).run().expect(3).says("is not there: make the folder");
    std::fs::create_dir(&roots).unwrap();
    show(&tpm, &[]).arg("--roots").arg(&roots).run().expect(3).says("holds no certificates");
    tpm.put("roots/README", "the makers' roots");
    show(&tpm, &[])
        .arg("--roots")
        .arg(&roots)
        .run()
        .expect(3)
        .says("README holds no certificate that can be used here");
}
