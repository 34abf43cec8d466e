//! Who may know whom: the arrows between the workspace's crates and between the station's modules.
//!
//! The sources are read as tokens, not as a syntax tree: a path within a macro or an attribute is nothing but
//! tokens, and there it counts as well. What cannot be followed (the crate's root imported as a whole, `include!`,
//! `#[path]`) is a finding too. What is re-exported by an allowed module is that module's own affair.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what cannot be read or asked fails the test")]

mod reader;
mod workspace;

use std::collections::{BTreeMap, BTreeSet};

use workspace::{Member, members, module_of, rust_files};

/// Which crate of the workspace may name which other.
const CRATES: &[(&str, &[&str])] = &[
    ("certkit", &[]),
    ("firmware_image", &[]),
    ("station", &["certkit", "firmware_image"]),
    // It sees the program from outside: the binary, its output, its files.
    ("acceptance", &[]),
];

/// What every module of the station may use: these know nothing of units, ledgers or devices.
const GROUND: &[&str] = &["clock", "data_file", "error_text", "place", "placeholders", "template"];

/// Which module of the station may name which others, besides itself and the ground.
/// An arrow may be narrower than a module: `link::Step` lets nothing else of `link` through.
const MODULES: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    (
        "cli",
        &[
            "ahead",
            "authority",
            "check",
            "config",
            "core_dumps",
            "delivery",
            "event",
            "explain",
            "hsm::TokenAddress",
            "ledger",
            "line",
            "link",
            "manifest",
            "order",
            "product",
            "profile",
            "roll_over",
            "scan",
            "simulator",
            "tpm",
            "unit",
            "vault",
        ],
    ),
    (
        "line",
        &[
            "config::Fixture",
            "event",
            "ledger",
            "link",
            "product",
            "scan::Scans",
            "tpm::HierarchyAuths",
            "tpm::Tcti",
            "tpm::TpmError",
            "unit",
            "vault",
        ],
    ),
    // Without units, ledger or vault.
    (
        "explain",
        &[
            "ledger::entry",
            "link::Place",
            "link::ShownIn",
            "link::Step",
            "link::Variable",
            "link::Variables",
            "product",
            "unit",
            "vault::Secret",
        ],
    ),
    (
        "check",
        &[
            "authority",
            "config",
            "explain",
            "ledger",
            "link",
            "product",
            "profile",
            "tpm",
            "unit::Random",
            "vault",
        ],
    ),
    // The keys that a manifest must not carry.
    ("delivery", &["ledger", "manifest", "vault"]),
    ("roll_over", &["authority", "ledger", "manifest"]),
    ("manifest", &["ledger"]),
    // A product and its variables pass through it to the unit's image.
    ("ahead", &["ledger", "link::Variables", "product::Firmware", "product::Product", "unit", "vault"]),
    ("authority", &["config", "hsm", "ledger", "vault"]),
    ("hsm", &["vault::Secret"]),
    (
        "unit",
        &[
            "ledger::CredentialRecord",
            "ledger::WrittenRecord",
            "ledger::IdentityRecord",
            "ledger::IdentityState",
            "ledger::entry",
            "link::Chip",
            "link::FlashItem",
            "link::LockState",
            "link::Observed",
            "link::Place",
            "link::Shown",
            "link::Step",
            "link::Variables",
            "link::WriteItem",
            "product",
            "tpm::KeyOrigin",
            "tpm::TpmReading",
            "vault::Secret",
        ],
    ),
    ("order", &["ledger", "product", "unit::HardwareId", "vault::Secret", "vault::SecretName"]),
    (
        "product",
        &[
            "ledger::entry",
            "link::Chip",
            "link::Dialogue",
            "link::DialogueError",
            "link::SECTOR",
            "link::Section",
            "link::ShownIn",
            "link::Variable",
            "link::Variables",
            "vault::Secret",
            "vault::SecretName",
        ],
    ),
    ("scan", &["config::Fixture", "link::PortFault", "link::open_port"]),
    ("event", &["ledger::entry"]),
    ("link", &["ledger::Announce", "ledger::Announced", "ledger::entry", "tpm", "vault::Secret"]),
    // By hand, or as a step of the line: a way in, and what comes back.
    ("tpm", &["vault::Secret"]),
    ("ledger", &[]),
    ("vault", &[]),
    ("config", &["tpm::Tcti"]),
    ("core_dumps", &[]),
    ("profile", &[]),
    // A crate's own integration tests: a link with the simulator as its peer, in a process of its own; a TPM with swtpm.
    ("tests", &["ledger::entry", "link", "tpm"]),
    // Apart from all that it stands in for: it may not share a mistake with the code that it tries out.
    ("simulator", &[]),
    ("clock", &[]),
    ("data_file", &[]),
    ("error_text", &[]),
    ("place", &[]),
    ("placeholders", &[]),
    ("template", &[]),
];

