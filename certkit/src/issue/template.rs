//! Certificates of one profile and issuer, with all that is the same in them encoded once.
//!
//! The template is taken from what rcgen writes for a sample: wherever the sample's name, serial, key or key
//! identifier stands, the certificate's own goes. So whatever a profile brings (attributes, extensions) needs no code
//! here, and a second sample shows that nothing was missed.

use std::sync::Arc;

use rcgen::PublicKeyData;
use time::OffsetDateTime;

use super::contents::Public;
use super::{Issuer, check_key};
use crate::{
    CertificateSerial, IssueError, KeyAlgorithm, Profile, PublicKey, RegistrationId, Signer, SoftwareSigner,
    Subject,
};

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const PRINTABLE_STRING: u8 = 0x13;
const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
/// Set in the tags of values that hold other values (X.690 §8.1.2.5).
const CONSTRUCTED: u8 = 0x20;

/// A device's certificate as a form to be filled in. Its period is that of the moment when the template was made.
#[derive(Debug)]
pub struct Template {
    issuer: Arc<Issuer>,
    profile: Profile,
    key: KeyAlgorithm,
    tbs: Vec<Part>,
    /// The signature's AlgorithmIdentifier.
    algorithm: Vec<u8>,
    checks_signatures: bool,
}

/// A piece of DER.
#[derive(Debug)]
enum Part {
    Fixed(Vec<u8>),
    /// The registration ID, under this tag.
    Name(u8),
    Serial,
    PublicKey,
    /// The subject's key identifier, under this tag.
    KeyId(u8),
    /// A value that holds some of the above.
    Holding(u8, Vec<Part>),
}

/// What differs between two certificates of a template.
struct Own<'a> {
    name: &'a [u8],
    /// As DER has it: with a zero before a first octet that would make the number negative.
    serial: Vec<u8>,
    public_key: &'a [u8],
    key_id: Vec<u8>,
}

impl Template {
    /// Makes a template for device certificates with keys of this kind, issued now.
    ///
    /// # Errors
    /// [`IssueError`]: as [`Issuer::issue`]; [`IssueError::Template`] where the profile's certificates differ in more
    /// than there are places for.
    pub fn new(
        issuer: Arc<Issuer>,
        profile: &Profile,
        key: KeyAlgorithm,
        now: OffsetDateTime,
    ) -> Result<Self, IssueError> {
        // Names and serials of different lengths, so that the second sample shows every length that was taken as fixed.
        let sample = |name: &str, serial: &[u8]| -> Result<_, IssueError> {
            let key = SoftwareSigner::generate(key).map_err(IssueError::Sign)?.public_key().clone();
            let id = RegistrationId::parse(name)?;
            let serial = CertificateSerial::from_bytes(serial).map_err(|_| IssueError::Template)?;
            let written = written(&issuer, profile, &id, &key, &serial, now)?;
            Ok((id, key, serial, written))
        };
        let (id, public_key, serial, written) = sample("template-sample", &[0x5a; 20])?;
        let (tbs, algorithm) = opened(&written).ok_or(IssueError::Template)?;
        let own = Own::new(&id, &public_key, &serial);
        let tbs = parts(tbs, &own).ok_or(IssueError::Template)?;
        let template = Self {
            profile: profile.clone(),
            key,
            tbs,
            algorithm: algorithm.to_vec(),
            issuer: issuer.clone(),
            checks_signatures: false,
        };
        let (id, public_key, serial, written) = sample(&"x".repeat(64), &[0x80])?;
        let (tbs, _) = opened(&written).ok_or(IssueError::Template)?;
        if template.tbs(&id, &public_key, &serial)? != tbs {
            return Err(IssueError::Template);
        }
        Ok(template)
    }

    /// The same, with each signature checked before a certificate is given out: for keys in tokens, whose faults no one
    /// else sees. It costs more than signing in memory does.
    #[must_use]
    pub fn checking_signatures(self) -> Self {
        Self { checks_signatures: true, ..self }
    }

    /// The authority that signs.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// The kind of key that the certificates have.
    #[must_use]
    pub fn key(&self) -> KeyAlgorithm {
        self.key
    }

    /// Issues a certificate: the same, but for the signature, as [`Issuer::issue`] does. Gives its DER.
    ///
    /// # Errors
    /// [`IssueError`]: the name or the key does not fit the profile; the authority's key did not sign.
    pub fn issue(
        &self,
        id: &RegistrationId,
        public_key: &PublicKey,
        serial: &CertificateSerial,
    ) -> Result<Vec<u8>, IssueError> {
        let tbs = self.tbs(id, public_key, serial)?;
        let signature = self.issuer.signer.sign(&tbs).map_err(IssueError::Sign)?;
        if self.checks_signatures {
            let issuer = self.issuer.certificate();
            issuer
                .public_key()
                .verify(&tbs, &signature)
                .map_err(|_| IssueError::BadSignature { issuer: issuer.subject_name() })?;
        }
        let inner = tbs.len() + self.algorithm.len() + length_with_header(signature.len() + 1);
        let mut der = Vec::with_capacity(length_with_header(inner));
        header(SEQUENCE, inner, &mut der);
        der.extend_from_slice(&tbs);
        der.extend_from_slice(&self.algorithm);
        header(BIT_STRING, signature.len() + 1, &mut der);
        der.push(0); // no unused bits
        der.extend_from_slice(&signature);
        Ok(der)
    }

