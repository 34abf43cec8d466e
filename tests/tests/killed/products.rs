//! The products whose orders are killed: how each is set up, and what a unit of each must hold in the end.

use std::path::Path;

use acceptance::canary::{Canary, Secret};
use acceptance::{
    Bench, GROUP_KEY, SECRET, SECURE_CERT, Simulator, WIFI_PASSWORD, derived_keys, label, opened_vault,
    partition, sha256,
};
use acceptance::{openssl, root_certificate};
use serde_json::Value;

use crate::points::Strikes;

pub(crate) const UNITS: usize = 2;
const CHAIN: &str = "var/secrets/device-id.pem";
const KEY: &str = "var/secrets/device-id.key.pem";
const QUICK: [&str; 4] = ["--boot-ms", "20", "--exchange-ms", "20"];

/// One of them.
pub(crate) struct Product {
    /// Its name in the tables'.
    pub(crate) name: &'static str,
    /// Where its order is killed.
    pub(crate) strikes: Strikes,
    /// A station with this product's order `april`.
    pub(crate) prepare: fn() -> Bench,
    /// Its units, in one fixture.
    pub(crate) simulate: fn(&Bench) -> Simulator,
    /// Its identities.
    pub(crate) ids: [&'static str; UNITS],
    /// The hardware ID of a simulated unit, from 1.
    pub(crate) hardware_id: fn(&Bench, usize) -> String,
    /// What that unit must hold, once it is accepted under this identity; and what the ledger must say of it.
    pub(crate) judge: fn(&Bench, usize, &Value, &[Value]),
}

pub(crate) const X509_GATEWAY: Product = Product {
    name: "gateway-x509",
    strikes: Strikes::CommitsAndSteps,
    prepare: || {
        let bench = Bench::new(1);
        bench.order("april", UNITS);
        bench
    },
    simulate: gateways,
    ids: ["gw-0001", "gw-0002"],
    hardware_id: Bench::hardware_id,
    judge: judge_x509,
};

pub(crate) const SYMMETRIC_GATEWAY: Product = Product {
    name: "gateway-symmetric",
    // Its steps are those of the other gateway.
    strikes: Strikes::Commits,
    prepare: || {
        let bench = Bench::symmetric(1);
        bench.order_of("april", "gateway-symmetric.toml", UNITS);
        bench
    },
    simulate: gateways,
    ids: ["gw-0001", "gw-0002"],
    hardware_id: Bench::hardware_id,
    judge: judge_symmetric,
};

/// Its vault is written on the line, file by file: killed there, and at what announces the keys, by one unit.
pub(crate) const RANDOM_KEYS: Product = Product {
    name: "gateway-symmetric-individual",
    strikes: Strikes::AroundTheKey(&["issued", "accepted"]),
    prepare: || {
        let bench = Bench::bare(1);
        bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
        bench.order_of("april", "gateway-symmetric-individual.toml", UNITS);
        bench
    },
    simulate: gateways,
    ids: ["gw-0001", "gw-0002"],
    hardware_id: Bench::hardware_id,
    judge: judge_random_keys,
};

/// Killed while the unit makes its key, and before and after that key is certified.
pub(crate) const OWN_KEYS: Product = Product {
    name: "gateway-x509-device-key",
    strikes: Strikes::AroundTheKey(&["announced make-key device-key", "certificate_requested", "issued"]),
    prepare: || {
        let bench = Bench::new(1);
        bench.order_of("april", "gateway-x509-device-key.toml", UNITS);
        bench
    },
    simulate: gateways,
    ids: ["gw-0001", "gw-0002"],
    hardware_id: Bench::hardware_id,
    judge: judge_x509,
};

pub(crate) const BOARD: Product = Product {
    name: "mxchip",
    strikes: Strikes::CommitsAndSteps,
    prepare: || {
        let bench = Bench::mxchip(1);
        bench.order_boards("april", "mxchip-az3166.toml", UNITS);
        bench
    },
    // Its line is paced, so that an echo takes its time.
    simulate: |bench| bench.simulate_boards(UNITS, 1, &QUICK),
    ids: ["mx-0001", "mx-0002"],
    hardware_id: |_, unit| label(unit),
    judge: judge_board,
};

/// The only one that has its key is the unit.
pub(crate) const ESP_UNIT: Product = Product {
    name: "esp32c3-secure-cert",
    strikes: Strikes::CommitsAndFrames,
    prepare: || {
        let bench = Bench::esp(1);
        bench.esp_product("own.toml", SECURE_CERT, SECURE_CERT.chip, &[]);
        bench.order_of("april", "own.toml", UNITS);
        bench
    },
    simulate: |bench| {
        bench.simulate_esp(SECURE_CERT.chip, UNITS, 1, &[&QUICK[..], &["--no-pacing"]].concat())
    },
    ids: ["gw-0001", "gw-0002"],
    hardware_id: Bench::esp_mac,
    judge: judge_esp,
};

fn gateways(bench: &Bench) -> Simulator {
    bench.simulate(UNITS, 1, &[&QUICK[..], &["--no-pacing"]].concat())
}

impl Product {
    /// What no file of the station and nothing that it says may show.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = vec![
            Secret::text("unlock secret", SECRET),
            Secret::text("Wi-Fi password", WIFI_PASSWORD),
            Secret::symmetric_key("group key", GROUP_KEY),
        ];
        let keys = derived_keys(self.ids);
        secrets.extend(keys.iter().map(|(id, key)| Secret::symmetric_key(&format!("key of {id}"), key)));
        secrets
    }
}