#[test]
fn the_sources_keep_to_the_arrows() {
    let mut findings = Vec::new();
    let mut files = 0;
    for member in members() {
        findings.extend(forbidden_dependencies(&member));
        for file in rust_files(&member.folder) {
            let text = std::fs::read_to_string(&file).unwrap();
            let within = file.strip_prefix(member.folder.join("src"));
            let within = within.or_else(|_| file.strip_prefix(&member.folder)).unwrap();
            let module = module_of(within);
            let found = reader::findings(&member.name, module, &text)
                .unwrap_or_else(|error| panic!("{}: not readable as Rust: {error}", file.display()));
            findings.extend(found.iter().map(|finding| format!("{}: {finding}", file.display())));
            files += 1;
        }
    }
    assert!(files > 10, "only {files} source files found: the search is broken");
    assert!(findings.is_empty(), "{} forbidden arrows:\n{}", findings.len(), findings.join("\n"));
}

#[test]
fn a_forbidden_dependency_is_named() {
    let depends = |name: &str, on: &str| Member {
        name: name.to_owned(),
        folder: name.into(),
        dependencies: vec![on.to_owned()],
    };
    for (name, on) in [("certkit", "firmware_image"), ("firmware_image", "certkit"), ("certkit", "station")] {
        let findings = forbidden_dependencies(&depends(name, on));
        assert_eq!(findings, [format!("{name}/Cargo.toml: depends on {on}, and {name} may not")]);
    }
    assert!(forbidden_dependencies(&depends("station", "certkit")).is_empty());
}

#[test]
fn the_table_has_no_circle() {
    let mut left: BTreeMap<&str, BTreeSet<&str>> = MODULES
        .iter()
        .map(|(from, to)| (*from, to.iter().map(|to| to.split("::").next().unwrap()).collect()))
        .collect();
    while !left.is_empty() {
        let (leaves, rest): (BTreeMap<_, _>, BTreeMap<_, _>) =
            left.into_iter().partition(|(_, to)| to.is_empty());
        assert!(!leaves.is_empty(), "these modules know each other in a circle: {rest:?}");
        left = rest;
        for to in left.values_mut() {
            to.retain(|to| !leaves.contains_key(to));
        }
    }
}

/// Forbidden paths, each spelled another way: where it stands, the source, the path that the finding must name.
const TRIALS: &str = r#"
station::simulator              @ use crate::link;                                       @ crate::link
station::simulator              @ fn f() { let port = crate::link::open(1); }            @ crate::link::open
station::simulator              @ fn f(port: &crate :: link /* why */ :: Port) {}        @ crate::link::Port
station::simulator              @ struct S<T: crate::line::Watch>(T);                    @ crate::line::Watch
station::simulator              @ type X = <u8 as crate::line::Watch>::Out;              @ crate::line::Watch
station::simulator              @ use crate::{clock, place::{self, line}, link::{self}}; @ crate::link::self
station::simulator              @ use crate::{clock, link::console::{session::Session}}; @ crate::link::console::session::Session
station::simulator              @ use {crate::clock, crate::line::Station};              @ crate::line::Station
station::simulator              @ use crate::line as conveyor;                           @ crate::line
station::simulator              @ pub use crate::link::*;                                @ crate::link::*
station::simulator              @ use crate::r#link::Port;                               @ crate::link::Port
station::simulator              @ use ::station::link::Port;                             @ station::link::Port
station::simulator              @ fn f() { station::line::go(); }                        @ station::line::go
station::simulator              @ use super::link::Port;                                 @ super::link::Port
station::simulator              @ use self::super::link::Port;                           @ self::super::link::Port
station::simulator::relay::pace @ use super::super::super::link::X;                      @ super::super::super::link::X
station::simulator::relay       @ mod t { use super::super::super::line; }               @ super::super::super::line
station::simulator              @ fn f() { println!("{}", crate::link::NAME); }          @ crate::link::NAME
station::simulator              @ macro_rules! m { () => { $crate::link::open() } }      @ crate::link::open
station::simulator              @ macro_rules! m { ($m:ident) => { crate::$m::open() } } @ crate::$
station::simulator              @ #[derive(crate::link::Speak)] struct S;                @ crate::link::Speak
station::simulator              @ #[serde(with = "crate::link::hex")] struct S;          @ crate::link::hex
station::simulator              @ #![cfg_attr(all(), path = "../link.rs")]               @ #[path]
station::simulator              @ #[path = "../link/mod.rs"] mod other;                  @ #[path]
station::simulator              @ include!("../link/mod.rs");                            @ include!
station::simulator              @ use crate::*;                                          @ crate::*
station::simulator              @ use super::*;                                          @ super::*
station::simulator              @ use crate as root;                                     @ crate
station::simulator              @ use crate::{self as root};                             @ crate::self
station::simulator              @ use super as root;                                     @ super
station::simulator              @ extern crate self as root;                             @ extern crate self
station::simulator              @ use crate::NotAModule;                                 @ crate::NotAModule
station::line::trouble          @ use crate::cli::with_causes;                           @ crate::cli::with_causes
station::ledger                 @ use crate::gui::view;                                  @ crate::gui::view
station::unit                   @ use crate::link::{Step, ConsoleLink};                  @ crate::link::ConsoleLink
station::unit                   @ use crate::link;                                       @ crate::link
station::manifest               @ use crate::vault::Secret;                              @ crate::vault::Secret
station::main                   @ use station::line::Station;                            @ station::line::Station
station::a_new_module           @ use crate::line;                                       @ crate::line
station::tests::esp_link        @ use station::line::Station;                            @ station::line::Station
station                         @ pub use link::Port;                                    @ link::Port
certkit::issue                  @ use firmware_image::Region;                            @ firmware_image::Region
certkit::issue                  @ fn f() { ::firmware_image::plan(); }                   @ firmware_image::plan
certkit::issue                  @ use firmware_image as image;                           @ firmware_image
firmware_image::plan            @ extern crate certkit;                                  @ certkit
firmware_image::plan            @ type K = certkit::PublicKey;                           @ certkit::PublicKey
acceptance                      @ use station::ledger::Ledger;                           @ station::ledger::Ledger
"#;

