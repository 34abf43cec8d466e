//! Every secret of a station and of its units, taken through their own doors: the vault's lock, and the units' files.

use std::path::Path;

use acceptance::canary::Secret;
use acceptance::strace::Call;
use acceptance::{Bench, derived_keys, opened_vault, openssl, vault_identity};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(crate) const UNLOCK: &str = "correct-horse-battery-staple-9d2c";
pub(crate) const WRONG_UNLOCK: &str = "correct-horse-battery-stable-9d2c";
pub(crate) const PASSWORD: &str = "gateway-console-palimpsest-51ab";

/// The unlock secret (and a mistyped one), all that the vault holds, the vault's own key and the CAs' keys.
pub(crate) fn of_station(bench: &Bench) -> Vec<Secret> {
    let mut secrets = vec![
        Secret::text("unlock secret", UNLOCK),
        Secret::text("mistyped unlock secret", WRONG_UNLOCK),
        Secret::text("vault identity", &vault_identity(&bench.folder(), UNLOCK)),
    ];
    let mut names = Vec::new();
    for (name, text) in opened_vault(&bench.folder(), UNLOCK) {
        let text = text.trim_end();
        if name.starts_with("unit-keys_") || name.starts_with("keys-ahead_") {
            continue;
        }
        match (name.as_str(), name.strip_prefix("ca-")) {
            (_, Some(serial)) => secrets.extend([Secret::text(&name, text), ca_key(bench, serial, text)]),
            ("ledger-key" | "contoso-group-key", _) => secrets.push(Secret::symmetric_key(&name, text)),
            ("order_june", _) => secrets.extend(text.lines().map(|line| {
                let (id, key) = line.split_once(',').unwrap();
                Secret::symmetric_key(&format!("given key of {id}"), key)
            })),
            _ => secrets.push(Secret::text(&name, text)),
        }
        names.push(if name.starts_with("ca-") { "ca".to_owned() } else { name });
    }
    let expected = [
        "ca",
        "ca",
        "ca",
        "contoso-group-key",
        "factory-wifi",
        "gateway-console",
        "hsm-pin",
        "hsm-wrong-pin",
        "ledger-key",
        "order_june",
    ];
    assert_eq!(names, expected);
    let random = [unit_keys(bench), keys_ahead(bench)].concat();
    secrets.extend(random.iter().map(|(name, key)| Secret::symmetric_key(name, &STANDARD.encode(key))));
    secrets
}

/// The units' own random keys that the vault holds.
pub(crate) fn unit_keys(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let vault = opened_vault(&bench.folder(), UNLOCK);
    let files = vault.iter().filter(|(name, _)| name.starts_with("unit-keys_"));
    let keys = files.flat_map(|(name, text)| {
        let lines = ["primary", "secondary"].into_iter().zip(text.lines());
        lines.map(move |(which, key)| (format!("{which} of {name}"), STANDARD.decode(key).unwrap()))
    });
    keys.collect()
}

/// The random keys of identities that were handed over without units.
pub(crate) fn keys_ahead(bench: &Bench) -> Vec<(String, Vec<u8>)> {
    let vault = opened_vault(&bench.folder(), UNLOCK);
    let files = vault.iter().filter(|(name, _)| name.starts_with("keys-ahead_"));
    let keys = files.flat_map(|(_, text)| text.lines()).flat_map(|line| {
        let (id, keys) = line.split_once(',').unwrap();
        let both = ["primary", "secondary"].into_iter().zip(keys.split(','));
        both.map(move |(which, key)| (format!("{which} of {id}, ahead"), STANDARD.decode(key).unwrap()))
    });
    keys.collect()
}

fn ca_key(bench: &Bench, serial: &str, passphrase: &str) -> Secret {
    let sealed = sorted(&bench.folder().join("ca")).into_iter().find(|path| path.contains(serial)).unwrap();
    let pass = format!("pass:{passphrase}");
    Secret::key(&format!("key of ca-{serial}"), &pkcs8(&["-in", &sealed, "-passin", &pass]))
}

/// The keys that are derived for these identities.
pub(crate) fn derived<'a>(ids: impl IntoIterator<Item = &'a str>) -> Vec<Secret> {
    let keys = derived_keys(ids);
    keys.iter().map(|(id, key)| Secret::symmetric_key(&format!("derived key of {id}"), key)).collect()
}

/// The private keys that lie in the units.
pub(crate) fn of_units(bench: &Bench) -> Vec<Secret> {
    [1, 2]
        .map(|unit| {
            let path = bench.unit(unit).join("var/secrets/device-id.key.pem");
            Secret::key(&format!("device key of unit {unit}"), &pkcs8(&["-in", path.to_str().unwrap()]))
        })
        .to_vec()
}

/// Every private key that a traced run sent to a unit, those among them that no unit holds.
pub(crate) fn on_the_wire(calls: &[Call]) -> Vec<Secret> {
    let mut sent: Vec<String> = Vec::new();
    let mut in_a_key = false;
    for call in calls.iter().filter(|call| call.is_said() || call.path.starts_with("/dev/pts/")) {
        if call.is_said() && call.text.starts_with(" cat >> ") {
            in_a_key = call.text.contains("/device-id.k");
            if in_a_key {
                sent.push(String::new());
            }
        }
        in_a_key &= call.is_said();
        if let (true, Some(key)) = (in_a_key, sent.last_mut()) {
            key.push_str(&call.text);
        }
    }
    sent.iter()
        .enumerate()
        .map(|(index, text)| key_in(&format!("device key sent, no {}", index + 1), text))
        .collect()
}

/// The key in what was sent of it, as strace shows it: base64 of PEM, in lines.
fn key_in(name: &str, text: &str) -> Secret {
    let sent =
        text.split_once("<<'STATION'\\n").unwrap().1.split("STATION").next().unwrap().replace("\\n", "");
    // Where the unit was unplugged while the station wrote, what follows is said to nobody or to the next unit.
    let is_base64 = |c: &char| c.is_ascii_alphanumeric() || "+/=".contains(*c);
    let base64: String = sent.chars().take_while(is_base64).collect();
    let pem = decoded(&base64);
    let body: String = std::str::from_utf8(&pem)
        .unwrap()
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with('-'))
        .collect();
    Secret::key(name, &decoded(&body))
}

/// As much as can be decoded of what may be cut off.
fn decoded(base64: &str) -> Vec<u8> {
    STANDARD.decode(&base64[..base64.len() / 4 * 4]).unwrap()
}

pub(crate) fn pkcs8(from: &[&str]) -> Vec<u8> {
    let key = openssl(&[&["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], from].concat());
    assert!(key.status.success(), "{key:?}");
    key.stdout
}

fn sorted(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<String> =
        entries.map(|entry| entry.unwrap().path().to_str().unwrap().to_owned()).collect();
    paths.sort();
    paths
}