/// The unit's own files hold the credential that the ledger says is live.
fn judge_x509(bench: &Bench, unit: usize, shown: &Value, _: &[Value]) {
    let root = root_certificate(bench);
    let files = bench.unit(unit);
    let (chain, key) = (files.join(CHAIN), files.join(KEY));
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (chain, key, root) = (text(&chain), text(&key), text(&root));
    let live = live(shown);
    let serial = String::from_utf8(openssl(&["x509", "-in", &chain, "-noout", "-serial"]).stdout).unwrap();
    let bare = |serial: &str| serial.trim().to_lowercase().trim_start_matches('0').to_owned();
    let serial = serial.trim().trim_start_matches("serial=").to_owned();
    assert_eq!(bare(&serial), bare(live["certificate_serial"].as_str().unwrap()), "{shown}");
    let public = openssl(&["pkey", "-in", &key, "-pubout", "-outform", "DER"]).stdout;
    assert_eq!(sha256(&public), live["public_key"], "the key in the unit is not its certificate's: {shown}");
    let verified = openssl(&["verify", "-x509_strict", "-CAfile", &root, "-untrusted", &chain, &chain]);
    assert!(verified.status.success(), "{verified:?}");
}

/// The flash holds the release, the chain that the ledger says is live, and its key.
fn judge_esp(bench: &Bench, unit: usize, shown: &Value, _: &[Value]) {
    let flash = bench.esp_flash(unit);
    bench.assert_released(&flash, SECURE_CERT.chip);
    let slot = partition(&flash, SECURE_CERT.slot);
    let live = live(shown);
    let chain = shown["credential"]["chain"].as_str().unwrap();
    assert!(slot.windows(chain.len()).any(|part| part == chain.as_bytes()), "another chain: {shown}");
    let text = String::from_utf8_lossy(slot);
    let (_, key) = text.split_once("-----BEGIN PRIVATE KEY-----").unwrap();
    let (key, _) = key.split_once("-----END PRIVATE KEY-----").unwrap();
    let pem = bench.root().join(format!("{unit}.key.pem"));
    let mut file = std::fs::File::create_new(&pem).unwrap();
    let key = format!("-----BEGIN PRIVATE KEY-----{key}-----END PRIVATE KEY-----\n");
    std::io::Write::write_all(&mut file, key.as_bytes()).unwrap();
    let public = openssl(&["pkey", "-in", pem.to_str().unwrap(), "-pubout", "-outform", "DER"]).stdout;
    assert_eq!(sha256(&public), live["public_key"], "the key in the unit is not its certificate's: {shown}");
}

