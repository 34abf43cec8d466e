//! TPMs that an earlier owner locked: authorisations of their hierarchies, and lock-out.

use std::path::Path;

use acceptance::canary::{Canary, Secret};
use acceptance::{Bench, Outcome, Swtpm, TPM_PRODUCT, TpmMaker};

use super::{assert_at_handles, assert_failed, assert_unbound, tpm_of, verdict};

const ENDORSEMENT: &str = "halcyon-endorsement-51c7";
const OWNER: &str = "halcyon-owner-authority-90ab";
const WRONG: &str = "halcyon-wrong-authority-77f0";

/// A TPM with both authorisations, and a station whose product names these of them.
fn bench(maker: &TpmMaker, tpm: &Swtpm, named: &[&str]) -> Bench {
    let bench = Bench::of_tpms(maker, &[tpm], 0);
    let lines: String = named.iter().map(|key| format!("\n{key} = \"{}\"", key.replace('_', "-"))).collect();
    let keep = format!("keep_keys = true{lines}");
    bench.template(
        "products",
        "tpm.toml",
        "locked.toml",
        &[&TPM_PRODUCT[..], &[("keep_keys = true", &keep)]].concat(),
    );
    bench.order_of("april", "locked.toml", 1);
    for (name, auth) in [("endorsement-auth", ENDORSEMENT), ("owner-auth", OWNER), ("wrong", WRONG)] {
        bench.station(&["keys", "import", name]).input(format!("{auth}\n")).run().expect(0);
    }
    bench
}

fn locked(maker: &TpmMaker) -> Swtpm {
    let tpm = maker.tpm();
    tpm.tool("changeauth", &["-c", "endorsement", ENDORSEMENT]);
    tpm.tool("changeauth", &["-c", "owner", OWNER]);
    tpm
}

/// Neither what was said nor what lies in the station's folder shows an authorisation; the vault has them sealed.
#[track_caller]
fn nothing_is_told(bench: &Bench, said: &[&Outcome]) {
    let secrets = [("endorsement", ENDORSEMENT), ("owner", OWNER), ("wrong", WRONG)];
    let canary = Canary::of(&secrets.map(|(name, text)| Secret::text(name, text)));
    assert_eq!(canary.find(ENDORSEMENT.as_bytes()), ["endorsement"]);
    for outcome in said {
        assert_eq!(canary.find(outcome.stdout.as_bytes()), Vec::<&str>::new(), "{}", outcome.stdout);
        assert_eq!(canary.find(outcome.stderr.as_bytes()), Vec::<&str>::new(), "{}", outcome.stderr);
    }
    search(&canary, &bench.folder());
}

fn search(canary: &Canary, folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(canary, &path);
        } else {
            assert_eq!(canary.find(&std::fs::read(&path).unwrap()), Vec::<&str>::new(), "{}", path.display());
        }
    }
}

fn guesses(tpm: &Swtpm) -> String {
    let said = tpm.tool("getcap", &["properties-variable"]);
    said.lines().find(|line| line.contains("TPM2_PT_LOCKOUT_COUNTER")).unwrap().trim().to_owned()
}

#[test]
fn authorisations_out_of_the_vault_open_what_an_owner_locked() {
    let maker = TpmMaker::new();
    let tpm = locked(&maker);
    let bench = bench(&maker, &tpm, &["endorsement_auth", "owner_auth"]);
    let flashed = bench.flash_tpm("april", &tpm.tcti()).env("TSS2_LOG", "all+trace").run().expect(0);
    assert_eq!(verdict(&flashed)["verdict"], "accepted");
    assert_at_handles(&tpm, &tpm_of(&bench, "gw-0001"));
    assert_eq!(tpm.loaded(), "", "left behind");
    let verified = bench.unlocked(&["verify", "april", "--tcti", &tpm.tcti()]).run().expect(0);
    nothing_is_told(&bench, &[&flashed, &verified]);
    assert!(guesses(&tpm).ends_with("0x0"), "{}", guesses(&tpm));
}

#[test]
fn a_missing_authorisation_is_named_by_its_hierarchy() {
    let maker = TpmMaker::new();
    let locked = locked(&maker);
    for (named, hierarchy) in [
        (&["owner_auth"][..], "endorsement hierarchy"),
        (&["endorsement_auth"], "owner hierarchy"),
        (&[], "owner hierarchy"),
    ] {
        let tpm = locked.copied();
        let bench = bench(&maker, &tpm, named);
        let outcome = bench.flash_tpm("april", &tpm.tcti()).run();
        assert_failed(&bench, &outcome, &tpm, "hold", &["refuses the authorisation of its", hierarchy]);
        nothing_is_told(&bench, &[&outcome]);
    }
}

#[test]
fn a_wrong_authorisation_is_tried_once_and_holds_the_unit() {
    let maker = TpmMaker::new();
    let locked = locked(&maker);
    for (key, hierarchy) in [("endorsement_auth", "endorsement hierarchy"), ("owner_auth", "owner hierarchy")]
    {
        let tpm = locked.copied();
        let bench = bench(&maker, &tpm, &["endorsement_auth", "owner_auth"]);
        let path = bench.folder().join("products/locked.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        let right = format!("{key} = \"{}\"", key.replace('_', "-"));
        std::fs::remove_file(&path).unwrap();
        let changed = text.replace(&right, &format!("{key} = \"wrong\""));
        assert_ne!(changed, text);
        std::io::Write::write_all(&mut std::fs::File::create_new(&path).unwrap(), changed.as_bytes())
            .unwrap();
        let outcome = bench.flash_tpm("april", &tpm.tcti()).run();
        assert_failed(&bench, &outcome, &tpm, "hold", &["refuses the authorisation of its", hierarchy]);
        nothing_is_told(&bench, &[&outcome]);
        assert!(guesses(&tpm).ends_with("0x0"), "hierarchies have no lock-out: {}", guesses(&tpm));
    }
}

#[test]
fn a_name_that_the_vault_does_not_have_is_said_before_a_unit_is_asked() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = Bench::of_tpms(&maker, &[&tpm], 0);
    let line = ("keep_keys = true", "keep_keys = true\nowner_auth = \"nobody\"");
    bench.template("products", "tpm.toml", "locked.toml", &[&TPM_PRODUCT[..], &[line]].concat());
    bench.order_of("april", "locked.toml", 1);
    bench.refuses(bench.flash_tpm("april", &tpm.tcti()), 3, &["nobody"]);
    assert_unbound(&bench);
}

#[test]
fn a_tpm_in_lock_out_is_for_rework() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = Bench::of_tpms(&maker, &[&tpm], 1);
    // Somebody guesses the authorisation of an index that is open to guesses.
    tpm.tool(
        "nvdefine",
        &["0x01800001", "-C", "o", "-s", "8", "-a", "ownerwrite|authread|authwrite", "-p", "right"],
    );
    tpm.tool("dictionarylockout", &["--setup-parameters", "--max-tries=1", "--recovery-time=1000"]);
    let (good, _) = tpm.tried("nvread", &["0x01800001", "-C", "0x01800001", "-P", "guess", "-o", "guessed"]);
    assert!(!good, "a guess was right");
    let outcome = bench.flash_tpm("april", &tpm.tcti()).run();
    let parts = ["its TPM is locked out", "tpm2_dictionarylockout --clear-lockout"];
    assert_failed(&bench, &outcome, &tpm, "rework", &parts);
    assert_unbound(&bench);
    tpm.tool("dictionarylockout", &["--clear-lockout"]);
    verdict(&bench.flash_tpm("april", &tpm.tcti()).run().expect(0));
    tpm_of(&bench, "gw-0001");
}
