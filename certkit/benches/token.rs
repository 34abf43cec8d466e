//! What issuing costs over the token's own signing call, with a P-256 key in SoftHSM. Prints a line a figure: name, value,
//! goal, `ok` or `short`. The values are ratios of two things measured in turn in this run. The first is of whole credentials
//! of a batch on all cores, of which SoftHSM's call takes one; the others of certificates alone, without key and PEM; the last
//! is one by one and read again, as the line does it. Lines with `#` tell what the check of each signature costs.
//!
//! Run by scripts/bench: `cargo bench -p certkit --features pkcs11 --bench token`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "what cannot be set up ends the measurement, and its figure is what it prints"
)]

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, exit};
use std::sync::Arc;
use std::time::{Duration, Instant};

use certkit::{
    Batch, BatchItem, Certificate, CertificateSerial, CommonName, Issuer, KeyAlgorithm, KeyFormat, Profile,
    PublicKey, RegistrationId, Signer, SoftwareSigner, Subject, Template, Token, TokenSigner, TokenUri,
};
use cryptoki::context::Pkcs11;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, ObjectClass};
use cryptoki::session::Session;
use time::OffsetDateTime;
use time::macros::datetime;

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
const CONFIG: &str = "SOFTHSM2_CONF";
const PIN: &str = "bench-pin";
const GOAL: f64 = 1.15;
const ROUNDS: usize = 201;
/// Signatures a round and side.
const MANY: u64 = 25;
/// What takes turns: the token's own call and all that is compared with it.
const SIDES: usize = 4;
/// Credentials of a batch, and how many batches of each kind.
const IN_BATCH: u64 = 10_000;
const BATCHES: usize = 11;
const NOW: OffsetDateTime = datetime!(2026-11-24 08:00 UTC);

fn main() {
    // SoftHSM learns from the environment where its tokens lie, and a process cannot change its own safely.
    if std::env::var_os(CONFIG).is_none() {
        exit(in_a_process_of_its_own());
    }
    let (signer, keys) = (token().generate(KeyAlgorithm::P256, "line", &[1]).unwrap(), fresh_keys());
    let issuer = Arc::new(issuer(signer));
    let profile = Profile::from_toml(include_str!("../../templates/profiles/azure-device.toml")).unwrap();
    let template = || Template::new(issuer.clone(), &profile, KeyAlgorithm::P256, NOW).unwrap();
    let one = template();
    let bare = Bare::new();
    // The first calls load and warm; they are not counted.
    let sides: [&dyn Fn() -> Duration; SIDES] =
        [&|| bare.sign(), &|| issue_batch(&one, &keys), &|| issue(&one, &keys), &|| {
            issue_and_read(&one, &keys)
        }];
    let _ = sides.map(|side| side());
    let mut rounds = Vec::new();
    for round in 0..ROUNDS {
        // In short turns, and each first in turn: what slows the machine down slows all of them.
        let mut times = [0.0; SIDES];
        for side in (0..SIDES).map(|turn| (turn + round) % SIDES) {
            times[side] = sides[side]().as_secs_f64() * 1e6 / MANY as f64;
        }
        rounds.push(times);
    }
    let call = median(rounds.iter().map(|round: &[f64; SIDES]| round[0]));
    let [_, batch, one, read] =
        std::array::from_fn(|side| median(rounds.iter().map(|round| round[side] / round[0])));
    let [whole, checked] = whole(&bare, &template);
    println!(
        "# the token's own call takes {call:.1} us; over it, a whole credential of a batch with its signature"
    );
    println!("# checked, as `station issue` does: {checked:.2}");
    let figures = [("issue", whole), ("batch", batch), ("one_by_one", one), ("read_again", read)];
    let good = figures.map(|(name, value)| figure(&format!("pkcs11_{name}_over_token_sign"), value));
    exit(i32::from(good.contains(&false)));
}

/// Whole credentials (a fresh key, the certificate, PEM of key, leaf and chain) over the token's own call; and the same with
/// each signature checked, as `station issue` makes them. Calls are measured before and after each batch.
fn whole(bare: &Bare, template: &dyn Fn() -> Template) -> [f64; 2] {
    let call = || (0..IN_BATCH / MANY).map(|_| bare.sign()).sum::<Duration>().as_secs_f64();
    let mut ratios = [(); 2].map(|()| Vec::new());
    let mut before = call();
    for _ in 0..BATCHES {
        let templates = [template(), template().checking_signatures().unwrap()];
        for (ratios, template) in ratios.iter_mut().zip(templates) {
            let (batch, after) = (credentials(template).as_secs_f64(), call());
            ratios.push(2.0 * batch / (before + after));
            before = after;
        }
    }
    ratios.map(|ratios| median(ratios.into_iter()))
}