fn live(shown: &Value) -> &Value {
    let credentials = shown["credentials"].as_array().unwrap();
    let live: Vec<&Value> = credentials.iter().filter(|one| one["state"] == "live").collect();
    assert_eq!(live.len(), 1, "{shown}");
    live[0]
}

/// The unit's own files hold the key that is derived for the identity.
fn judge_symmetric(bench: &Bench, unit: usize, shown: &Value, _: &[Value]) {
    let id = shown["registration_id"].as_str().unwrap();
    assert_eq!(live(shown)["credential_kind"], "device-key", "{shown}");
    let config = std::fs::read_to_string(bench.unit(unit).join("etc/aziot/config.toml")).unwrap();
    assert!(config.contains(&format!("registration_id = \"{id}\"")), "{config}");
    let key = std::fs::read(bench.key_file(unit)).unwrap();
    assert_eq!(base64(&key), derived_keys([id])[id], "the key in the unit is not {id}'s");
}

/// The unit's own file holds the primary of the keys that the vault has for the live credential.
fn judge_random_keys(bench: &Bench, unit: usize, shown: &Value, _: &[Value]) {
    let name = format!("unit-keys_{}", live(shown)["attempt"]);
    let vault = opened_vault(&bench.folder(), SECRET);
    let keys: Vec<&str> =
        vault.get(&name).unwrap_or_else(|| panic!("{name} is lost: {shown}")).lines().collect();
    assert_eq!(keys.len(), 2, "{shown}");
    assert_eq!(base64(&std::fs::read(bench.key_file(unit)).unwrap()), keys[0], "{shown}");
    let used = shown["credentials"].as_array().unwrap().len();
    let kept: Vec<&str> = vault
        .iter()
        .filter(|(name, _)| name.starts_with("unit-keys_"))
        .flat_map(|(_, text)| text.lines())
        .collect();
    assert!(kept.len() <= 2 * (UNITS + used), "{} keys are kept", kept.len());
    let random = kept.iter().map(|key| Secret::symmetric_key("random key", key));
    crate::search(&Canary::of(&random.collect::<Vec<_>>()), &bench.folder());
}

/// The board's store holds the identity of its label, whole; and what it acknowledged, it acknowledged in the attempt
/// that was accepted.
fn judge_board(bench: &Bench, unit: usize, shown: &Value, facts: &[Value]) {
    let id = shown["registration_id"].as_str().unwrap();
    assert_eq!(live(shown)["credential_kind"], "device-key", "{shown}");
    assert_eq!(shown["serial_number"], label(unit), "{shown}");
    let key = &derived_keys([id])[id];
    let settings = format!(
        "DPSEndpoint=global.azure-devices-provisioning.net;IdScope=0ne00ABCDEF;DeviceId={id};SymmetricKey={key}"
    );
    let held = ["wifi-ssid", "wifi-password", "iot-hub"].map(|zone| bench.stored(unit, zone));
    assert_eq!(held, [Some("factory".to_owned()), Some(WIFI_PASSWORD.to_owned()), Some(settings)]);

    let of_kind = |kind: &str| facts.iter().filter(move |fact| fact["kind"] == kind).collect::<Vec<_>>();
    let accepted = of_kind("accepted");
    let accepted = accepted.iter().find(|fact| fact["identity"]["registration_id"] == id).unwrap();
    for item in ["wifi-ssid", "wifi-password", "dps-settings"] {
        let announced = of_kind("announced");
        let written = announced.iter().any(|fact| {
            fact["attempt"] == accepted["attempt"] && fact["act"] == "write" && fact["item"] == item
        });
        assert!(written, "{id} was accepted in an attempt that did not write its {item}");
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
