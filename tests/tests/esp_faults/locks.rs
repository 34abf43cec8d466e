//! Units that are what they are: locked, or with another chip. Nothing is written to one that the product does not ask
//! for.

use acceptance::{Bench, NVS, Outcome, derived_keys};
use serde_json::Value;

/// The change with which a product takes units with secure boot.
const SIGNED: (&str, &str) = ("baud = 921600\n", "baud = 921600\nsecure_boot = \"signed-firmware\"\n");
const SECURE_BOOT: &str = "is locked (secure boot): it boots signed firmware alone; where the product's is signed, say \
                           secure_boot = \"signed-firmware\" in its [link]";
const ENCRYPTION: &str = "is locked (flash encryption): what is written in clear would not run";
const BOTH: &str = "is locked (secure boot, flash encryption): what is written in clear would not run";
const DOWNLOAD: &str = "the unit is locked (secure download): its loader tells no MAC";

/// What becomes of a unit.
#[derive(Debug, Clone, Copy)]
enum Becomes {
    Accepted,
    /// On hold, for a reason with this in it.
    Held(&'static str),
}

/// Units in a fixture each, each put in once, with these faults: what becomes of them is as said.
fn assert_become(chip: &str, changes: &[(&str, &str)], expected: &[(&[&str], Becomes)]) -> Bench {
    let units = expected.len();
    let bench = Bench::esp(units);
    bench.esp_product("own.toml", NVS, chip, changes);
    bench.order_of("april", "own.toml", units);
    let faults = expected.iter().enumerate().flat_map(|(index, (faults, _))| {
        faults
            .iter()
            .flat_map(move |fault| ["--fault".to_owned(), fault.replace('N', &(index + 1).to_string())])
    });
    let more: Vec<String> = faults.chain(["--exchange-ms", "600000"].map(str::to_owned)).collect();
    let _simulator =
        bench.simulate_esp(chip, units, units, &more.iter().map(String::as_str).collect::<Vec<_>>());
    let outcome = bench.unlocked(&["--json", "run", "april", "--patience", "4"]).run().expect(1);
    bench.head();
    let accepted = expected.iter().filter(|(_, becomes)| matches!(becomes, Becomes::Accepted)).count();
    let order = bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
    assert_eq!([&order["ordered"], &order["accepted"], &order["open"]], [units, accepted, units - accepted]);
    for (index, (_, becomes)) in expected.iter().enumerate() {
        let verdict = of_fixture(&outcome, index + 1);
        match becomes {
            Becomes::Accepted => assert_accepted(&bench, chip, index + 1, &verdict),
            Becomes::Held(part) => assert_held(&bench, index + 1, &verdict, part),
        }
    }
    bench
}

fn of_fixture(outcome: &Outcome, fixture: usize) -> Value {
    let fixture = fixture.to_string();
    let mut own = outcome.verdicts().into_iter().filter(|verdict| verdict["fixture"] == fixture);
    let only = own.next().unwrap();
    assert!(own.next().is_none(), "{}", outcome.stdout);
    only
}

/// It holds what it must.
fn assert_accepted(bench: &Bench, chip: &str, unit: usize, verdict: &Value) {
    assert_eq!(verdict["verdict"], "accepted", "{verdict}");
    assert_eq!(verdict["hardware_id"], bench.esp_mac(unit), "{verdict}");
    let id = verdict["registration_id"].as_str().unwrap();
    bench.assert_nvs_unit(&bench.esp_flash(unit), chip, id, &derived_keys([id])[id]);
}

/// Nothing was written to it, and the ledger says why.
fn assert_held(bench: &Bench, unit: usize, verdict: &Value, part: &str) {
    assert_eq!(
        (&verdict["verdict"], &verdict["disposition"]),
        (&"failed".into(), &"hold".into()),
        "{verdict}"
    );
    assert!(verdict["reason"].as_str().unwrap().contains(part), "`{part}` is not in {verdict}");
    let flash = bench.esp_flash(unit);
    assert!(flash == vec![0xff; flash.len()], "something was written to {unit}");
    let shown = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
    let is_told = |entry: &Value| {
        entry["fact"]["reason"] == verdict["reason"] && entry["fact"]["disposition"] == "hold"
    };
    assert!(shown.iter().any(is_told), "{verdict}");
}

#[test]
fn units_that_are_locked_or_have_another_chip_are_held() {
    let of_both: [(&[&str], Becomes); 3] = [
        (&[], Becomes::Accepted),
        (&["secure-boot:N"], Becomes::Held(SECURE_BOOT)),
        (&["flash-encryption:N"], Becomes::Held(ENCRYPTION)),
    ];
    let other =
        Becomes::Held("the unit has an esp32c6, the product is for an esp32: wrong unit or wrong product");
    assert_become("esp32", &[], &[&of_both[..], &[(&["other-chip:N:esp32c6"], other)]].concat());
    let other =
        Becomes::Held("the unit has an esp32s3, the product is for an esp32c3: wrong unit or wrong product");
    let of_c3: [(&[&str], Becomes); 2] =
        [(&["other-chip:N:esp32s3"], other), (&["secure-download:N"], Becomes::Held(DOWNLOAD))];
    assert_become("esp32c3", &[], &[&of_both[..], &of_c3].concat());
}

#[test]
fn a_unit_with_secure_boot_is_taken_where_the_product_says_so_and_the_ledger_tells() {
    for chip in ["esp32", "esp32c3"] {
        let mut expected: Vec<(&[&str], Becomes)> = vec![
            (&[], Becomes::Accepted),
            (&["secure-boot:N"], Becomes::Accepted),
            (&["flash-encryption:N"], Becomes::Held(ENCRYPTION)),
            (&["secure-boot:N", "flash-encryption:N"], Becomes::Held(BOTH)),
        ];
        if chip == "esp32c3" {
            expected.push((&["secure-download:N"], Becomes::Held(DOWNLOAD)));
        }
        let bench = assert_become(chip, &[SIGNED], &expected);
        let shown = bench.station(&["--json", "ledger", "show"]).run().expect(0).json_lines();
        let locks_of = |unit: usize| {
            let mac = bench.esp_mac(unit);
            let is_it = |fact: &&Value| fact["kind"] == "attempt_opened" && fact["hardware_id"] == mac;
            shown.iter().map(|entry| &entry["fact"]).find(is_it).unwrap()["locks"].clone()
        };
        assert_eq!((locks_of(1), locks_of(2)), (Value::Null, "secure boot".into()));
    }
}