    fn tbs(
        &self,
        id: &RegistrationId,
        public_key: &PublicKey,
        serial: &CertificateSerial,
    ) -> Result<Vec<u8>, IssueError> {
        id.check_common_name()?;
        check_key(&self.profile, id.as_str(), public_key)?;
        // The only character of registration IDs that a PrintableString lacks (X.680 §41.4).
        if id.as_str().contains('_') && self.tbs.iter().any(Part::is_printable_name) {
            return Err(IssueError::NotPrintable { id: id.to_string() });
        }
        let own = Own::new(id, public_key, serial);
        let mut der = Vec::with_capacity(self.tbs.iter().map(|part| part.length(&own)).sum());
        self.tbs.iter().for_each(|part| part.write(&own, &mut der));
        Ok(der)
    }
}

/// A certificate as rcgen writes it, under a signature of nobody.
fn written(
    issuer: &Issuer,
    profile: &Profile,
    id: &RegistrationId,
    key: &PublicKey,
    serial: &CertificateSerial,
    now: OffsetDateTime,
) -> Result<Vec<u8>, IssueError> {
    let params = issuer.params(profile, &Subject::Device(id.clone()), key, serial, now)?;
    let nobody = Nobody(Public(issuer.signer.public_key()));
    let signed = params.signed_by(&Public(key), &rcgen::Issuer::from_params(&issuer.written, &nobody));
    Ok(signed.map_err(IssueError::Encode)?.der().to_vec())
}

/// Signs samples, which nobody is to believe: an HSM would count them.
struct Nobody<'a>(Public<'a>);

impl PublicKeyData for &Nobody<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl rcgen::SigningKey for &Nobody<'_> {
    fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok(vec![0])
    }
}

impl<'a> Own<'a> {
    fn new(id: &'a RegistrationId, public_key: &'a PublicKey, serial: &CertificateSerial) -> Self {
        let magnitude = serial.as_bytes();
        let negative = magnitude.first().is_some_and(|first| first >> 7 == 1);
        Self {
            name: id.as_str().as_bytes(),
            serial: [if negative { &[0][..] } else { &[] }, magnitude].concat(),
            public_key: public_key.spki_der(),
            key_id: public_key.key_id(),
        }
    }

    fn all(&self) -> [&[u8]; 4] {
        [self.name, &self.serial, self.public_key, &self.key_id]
    }
}

impl Part {
    fn length(&self, own: &Own<'_>) -> usize {
        match self {
            Self::Fixed(bytes) => bytes.len(),
            Self::Name(_) => length_with_header(own.name.len()),
            Self::Serial => length_with_header(own.serial.len()),
            Self::PublicKey => own.public_key.len(),
            Self::KeyId(_) => length_with_header(own.key_id.len()),
            Self::Holding(_, parts) => length_with_header(sum(parts, own)),
        }
    }

    fn write(&self, own: &Own<'_>, der: &mut Vec<u8>) {
        let mut value = |tag, bytes: &[u8]| {
            header(tag, bytes.len(), der);
            der.extend_from_slice(bytes);
        };
        match self {
            Self::Fixed(bytes) => der.extend_from_slice(bytes),
            Self::Name(tag) => value(*tag, own.name),
            Self::Serial => value(INTEGER, &own.serial),
            Self::PublicKey => der.extend_from_slice(own.public_key),
            Self::KeyId(tag) => value(*tag, &own.key_id),
            Self::Holding(tag, parts) => {
                header(*tag, sum(parts, own), der);
                parts.iter().for_each(|part| part.write(own, der));
            }
        }
    }

    fn is_printable_name(&self) -> bool {
        match self {
            Self::Name(tag) => *tag == PRINTABLE_STRING,
            Self::Holding(_, parts) => parts.iter().any(Self::is_printable_name),
            _ => false,
        }
    }
}

fn sum(parts: &[Part], own: &Own<'_>) -> usize {
    parts.iter().map(|part| part.length(own)).sum()
}

/// Takes DER apart, as far down as something of the sample's own stands in it.
fn parts(mut der: &[u8], own: &Own<'_>) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    while !der.is_empty() {
        let (whole, tag, value) = first_value(der)?;
        der = &der[whole.len()..];
        let inside = |own: &[u8]| whole.windows(own.len()).any(|window| window == own);
        let part = if whole == own.public_key {
            Part::PublicKey
        } else if tag == INTEGER && value == own.serial {
            Part::Serial
        } else if value == own.name {
            Part::Name(tag)
        } else if value == own.key_id {
            Part::KeyId(tag)
        } else {
            // An octet string may hold DER, as an extension's does. A longer text that only contains the name is no place.
            let holds = own.all().into_iter().any(inside) && (tag & CONSTRUCTED != 0 || tag == OCTET_STRING);
            match holds.then(|| self::parts(value, own)).flatten() {
                Some(parts) => Part::Holding(tag, parts),
                None => Part::Fixed(whole.to_vec()),
            }
        };
        match (parts.last_mut(), part) {
            (Some(Part::Fixed(before)), Part::Fixed(bytes)) => before.extend(bytes),
            (_, part) => parts.push(part),
        }
    }
    Some(parts)
}

