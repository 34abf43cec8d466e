//! What issuing costs beyond its two curve operations. Called by scripts/bench; a line a figure, as there.
//!
//! All figures are ratios of two loops that take turns in this run, the median of all turns. With `--rsa` it also times
//! how long RSA keys take two libraries, which takes minutes. With `--derive COUNT` it prints the seconds that so many device
//! keys take in memory, and nothing else.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "what cannot be set up ends the measurement"
)]

use std::hint::black_box;
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use base64::Engine;
use certkit::{
    Batch, BatchCredential, BatchItem, Certificate, CertificateSerial, CommonName, Issuer, KeyAlgorithm,
    KeyFormat, PrivateKey, Profile, RegistrationId, Signer, SoftwareSigner, Subject, Template,
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

mod rsa_keys;

/// Leaves of one turn on one core.
const ON_ONE: u64 = 500;
/// Leaves of one turn of a batch.
const IN_BATCH: u64 = 4_000;
const TURNS: usize = 25;
const BATCH_TURNS: usize = 11;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--derive") {
        println!("{}", derive_in_memory(arguments[at + 1].parse().unwrap()).as_secs_f64());
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--rsa") {
        rsa_keys::measure();
    }
    let one = figure("issue_over_floor_one_core", one_core(), '<', 1.18);
    let two = figure("issue_two_core_gain_over_floors_gain", two_cores(), '>', 0.95);
    if one && two { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn figure(name: &str, value: f64, sign: char, goal: f64) -> bool {
    let good = if sign == '<' { value <= goal } else { value >= goal };
    println!("{name} {value:.3} {sign}={goal} {}", if good { "ok" } else { "short" });
    good
}

/// An intermediate of P-256 keys with a template for device leaves, and its own certificate as PEM.
struct Line {
    issuer: Arc<Issuer>,
    profile: Profile,
    now: time::OffsetDateTime,
}

impl Line {
    fn new() -> Self {
        let profile = |text| Profile::from_toml(text).unwrap();
        let root_profile = profile(include_str!("../../templates/profiles/root.toml"));
        let intermediate_profile = profile(include_str!("../../templates/profiles/intermediate.toml"));
        let name = |text| Subject::Authority(CommonName::parse(text).unwrap());
        let now = time::macros::datetime!(2026-11-24 08:00 UTC);
        let (root_key, key) = (p256(), p256());
        let serial = |number| CertificateSerial::new(number, [7; 8]);
        let root = Issuer::self_signed(&root_profile, &name("Root"), &root_key, &serial(1), now).unwrap();
        let root = Issuer::new(root, Box::new(root_key)).unwrap();
        let certificate =
            root.issue(&intermediate_profile, &name("Line 1"), key.public_key(), &serial(2), now).unwrap();
        Self {
            issuer: Arc::new(Issuer::new(certificate, Box::new(key)).unwrap()),
            profile: profile(include_str!("../../templates/profiles/azure-device.toml")),
            now,
        }
    }

    fn template(&self) -> Template {
        Template::new(self.issuer.clone(), &self.profile, KeyAlgorithm::P256, self.now).unwrap()
    }

    fn above(&self) -> Vec<Certificate> {
        vec![self.issuer.certificate().clone()]
    }
}

fn p256() -> SoftwareSigner {
    SoftwareSigner::generate(KeyAlgorithm::P256).unwrap()
}

fn item(number: u64) -> BatchItem {
    BatchItem {
        registration_id: RegistrationId::parse(&format!("gw-{number:08}")).unwrap(),
        serial: CertificateSerial::of_batch(number, [7; 8]),
    }
}

/// What a device gets: its key, its leaf, its chain, all PEM.
fn texts(credential: &BatchCredential, above: &str) -> [usize; 3] {
    let leaf = credential.leaf_pem();
    let key = credential.private_key.to_pem(KeyFormat::Pkcs8).unwrap();
    let chain = [&leaf, above].concat();
    [black_box(key).len(), black_box(leaf).len(), black_box(chain).len()]
}

/// Key generation and one signature, with nothing around them.
fn floor(key: &EcdsaKeyPair, count: u64) {
    let random = SystemRandom::new();
    for number in 0..count {
        black_box(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap());
        black_box(key.sign(&random, &number.to_be_bytes()).unwrap());
    }
}

fn issue(template: &Template, above: &str, numbers: std::ops::Range<u64>) {
    for item in numbers.map(item) {
        let (private_key, public_key) = PrivateKey::generate(KeyAlgorithm::P256).unwrap();
        let leaf = template.issue(&item.registration_id, &public_key, &item.serial).unwrap();
        texts(&BatchCredential { item, private_key, public_key, leaf }, above);
    }
}

fn one_core() -> f64 {
    let line = Line::new();
    let (template, above) = (line.template(), line.issuer.certificate().to_pem());
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    // The first key of a process takes the library 45 ms.
    issue(&template, &above, 0..100);
    floor(&key, 100);
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        let bare = timed(|| floor(&key, ON_ONE));
        let whole = timed(|| issue(&template, &above, 0..ON_ONE));
        ratios.push(whole.as_secs_f64() / bare.as_secs_f64());
        rates.push(ON_ONE as f64 / whole.as_secs_f64());
    }
    println!("# {:.0} leaves a second on one core, with key, leaf and chain as PEM", median(&mut rates));
    median(&mut ratios)
}

fn two_cores() -> f64 {
    let line = Line::new();
    let batch = |threads: usize| {
        let (template, above) = (line.template(), line.above());
        let text = line.issuer.certificate().to_pem();
        let threads = NonZeroUsize::new(threads).unwrap();
        timed(|| {
            let made =
                Batch::on_cores(threads, template, above, (0..IN_BATCH).map(item), move |credential| {
                    texts(&credential, &text)
                });
            assert_eq!(made.filter(Result::is_ok).count() as u64, IN_BATCH);
        })
    };
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let floors = |threads: u64| {
        timed(|| {
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| floor(&key, IN_BATCH / threads));
                }
            });
        })
    };
    let (mut ratios, mut rates, mut gains) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..BATCH_TURNS {
        let [bare_one, one, bare_two, two] = [floors(1), batch(1), floors(2), batch(2)];
        let gain = one.as_secs_f64() / two.as_secs_f64();
        gains.push(gain);
        ratios.push(gain / (bare_one.as_secs_f64() / bare_two.as_secs_f64()));
        rates.push(IN_BATCH as f64 / two.as_secs_f64());
    }
    println!(
        "# {:.0} leaves a second on two cores, {:.2} times one core's",
        median(&mut rates),
        median(&mut gains)
    );
    median(&mut ratios)
}

/// Device keys as lines of CSV in memory: what `station keys derive` does with files around it.
fn derive_in_memory(count: u32) -> Duration {
    let ids: Vec<String> = (0..count).map(|number| format!("gw-{number:08}")).collect();
    let mut lines = Vec::with_capacity(ids.len() * 64);
    let keyed = Hmac::<Sha256>::new_from_slice(&[7; 64]).unwrap();
    let mut key = [0; 44];
    let taken = timed(|| {
        for id in &ids {
            let mac = keyed.clone().chain_update(id).finalize().into_bytes();
            base64::engine::general_purpose::STANDARD.encode_slice(mac, &mut key).unwrap();
            for part in [id.as_bytes(), b",", &key, b"\n"] {
                lines.extend_from_slice(part);
            }
        }
    });
    black_box(lines);
    taken
}

fn timed(work: impl FnOnce()) -> Duration {
    let begin = Instant::now();
    work();
    begin.elapsed()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
