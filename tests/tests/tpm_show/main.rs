//! `station tpm show`, on software TPMs, judged by tpm2-tools and Microsoft's client: the keys byte for byte, and nothing
//! left behind.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod certificates;
mod mssim;
mod node_client;
mod refused;

use std::io::Write;
use std::process::{Command, Stdio};

use acceptance::{Outcome, Station, Swtpm, station_binary};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A template's attributes, as tpm2-tools write them.
const STORAGE: &str = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt";
const ENDORSEMENT_KEY: &str = "0x81010001";
const STORAGE_ROOT_KEY: &str = "0x81000001";

fn show(tpm: &Swtpm, more: &[&str]) -> Station {
    Station::new(&["--json", "tpm", "show", "--tcti", &tpm.tcti()]).args(more)
}

/// It succeeds, and leaves nothing loaded.
#[track_caller]
fn shown(tpm: &Swtpm, more: &[&str]) -> Value {
    let shown = show(tpm, more).run().expect(0);
    assert_eq!(shown.stderr, "", "the library complained");
    assert_eq!(tpm.loaded(), "", "left behind");
    shown.json()
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

/// The key that tpm2-tools make from the TCG's template for a storage root key, with this where the modulus will be.
fn storage_root_key_by_tools(tpm: &Swtpm) -> Vec<u8> {
    // Its length in this machine's order, then as many bytes: tpm2_createprimary(1).
    let unique = tpm.put("unique", [&[0, 1][..], &[0; 256]].concat());
    tpm.tool(
        "createprimary",
        &["-C", "o", "-G", "rsa2048:null:aes128cfb", "-a", STORAGE, "-u", &unique, "-c", "srk.ctx"],
    );
    tpm.tool("flushcontext", &["-t"]);
    let public = tpm.public("srk.ctx");
    tpm.tool("flushcontext", &["-t"]);
    public
}

fn endorsement_key_by_tools(tpm: &Swtpm) -> Vec<u8> {
    tpm.tool("createek", &["-G", "rsa", "-c", "ek.ctx", "-u", "ek.pub", "-f", "tss"]);
    tpm.tool("flushcontext", &["-t"]);
    std::fs::read(tpm.file("ek.pub")).unwrap()
}

#[test]
fn keys_at_their_handles_are_shown_as_they_are() {
    let tpm = Swtpm::certified();
    tpm.tool("createprimary", &["-C", "o", "-G", "rsa2048:null:aes128cfb", "-a", STORAGE, "-c", "own.ctx"]);
    tpm.tool("evictcontrol", &["-C", "o", "-c", "own.ctx", STORAGE_ROOT_KEY]);
    tpm.tool("flushcontext", &["-t"]);
    let (endorsement_key, storage_root_key) = (tpm.public(ENDORSEMENT_KEY), tpm.public(STORAGE_ROOT_KEY));

    let seen = shown(&tpm, &["--challenge", "--keep"]);
    assert_eq!(bytes(&seen["endorsement_key"]), endorsement_key);
    assert_eq!(bytes(&seen["storage_root_key"]), storage_root_key);
    assert_eq!(
        (&seen["endorsement_key_from"], &seen["storage_root_key_from"]),
        (&"persistent".into(), &"persistent".into())
    );
    assert_eq!((&seen["template"], &seen["challenge"]), (&"l-1".into(), &"passed".into()));
    assert_eq!((&seen["manufacturer"], &seen["model"]), (&"IBM".into(), &"SW   TPM".into()));
    assert_eq!((&seen["software"], &seen["locked_out"]), (&true.into(), &false.into()));
    // Microsoft's tools: base32 of SHA-256, lower case, without padding.
    assert_eq!(seen["registration_id"].as_str().unwrap(), base32(&Sha256::digest(&endorsement_key)));
    assert_eq!(tpm.public(ENDORSEMENT_KEY), endorsement_key, "a key at its handle stays");
    assert_eq!(tpm.public(STORAGE_ROOT_KEY), storage_root_key, "a key at its handle stays");
}

/// By coreutils.
fn base32(bytes: &[u8]) -> String {
    let mut child =
        Command::new("base32").arg("-w0").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let text = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    text.trim_end_matches('=').to_ascii_lowercase()
}

#[test]
fn keys_that_nobody_kept_are_those_of_the_tcg_s_templates() {
    let tpm = Swtpm::fresh();
    let (endorsement_key, storage_root_key) =
        (endorsement_key_by_tools(&tpm), storage_root_key_by_tools(&tpm));
    let seen = shown(&tpm, &["--challenge"]);
    assert_eq!(bytes(&seen["endorsement_key"]), endorsement_key);
    assert_eq!(bytes(&seen["storage_root_key"]), storage_root_key);
    assert_eq!(
        (&seen["endorsement_key_from"], &seen["storage_root_key_from"]),
        (&"template".into(), &"template".into())
    );
    assert_eq!(seen["ek_certificate"]["present"], false);
    assert_eq!(tpm.tool("getcap", &["handles-persistent"]), "", "kept without being asked");

    let kept = shown(&tpm, &["--keep"]);
    assert_eq!(kept["endorsement_key_from"], "persistent");
    assert_eq!(
        (tpm.public(ENDORSEMENT_KEY), tpm.public(STORAGE_ROOT_KEY)),
        (endorsement_key, storage_root_key)
    );
    assert_eq!(shown(&tpm, &["--keep"]), kept);
}

#[test]
fn a_key_of_another_template_is_neither_replaced_nor_passed_over() {
    let tpm = Swtpm::fresh();
    let tcg = endorsement_key_by_tools(&tpm);
    // As Microsoft's C and Node clients make it: nothing where the modulus will be.
    let made = endorsement_key_from(&tpm, &[]);
    tpm.tool("evictcontrol", &["-C", "o", "-c", "made.ctx", ENDORSEMENT_KEY]);
    tpm.tool("flushcontext", &["-t"]);
    let other = tpm.public(ENDORSEMENT_KEY);
    assert_eq!(other, made);
    assert_ne!(other, tcg, "the trap is there");
    let seen = shown(&tpm, &["--challenge", "--keep"]);
    assert_eq!(bytes(&seen["endorsement_key"]), other);
    assert_eq!(tpm.public(ENDORSEMENT_KEY), other);
}

/// An endorsement key with the TCG's policy and attributes, made by tpm2-tools in steps.
fn endorsement_key_from(tpm: &Swtpm, more: &[&str]) -> Vec<u8> {
    let policy = tpm.put("policy", policy());
    let attributes = "fixedtpm|fixedparent|sensitivedataorigin|adminwithpolicy|restricted|decrypt";
    let template =
        ["-C", "e", "-G", "rsa2048:null:aes128cfb", "-a", attributes, "-L", &policy, "-c", "made.ctx"];
    tpm.tool("createprimary", &[&template[..], more].concat());
    tpm.tool("flushcontext", &["-t"]);
    let public = tpm.public("made.ctx");
    tpm.tool("flushcontext", &["-t"]);
    public
}

/// The TCG's policy of endorsement keys.
fn policy() -> Vec<u8> {
    let hex = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa";
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[test]
fn the_maker_s_template_and_nonce_are_used_where_it_left_them() {
    let tpm = Swtpm::fresh();
    let tcg = endorsement_key_by_tools(&tpm);
    // The template is the key's public area, with zeros for its modulus.
    let template = [&tcg[2..60], &[0; 256]].concat();
    let readable = "ownerwrite|ownerread|authread|no_da";
    tpm.put_index("0x01c00004", readable, &template);
    let seen = shown(&tpm, &[]);
    assert_eq!(seen["endorsement_key_from"], "makers-template");
    assert_eq!(bytes(&seen["endorsement_key"]), tcg, "the same template, the same key");

    tpm.put_index("0x01c00003", readable, &[0xa5; 64]);
    // Not by `tpm2_createek -t`, which in 5.4 gives another key each time that a TPM has a nonce.
    let unique = tpm.put("unique", [&[0, 1][..], &[0xa5; 64], &[0; 192]].concat());
    let by_tools = endorsement_key_from(&tpm, &["-u", &unique]);
    assert_ne!(by_tools, tcg);
    assert_eq!(bytes(&shown(&tpm, &["--challenge"])["endorsement_key"]), by_tools);
}

#[test]
fn a_key_on_a_curve_is_read_and_challenged_too() {
    let tpm = Swtpm::fresh();
    tpm.tool("createek", &["-G", "ecc", "-c", "curve.ctx"]);
    tpm.tool("evictcontrol", &["-C", "o", "-c", "curve.ctx", ENDORSEMENT_KEY]);
    tpm.tool("flushcontext", &["-t"]);
    let seen = shown(&tpm, &["--challenge"]);
    assert_eq!(bytes(&seen["endorsement_key"]), tpm.public(ENDORSEMENT_KEY));
    assert_eq!((&seen["template"], &seen["challenge"]), (&"l-2".into(), &"passed".into()));
}

#[test]
fn through_a_resource_manager_several_programs_look_at_once() {
    let tpm = Swtpm::fresh();
    // It is there when the first look succeeds; then four at once, more than the TPM has slots for.
    let script = format!(
        "tpm2-abrmd --allow-root --session --tcti={} & manager=$!
         look() {{ \"$0\" --json tpm show --challenge --tcti tabrmd:bus_type=session; }}
         for try in $(seq 200); do look >/dev/null 2>&1 && break; sleep 0.05; done
         looks=(); for try in 1 2 3 4; do look >look-$try & looks+=($!); done
         wait \"${{looks[@]}}\"; cat look-?; kill $manager; wait $manager",
        tpm.tcti()
    );
    let run = ["--", "bash", "-c", &script, station_binary().to_str().unwrap()].map(str::to_owned);
    let output = Command::new("dbus-run-session")
        .args(run)
        // Each into a file of its own: what several write into one pipe may be mixed.
        .current_dir(tpm.file(""))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let looks: Vec<Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(looks.len(), 4, "{said}");
    let keys = |key: &str| looks.iter().map(|look| look[key].clone()).collect::<Vec<_>>();
    assert_eq!(keys("challenge"), ["passed"; 4]);
    assert!(keys("endorsement_key").windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(tpm.loaded(), "", "left behind");
}

#[test]
fn people_read_it_as_text() {
    let tpm = Swtpm::certified();
    let roots = tpm.file("roots");
    let text = Station::new(&["tpm", "show", "--challenge", "--tcti", &tpm.tcti()]).arg("--roots").arg(roots);
    let Outcome { stdout, .. } = text.run().expect(0);
    for part in [
        "a software TPM by its maker's name",
        "at its handle, template l-1",
        "passed: it holds",
        "its maker vouches",
    ] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
}
