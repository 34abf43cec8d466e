use proptest::prelude::*;
use time::{Duration, UtcOffset};

use super::*;
use crate::sample::{self, INTERMEDIATE, NOW, intermediate, profile, root};
use crate::{Certificate, Chain, ChainError, SignerError};

/// The profiles that devices get from an authority, as shipped and with all that a profile can say.
fn profiles() -> Vec<Profile> {
    let full = "[subject]\nserial_number = 'registration-id'\ncountry = 'DE'\nstate = 'x'\nlocality = 'template-samples'\n\
                organization = 'Contoso & Söhne'\norganizational_unit = 'x'\n\
                [[extension]]\noid = '1.3.6.1.4.1.311.21.10'\nder = '300c300a06082b06010505070302'\n";
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates/profiles");
    let mut profiles = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        if profile(&text).kind() == crate::Kind::Device {
            let (before, _) = text.split_once("[subject]").unwrap();
            profiles.push(profile(&format!("{before}{full}")));
            profiles.push(profile(&text));
        }
    }
    assert!(profiles.len() >= 4);
    profiles
}

fn keys() -> Vec<PublicKey> {
    [KeyAlgorithm::P256, KeyAlgorithm::P384, KeyAlgorithm::Rsa2048]
        .map(|kind| SoftwareSigner::generate(kind).unwrap().public_key().clone())
        .to_vec()
}

fn issuer() -> Arc<Issuer> {
    Arc::new(intermediate(&root(), "Line 1", &profile(INTERMEDIATE)))
}

/// Both ways to fill a template in, with what rcgen writes.
fn compare(
    template: &Template,
    id: &RegistrationId,
    key: &PublicKey,
    serial: &CertificateSerial,
    now: OffsetDateTime,
) {
    let subject = Subject::Device(id.clone());
    let rcgen = template.issuer().issue(&template.profile, &subject, key, serial, now);
    match (template.issue_now(id, key, serial, now), rcgen) {
        (Ok(ours), Ok(theirs)) => {
            let theirs = opened(theirs.der()).unwrap();
            assert_eq!(opened(&ours).unwrap(), theirs);
            let at_one_moment =
                Template::new(template.issuer.clone(), &template.profile, key.algorithm(), now);
            let ours = at_one_moment.unwrap().issue(id, key, serial).unwrap();
            assert_eq!(opened(&ours).unwrap(), theirs);
        }
        (Err(ours), Err(theirs)) => assert_eq!(ours.to_string(), theirs.to_string()),
        (ours, theirs) => panic!("{ours:?} and {theirs:?}"),
    }
}

fn templates() -> Vec<(Template, PublicKey)> {
    let (issuer, keys) = (issuer(), keys());
    let mut templates = Vec::new();
    for (profile, key) in profiles().iter().flat_map(|profile| keys.iter().map(move |key| (profile, key))) {
        match Template::new(issuer.clone(), profile, key.algorithm(), NOW) {
            Ok(template) => templates.push((template, key.clone())),
            Err(error) => assert!(matches!(error, IssueError::Key { .. }), "{error}"),
        }
    }
    templates
}

proptest! {
    #[test]
    fn it_is_what_rcgen_writes(
        id in "[a-z0-9]([a-z0-9._:-]{0,62}[a-z0-9-])?",
        serial in proptest::collection::vec(any::<u8>(), 1..=20),
    ) {
        thread_local! { static TEMPLATES: Vec<(Template, PublicKey)> = templates(); }
        let Ok(serial) = CertificateSerial::from_bytes(&serial) else { return Ok(()) };
        let id = RegistrationId::parse(&id).unwrap();
        TEMPLATES.with(|templates| {
            templates.iter().for_each(|(template, key)| compare(template, &id, key, &serial, NOW));
        });
    }

    #[test]
    fn at_any_time(milliseconds in 0..1000 * 3600 * 24 * 365 * 30i64) {
        thread_local! { static ISSUER: Arc<Issuer> = issuer(); }
        let key = sample::signer().public_key().clone();
        let (id, now) = (RegistrationId::parse("sensor-001").unwrap(), NOW + Duration::milliseconds(milliseconds));
        ISSUER.with(|issuer| for profile in profiles() {
            let template = Template::new(issuer.clone(), &profile, KeyAlgorithm::P256, NOW).unwrap();
            compare(&template, &id, &key, &sample::serial(3), now);
        });
    }
}

