//! What is refused: PINs, tokens, URIs. Nothing is left of a command that failed, on the token neither.

use acceptance::SoftHsm;

use crate::token_bench::{PIN, TokenBench};

#[test]
fn a_wrong_pin_is_configuration_and_is_tried_once() {
    let hsm = TokenBench::new(1);
    hsm.import_pin("wrong-pin", "hsm-pin-kingfisher");
    let inside =
        ["ca", "root", "--label", "other", "--common-name", "Other", "--hsm", &SoftHsm::uri("token=factory")];
    let call = hsm.unlocked(&[&inside[..], &["--pin", "wrong-pin"]].concat());
    let parts = ["token factory refused the PIN, which is not tried again", "not how many are left"];
    let outcome = hsm.bench.refuses(call, 3, &parts);
    assert!(!outcome.stderr.contains("kingfisher"), "{}", outcome.stderr);
    assert!(hsm.token.saw_a_wrong_pin());

    // The token's PIN is changed behind the station's back: a run does not begin.
    hsm.token.pkcs11_tool(&["--change-pin", "--new-pin", "hsm-pin-kingfisher"]);
    hsm.bench.order("april", 1);
    assert!(!hsm.token.saw_a_wrong_pin());
    hsm.bench.refuses(
        hsm.unlocked(&["run", "april"]),
        3,
        &["refused the PIN", "import the right one into the vault"],
    );
    assert!(hsm.token.saw_a_wrong_pin());
    let key = hsm.key_finding();
    assert!(key["verdict"] == "failed" && key["seen"].as_str().unwrap().contains("refused the PIN"), "{key}");
}

#[test]
fn a_failed_command_leaves_no_key_on_the_token() {
    let hsm = TokenBench::bare(1);
    let all = "[\"p-256\", \"p-384\", \"rsa-2048\", \"rsa-3072\", \"rsa-4096\"]";
    hsm.bench.template("profiles", "root.toml", "only-rsa.toml", &[(all, "[\"rsa-2048\"]")]);
    let call = hsm.ca("root", &["--profile", "only-rsa.toml", "--key-algorithm", "p-256"]);
    hsm.bench.refuses(call, 3, &["p-256"]);
    assert!(!hsm.token.pkcs11_tool(&["--list-objects"]).contains("Object"));

    hsm.ca("root", &["--profile", "only-rsa.toml"]).run().expect(0);
    let before = hsm.token.pkcs11_tool(&["--list-objects"]);
    assert!(before.contains("RSA"), "{before}");
    hsm.bench.refuses(hsm.ca("root", &[]), 3, &["the station has an authority `root` already"]);
    assert_eq!(hsm.token.pkcs11_tool(&["--list-objects"]), before);
}

#[test]
fn what_names_no_token_or_no_pin_is_refused() {
    let hsm = TokenBench::bare(1);
    let ca = |uri: &str, pin: &[&str]| {
        let call = ["ca", "root", "--common-name", "Root", "--hsm", uri];
        hsm.unlocked(&[&call[..], pin].concat())
    };
    let with = ["--pin", "hsm-pin"];
    for (uri, pin, code, part) in [
        (SoftHsm::uri("token=factory"), &[][..], 2, "--pin"),
        (SoftHsm::uri("token=factory") + "&pin-value=0000", &with, 2, "PINs come from the vault"),
        (SoftHsm::uri("token=factory;object=ca"), &with, 2, "leave object, id and type out"),
        (SoftHsm::uri("token=factory;x-vendor=1"), &with, 2, "`x-vendor` is unknown"),
        ("pkcs11:token=factory".to_owned(), &with, 2, "names no module"),
        ("pkcs11:token=factory?module-path=/nowhere.so".to_owned(), &with, 3, "/nowhere.so cannot be used"),
        (SoftHsm::uri("token=none"), &with, 4, "there are \"factory\" (SoftHSM project SoftHSM v2, serial"),
        (SoftHsm::uri("token=factory"), &["--pin", "no-pin"], 3, "`station keys import no-pin --kind pin`"),
        (
            SoftHsm::uri("token=factory"),
            &["--pin", "gateway-console"],
            3,
            "was imported as something else than a PIN",
        ),
    ] {
        hsm.bench.refuses(ca(&uri, pin), code, &[part]);
    }
    let import = hsm.bench.station(&["keys", "import", "pin-2", "--kind", "pin"]);
    hsm.bench.refuses(import.input("two\nlines"), 3, &["a PIN is one line of text"]);
}

/// A PIN under the name of a console's password would be typed into a unit.
#[test]
fn a_pin_never_reaches_a_unit() {
    let hsm = TokenBench::new(1);
    hsm.bench.product("pin.toml", &[("\"gateway-console\"", "\"hsm-pin\"")]);
    hsm.bench.order_of("april", "pin.toml", 1);
    let said =
        hsm.bench.refuses(hsm.unlocked(&["run", "april"]), 3, &["`hsm-pin` was imported as something else"]);
    assert!(!said.stderr.contains(PIN), "{}", said.stderr);
}