fn credentials(template: Template) -> Duration {
    let above = vec![template.issuer().certificate().clone()];
    let text = above[0].to_pem();
    let item = |number| BatchItem {
        registration_id: RegistrationId::parse(&format!("bench-{number:06}")).unwrap(),
        serial: CertificateSerial::of_batch(number, [7; 8]),
    };
    let began = Instant::now();
    let made = Batch::new(template, above, (0..IN_BATCH).map(item), move |credential| {
        let leaf = credential.leaf_pem();
        (credential.private_key.to_pem(KeyFormat::Pkcs8).unwrap(), [&leaf, text.as_str()].concat(), leaf)
    });
    assert_eq!(made.filter(Result::is_ok).count() as u64, IN_BATCH);
    began.elapsed()
}

fn figure(name: &str, value: f64) -> bool {
    let good = value <= GOAL;
    println!("{name} {value:.3} <={GOAL} {}", if good { "ok" } else { "short" });
    good
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Makes a token in a folder of its own, and measures there.
fn in_a_process_of_its_own() -> i32 {
    let folder = tempfile::tempdir().unwrap();
    let (config, tokens) = (folder.path().join("softhsm2.conf"), folder.path().join("tokens"));
    std::fs::create_dir(&tokens).unwrap();
    write(&config, &format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display()));
    let arguments = ["--init-token", "--free", "--label", "bench", "--pin", PIN, "--so-pin", "bench-so-pin"];
    let made = Command::new("softhsm2-util").args(arguments).env(CONFIG, &config).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let run = Command::new(std::env::current_exe().unwrap()).env(CONFIG, &config).status().unwrap();
    run.code().unwrap_or(4)
}

fn write(path: &Path, text: &str) {
    std::io::Write::write_all(&mut std::fs::File::create_new(path).unwrap(), text.as_bytes()).unwrap();
}

fn uri() -> TokenUri {
    format!("pkcs11:token=bench?module-path={MODULE}").parse().unwrap()
}

fn token() -> Token {
    Token::open(&uri(), PIN.as_bytes()).unwrap()
}

fn issuer(signer: TokenSigner) -> Issuer {
    let root = SoftwareSigner::generate(KeyAlgorithm::P256).unwrap();
    let profile = |text| Profile::from_toml(text).unwrap();
    let authority = |name| Subject::Authority(CommonName::parse(name).unwrap());
    let serial = CertificateSerial::new(1, [7; 8]);
    let (root_profile, profile) = (
        profile(include_str!("../../templates/profiles/root.toml")),
        profile(include_str!("../../templates/profiles/intermediate.toml")),
    );
    let certificate = Issuer::self_signed(&root_profile, &authority("Root"), &root, &serial, NOW).unwrap();
    let root = Issuer::new(certificate, Box::new(root)).unwrap();
    let certificate = root.issue(&profile, &authority("Line"), signer.public_key(), &serial, NOW).unwrap();
    Issuer::new(certificate, Box::new(signer)).unwrap()
}

/// Keys of devices: making them is no part of what is measured.
fn fresh_keys() -> Vec<PublicKey> {
    (0..MANY).map(|_| SoftwareSigner::generate(KeyAlgorithm::P256).unwrap().public_key().clone()).collect()
}

/// As the line does it for one unit: with a period that begins now.
fn issue(template: &Template, keys: &[PublicKey]) -> Duration {
    let id = RegistrationId::parse("bench-000001").unwrap();
    let began = Instant::now();
    for (number, key) in (1..).zip(keys) {
        black_box(template.issue_now(&id, key, &CertificateSerial::new(number, [7; 8]), NOW).unwrap());
    }
    began.elapsed()
}

/// The same, with the first step of the line's checks.
fn issue_and_read(template: &Template, keys: &[PublicKey]) -> Duration {
    let id = RegistrationId::parse("bench-000001").unwrap();
    let began = Instant::now();
    for (number, key) in (1..).zip(keys) {
        let der = template.issue_now(&id, key, &CertificateSerial::new(number, [7; 8]), NOW).unwrap();
        black_box(Certificate::from_der(&der).unwrap());
    }
    began.elapsed()
}

/// As a batch does it for many.
fn issue_batch(template: &Template, keys: &[PublicKey]) -> Duration {
    let id = RegistrationId::parse("bench-000001").unwrap();
    let began = Instant::now();
    for (number, key) in (1..).zip(keys) {
        black_box(template.issue(&id, key, &CertificateSerial::new(number, [7; 8])).unwrap());
    }
    began.elapsed()
}

/// The same key, used without anything of certkit.
struct Bare {
    session: Session,
    key: cryptoki::object::ObjectHandle,
}

impl Bare {
    fn new() -> Self {
        let module = Pkcs11::new(MODULE).unwrap();
        let slot = module.get_slots_with_initialized_token().unwrap()[0];
        let session = module.open_ro_session(slot).unwrap(); // logged in, as this process is
        let key = session.find_objects(&[Attribute::Class(ObjectClass::PRIVATE_KEY)]).unwrap()[0];
        Self { session, key }
    }

    fn sign(&self) -> Duration {
        let began = Instant::now();
        for number in 0..MANY {
            let mut digest = [0x5a; 32];
            digest[..8].copy_from_slice(&number.to_be_bytes());
            black_box(self.session.sign(&Mechanism::Ecdsa, self.key, &digest).unwrap());
        }
        began.elapsed()
    }
}