#[test]
fn every_length_of_name_and_serial() {
    let (issuer, keys) = (issuer(), keys());
    for profile in profiles() {
        let template = Template::new(issuer.clone(), &profile, KeyAlgorithm::P256, NOW).unwrap();
        for length in 1..=64 {
            let id = RegistrationId::parse(&"a".repeat(length)).unwrap();
            for first in [0x01, 0x7f, 0x80, 0xff] {
                let octets = [&[first][..], &vec![0; length % 19]].concat();
                let serial = CertificateSerial::from_bytes(&octets).unwrap();
                compare(&template, &id, &keys[0], &serial, NOW);
            }
        }
    }
}

#[test]
fn a_template_takes_every_kind_of_key_that_the_profile_permits() {
    let device = profile(sample::DEVICE);
    let template = Template::new(issuer(), &device, KeyAlgorithm::P256, NOW).unwrap();
    let id = RegistrationId::parse("sensor-001").unwrap();
    for key in keys() {
        compare(&template, &id, &key, &sample::serial(3), NOW);
    }
}

/// As a token that is at fault: its signatures are whole, and of something else.
#[derive(Debug)]
struct Liar(SoftwareSigner);

impl Signer for Liar {
    fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        self.0.sign(&message[1..])
    }
}

#[test]
fn a_wrong_signature_is_found_by_the_template_where_it_checks_and_by_the_chain_where_it_does_not() {
    let (root, key) = (root(), sample::signer());
    let certificate = root
        .issue(&profile(INTERMEDIATE), &sample::authority("Line"), key.public_key(), &sample::serial(2), NOW)
        .unwrap();
    let issuer = Arc::new(Issuer::new(certificate.clone(), Box::new(Liar(key))).unwrap());
    let template =
        || Template::new(issuer.clone(), &profile(sample::DEVICE), KeyAlgorithm::P256, NOW).unwrap();
    let (id, key) = (RegistrationId::parse("sensor-001").unwrap(), sample::signer().public_key().clone());
    let issued = |template: Template| template.issue_now(&id, &key, &sample::serial(3), NOW);
    let refused = issued(template().checking_signatures().unwrap()).unwrap_err();
    assert!(matches!(&refused, IssueError::BadSignature { issuer } if issuer == "CN=Line"), "{refused}");
    let leaf = Certificate::from_der(&issued(template()).unwrap()).unwrap();
    let refused = Chain::new(vec![leaf, certificate]).unwrap_err();
    assert!(matches!(refused, ChainError::Signature { .. }), "{refused}");
}

#[test]
fn what_is_issued_verifies_and_what_may_not_be_issued_is_refused() {
    let issuer = issuer();
    let device = profile(sample::DEVICE);
    let template = Template::new(issuer.clone(), &device, KeyAlgorithm::P256, NOW).unwrap();
    let id = RegistrationId::parse("sensor-001").unwrap();
    let key = &keys()[0];
    let der = template.issue(&id, key, &sample::serial(3)).unwrap();
    let leaf = Certificate::from_der(&der).unwrap();
    Chain::new(vec![leaf, issuer.certificate().clone()]).unwrap();

    let long = RegistrationId::parse(&"a".repeat(65)).unwrap();
    assert!(matches!(template.issue(&long, key, &sample::serial(3)), Err(IssueError::RegistrationId(_))));
    let refused = |profile: &str, now| {
        Template::new(issuer.clone(), &sample::profile(profile), KeyAlgorithm::P256, now).unwrap_err()
    };
    assert!(matches!(refused(INTERMEDIATE, NOW), IssueError::Kind { .. }));
    let late = issuer.certificate().not_after().to_offset(UtcOffset::UTC) + Duration::seconds(1);
    assert!(matches!(refused(sample::DEVICE, late), IssueError::Expired { .. }));
}
