//! One endorsement key seen twice: both units go on hold, and no registration ID is ever given again.

use acceptance::{Bench, Swtpm, TPM_PRODUCT, TpmMaker};
use serde_json::Value;

use super::gateways::{GATEWAY, gateways};
use super::{assert_failed, tpm_of, verdict};

/// A station with an order of so many units that their TPMs name.
fn from_ek(maker: &TpmMaker, quantity: usize) -> Bench {
    let bench = Bench::of_tpms(maker, &[], 0);
    bench.template("products", "tpm.toml", "from-ek.toml", &TPM_PRODUCT[..1]);
    take(&bench, "april", quantity);
    bench
}

fn take(bench: &Bench, order: &str, quantity: usize) {
    let add = ["order", "add", order, "--product", "from-ek.toml", "--quantity", &quantity.to_string()];
    bench.station(&add).run().expect(0);
}

#[track_caller]
fn accepted(bench: &Bench, order: &str, tpm: &Swtpm) -> String {
    let verdict = verdict(&bench.flash_tpm(order, &tpm.tcti()).run().expect(0));
    assert_eq!(verdict["verdict"], "accepted", "{verdict}");
    verdict["registration_id"].as_str().unwrap().to_owned()
}

#[test]
fn two_gateways_with_one_tpm_are_both_held_and_named() {
    let maker = TpmMaker::new();
    let (tpm, other) = (maker.tpm(), maker.tpm());
    let bench = gateways(&maker, &[&tpm, &other], 2);
    bench.template("products", "gateway-tpm.toml", "own.toml", &GATEWAY);
    bench.order_of("april", "own.toml", 2);
    let _simulator = bench.simulate(2, 2, &[]);
    let flash =
        |fixture: usize, tpm: &Swtpm| bench.flash("april", fixture).arg("--tcti").arg(tpm.tcti()).run();
    let first = verdict(&flash(1, &tpm).expect(0));
    let second = flash(2, &tpm);
    let (one, two) = (first["hardware_id"].as_str().unwrap(), bench.hardware_id(2));
    let failed = assert_failed(
        &bench,
        &second,
        &tpm,
        "hold",
        &[one, &two, "gw-0001", "shows the endorsement key of unit", "both go on hold"],
    );
    assert_eq!(failed["hardware_id"], two);
    let shown = bench.show("gw-0001");
    assert_eq!((&shown["state"], &shown["reason"]), (&"on-hold".into(), &failed["reason"]), "{shown}");
    // Neither passes now, with whatever TPM.
    for (fixture, tpm) in [(1, &tpm), (1, &other), (2, &tpm)] {
        let again = flash(fixture, tpm);
        let why = if fixture == 1 { "is on hold" } else { "both go on hold" };
        assert_failed(&bench, &again, tpm, "hold", &[why]);
    }
}

#[test]
fn a_unit_of_another_order_belongs_there() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = from_ek(&maker, 1);
    take(&bench, "may", 1);
    let id = accepted(&bench, "may", &tpm);
    let refused = bench.flash_tpm("april", &tpm.tcti()).run();
    assert_failed(&bench, &refused, &tpm, "hold", &["is already bound to", &id, "of order may"]);
    assert_eq!(bench.order_shown("april")["open"], 1);
    assert_eq!(bench.show(&id)["state"], "live");
}

#[test]
fn the_registration_id_of_a_scrapped_unit_is_never_given_again() {
    let maker = TpmMaker::new();
    let (tpm, other) = (maker.tpm(), maker.tpm());
    let bench = from_ek(&maker, 2);
    let id = accepted(&bench, "april", &tpm);
    bench.station(&["unit", "scrap", &id, "--reason", "cracked"]).run().expect(0);
    let refused = bench.flash_tpm("april", &tpm.tcti()).run();
    assert_failed(&bench, &refused, &tpm, "scrap", &["was scrapped (cracked)"]);
    take(&bench, "may", 1);
    let elsewhere = bench.flash_tpm("may", &tpm.tcti()).run().expect(1);
    assert!(verdict(&elsewhere)["reason"].as_str().unwrap().contains("was scrapped (cracked)"));
    let facts = bench.facts();
    let given = |fact: &&Value| fact["kind"] == "claimed" && fact["identity"]["registration_id"] == *id;
    assert_eq!(facts.iter().filter(given).count(), 1);
    accepted(&bench, "april", &other);
}

/// Whoever takes the TPM out of a scrapped gateway builds the same device again.
#[test]
fn the_tpm_of_a_scrapped_gateway_makes_no_other_one() {
    let maker = TpmMaker::new();
    let (tpm, other) = (maker.tpm(), maker.tpm());
    let bench = gateways(&maker, &[&tpm, &other], 2);
    bench.template("products", "gateway-tpm.toml", "own.toml", &GATEWAY);
    bench.order_of("april", "own.toml", 2);
    let _simulator = bench.simulate(2, 2, &[]);
    let flash =
        |fixture: usize, tpm: &Swtpm| bench.flash("april", fixture).arg("--tcti").arg(tpm.tcti()).run();
    verdict(&flash(1, &tpm).expect(0));
    bench.station(&["unit", "scrap", "gw-0001", "--reason", "water"]).run().expect(0);
    let refused = flash(2, &tpm);
    assert_failed(
        &bench,
        &refused,
        &tpm,
        "hold",
        &["endorsement key of unit", &bench.hardware_id(1), &bench.hardware_id(2), "gw-0001", "was scrapped"],
    );
    assert_eq!(bench.show("gw-0001")["state"], "burnt");
    assert_eq!(bench.order_shown("april")["unbound"], 1, "nothing is bound to it");
    verdict(&flash(2, &other).expect(0));
    tpm_of(&bench, "gw-0002");
}

/// The ledger holds one key for two TPMs that are copies: the second is not told from the first, and nothing is doubled.
#[test]
fn a_copy_of_a_software_tpm_is_marked_as_one_and_makes_no_second_identity() {
    let maker = TpmMaker::new();
    let tpm = maker.tpm();
    let bench = from_ek(&maker, 2);
    let id = accepted(&bench, "april", &tpm);
    let copy = tpm.copied();
    assert_eq!(accepted(&bench, "april", &copy), id);
    let order = bench.order_shown("april");
    assert_eq!((&order["accepted"], &order["unbound"]), (&1.into(), &1.into()), "{order}");
    assert_eq!(tpm_of(&bench, &id)["software"], true);
}