/// What none of it is: a line each, where it stands and the source (`\n` begins a new line of it).
const ALLOWED: &str = r#"
station::simulator::relay       @ use super::shell::Shell; use crate::clock; use crate::simulator::*;
station::simulator::relay       @ mod tests { use super::*; use super::super::shell; }
station::simulator              @ //! Not [`crate::link`].\n/// Nor `crate::line::x`.\nfn f(self) { self as u8; }
station::simulator              @ pub(crate) fn f() { other::station::link(); "crate::link::x"; }
station::unit                   @ use crate::link::{Step, WriteItem}; fn f() { crate::link::Step::new(); }
station::line                   @ use crate::{clock::now, event::{self, Event}, link::*, unit as u}; use certkit::Chain;
station::main                   @ fn main() { station::cli::main() }
station                         @ pub mod link; mod line;
certkit::issue                  @ use crate::profile::Profile; use super::*;
"#;

#[test]
fn a_forbidden_path_is_named_however_it_is_spelled() {
    for line in TRIALS.trim().lines() {
        let [place, source, path] = columns(line);
        let findings = read_at(place, source);
        assert_eq!(findings.len(), 1, "{source}\n  in {place} gave {findings:?}");
        assert!(findings[0].starts_with(&format!("`{path}`")), "{source}\n  in {place} gave {}", findings[0]);
    }
}

#[test]
fn an_allowed_path_is_no_finding() {
    for line in ALLOWED.trim().lines() {
        let [place, source] = columns(line);
        let findings = read_at(place, &source.replace("\\n", "\n"));
        assert!(findings.is_empty(), "{source}\n  in {place} gave {findings:?}");
    }
}

fn columns<const N: usize>(line: &str) -> [&str; N] {
    let columns: Vec<_> = line.split(" @ ").map(str::trim).collect();
    columns.try_into().unwrap_or_else(|columns| panic!("{N} columns wanted: {columns:?}"))
}

/// The findings in a source that stands at `station::line::claim`, say.
fn read_at(place: &str, source: &str) -> Vec<String> {
    let (krate, module) = place.split_once("::").unwrap_or((place, ""));
    let module = module.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    reader::findings(krate, module, source).unwrap()
}

fn forbidden_dependencies(member: &Member) -> Vec<String> {
    let Member { name, folder, dependencies } = member;
    let forbidden = dependencies.iter().filter(|on| !crate_allows(name, on));
    forbidden
        .map(|on| format!("{}/Cargo.toml: depends on {on}, and {name} may not", folder.display()))
        .collect()
}

fn crate_allows(from: &str, to: &str) -> bool {
    from == to || CRATES.iter().any(|(name, others)| *name == from && others.contains(&to))
}

/// `to` is the module's path with the item: `["link", "Step"]`.
fn module_allows(from: &str, to: &[String]) -> bool {
    let arrows = MODULES.iter().find(|(name, _)| *name == from).map(|(_, to)| *to).unwrap_or_default();
    let is_prefix = |arrow: &str| {
        let arrow: Vec<_> = arrow.split("::").collect();
        to.len() >= arrow.len() && arrow.iter().zip(to).all(|(a, b)| a == b)
    };
    to[0] == from || GROUND.contains(&to[0].as_str()) || arrows.iter().any(|arrow| is_prefix(arrow))
}