/// The TBSCertificate of a certificate, and its signature's algorithm (RFC 5280 §4.1).
fn opened(certificate: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, _, inner) = first_value(certificate)?;
    let (tbs, _, _) = first_value(inner)?;
    let (algorithm, _, _) = first_value(&inner[tbs.len()..])?;
    Some((tbs, algorithm))
}

/// The first value of some DER (X.690 §8.1): whole, its tag, its contents.
fn first_value(der: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let (tag, first) = (*der.first()?, *der.get(1)?);
    let more = usize::from(if first & 0x80 == 0 { 0 } else { first & 0x7f });
    let length = match more {
        0 => usize::from(first),
        1..=4 => der.get(2..2 + more)?.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)),
        _ => return None,
    };
    let start = 2 + more;
    let end = start.checked_add(length)?;
    Some((der.get(..end)?, tag, der.get(start..end)?))
}

/// Tag and length (X.690 §10.1: the shortest form).
fn header(tag: u8, length: usize, der: &mut Vec<u8>) {
    der.push(tag);
    let octets = length.to_be_bytes();
    let significant = &octets[octets.len() - significant_octets(length)..];
    if length >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "a length has at most eight octets")]
        der.push(0x80 | significant.len() as u8);
    }
    der.extend_from_slice(significant);
}

fn length_with_header(length: usize) -> usize {
    1 + usize::from(length >= 0x80) + significant_octets(length) + length
}

fn significant_octets(length: usize) -> usize {
    (usize::BITS - length.leading_zeros()).div_ceil(8).max(1) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{Duration, UtcOffset};

    use super::*;
    use crate::sample::{self, INTERMEDIATE, NOW, intermediate, profile, root};

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

    fn compare(
        template: &Template,
        id: &RegistrationId,
        key: &PublicKey,
        serial: &CertificateSerial,
        now: OffsetDateTime,
    ) {
        let rcgen = written(template.issuer(), &template.profile, id, key, serial, now);
        match (template.tbs(id, key, serial), rcgen) {
            (Ok(ours), Ok(whole)) => assert_eq!(ours, opened(&whole).unwrap().0),
            (Err(ours), Err(theirs)) => assert_eq!(ours.to_string(), theirs.to_string()),
            (ours, theirs) => panic!("{ours:?} and {theirs:?}"),
        }
    }

    fn templates() -> Vec<(Template, PublicKey)> {
        let (issuer, keys) = (issuer(), keys());
        let mut templates = Vec::new();
        for (profile, key) in profiles().iter().flat_map(|profile| keys.iter().map(move |key| (profile, key)))
        {
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
        fn at_any_time(seconds in 0..3600 * 24 * 365 * 15i64) {
            thread_local! { static ISSUER: Arc<Issuer> = issuer(); }
            let key = sample::signer().public_key().clone();
            let (id, now) = (RegistrationId::parse("sensor-001").unwrap(), NOW + Duration::seconds(seconds));
            ISSUER.with(|issuer| for profile in profiles() {
                match Template::new(issuer.clone(), &profile, KeyAlgorithm::P256, now) {
                    Ok(template) => compare(&template, &id, &key, &sample::serial(3), now),
                    Err(error) => assert!(matches!(error, IssueError::OutlivesIssuer { .. }), "{error}"),
                }
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
    fn what_is_issued_verifies_and_what_may_not_be_issued_is_refused() {
        let issuer = issuer();
        let device = profile(sample::DEVICE);
        let template = Template::new(issuer.clone(), &device, KeyAlgorithm::P256, NOW).unwrap();
        let id = RegistrationId::parse("sensor-001").unwrap();
        let key = &keys()[0];
        let der = template.issue(&id, key, &sample::serial(3)).unwrap();
        let leaf = crate::Certificate::from_der(&der).unwrap();
        crate::Chain::new(vec![leaf, issuer.certificate().clone()]).unwrap();

        let long = RegistrationId::parse(&"a".repeat(65)).unwrap();
        assert!(matches!(template.issue(&long, key, &sample::serial(3)), Err(IssueError::RegistrationId(_))));
        let refused = |profile: &str, now| {
            Template::new(issuer.clone(), &sample::profile(profile), KeyAlgorithm::P256, now).unwrap_err()
        };
        assert!(matches!(refused(INTERMEDIATE, NOW), IssueError::Kind { .. }));
        let late = issuer.certificate().not_after().to_offset(UtcOffset::UTC) + Duration::seconds(1);
        assert!(matches!(refused(sample::DEVICE, late), IssueError::Expired { .. }));
    }
}
