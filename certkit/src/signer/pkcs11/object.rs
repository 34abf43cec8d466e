//! Key objects of a token: what is asked when they are made, what must be true of them, and their public half.

use std::ffi::c_ulong;

use cryptoki::error::Error;
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier, OctetStringRef, UintRef};
use der::{Decode, Encode, Tag};
use x509_cert::spki::{AlgorithmIdentifier, SubjectPublicKeyInfo};

use super::uri::TokenUri;
use crate::{KeyAlgorithm, PublicKey};

/// id-ecPublicKey, secp256r1, secp384r1 (RFC 5480 §2.1.1), rsaEncryption (RFC 8017, appendix A.1).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// The mechanism that makes keys of this kind, and what describes the kind in the public key's template.
pub(super) fn kind(algorithm: KeyAlgorithm) -> (Mechanism<'static>, Vec<Attribute>) {
    let curve = |curve: ObjectIdentifier| {
        // A curve's identifier always has an encoding.
        (Mechanism::EccKeyPairGen, vec![Attribute::EcParams(curve.to_der().unwrap_or_default())])
    };
    let bits = |bits: u32| {
        let size = Attribute::ModulusBits(c_ulong::from(bits).into());
        (Mechanism::RsaPkcsKeyPairGen, vec![size, Attribute::PublicExponent(vec![1, 0, 1])])
    };
    match algorithm {
        KeyAlgorithm::P256 => curve(P256),
        KeyAlgorithm::P384 => curve(P384),
        KeyAlgorithm::Rsa2048 => bits(2048),
        KeyAlgorithm::Rsa3072 => bits(3072),
        KeyAlgorithm::Rsa4096 => bits(4096),
    }
}

/// The private half: stays in the token for ever, is never shown, and does nothing but sign.
pub(super) fn private_template(label: &str, id: &[u8]) -> Vec<Attribute> {
    vec![
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        Attribute::Decrypt(false),
        Attribute::Unwrap(false),
        Attribute::Derive(false),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
    ]
}

/// The public half.
pub(super) fn public_template(label: &str, id: &[u8], kind: Vec<Attribute>) -> Vec<Attribute> {
    let mut template = vec![
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::Id(id.to_vec()),
    ];
    template.extend(kind);
    template
}

/// What finds the objects of this class that the URI means.
pub(super) fn search(uri: &TokenUri, class: ObjectClass) -> Vec<Attribute> {
    let label = uri.object.as_ref().map(|label| Attribute::Label(label.as_bytes().to_vec()));
    let id = uri.id.as_ref().map(|id| Attribute::Id(id.clone()));
    [Some(Attribute::Class(class)), label, id].into_iter().flatten().collect()
}

/// What of a new private key is not as it was asked for; none where all is well.
pub(super) fn unprotected(session: &Session, key: ObjectHandle) -> Result<Option<&'static str>, Error> {
    let wanted = [
        (AttributeType::Sensitive, Attribute::Sensitive(true), "not sensitive"),
        (AttributeType::AlwaysSensitive, Attribute::AlwaysSensitive(true), "not sensitive from the start"),
        (AttributeType::Extractable, Attribute::Extractable(false), "extractable"),
        (
            AttributeType::NeverExtractable,
            Attribute::NeverExtractable(true),
            "not kept from extraction from the start",
        ),
        (AttributeType::Local, Attribute::Local(true), "not made inside the token"),
    ];
    let asked: Vec<AttributeType> = wanted.iter().map(|(kind, ..)| *kind).collect();
    let has = session.get_attributes(key, &asked)?;
    Ok(wanted.into_iter().find(|(_, attribute, _)| !has.contains(attribute)).map(|(.., what)| what))
}

/// The public key of a public key object; none where it is of no kind that is used here.
pub(super) fn public_key(session: &Session, key: ObjectHandle) -> Result<Option<PublicKey>, Error> {
    let asked = [
        AttributeType::KeyType,
        AttributeType::EcParams,
        AttributeType::EcPoint,
        AttributeType::Modulus,
        AttributeType::PublicExponent,
    ];
    let (mut kind, mut curve, mut point, mut modulus, mut exponent) = (None, None, None, None, None);
    for attribute in session.get_attributes(key, &asked)? {
        match attribute {
            Attribute::KeyType(value) => kind = Some(value),
            Attribute::EcParams(value) => curve = Some(value),
            Attribute::EcPoint(value) => point = Some(value),
            Attribute::Modulus(value) => modulus = Some(value),
            Attribute::PublicExponent(value) => exponent = Some(value),
            _ => {}
        }
    }
    let spki = match kind {
        Some(KeyType::EC) => curve.zip(point).and_then(|(curve, point)| ec_spki(&curve, &point).ok()),
        Some(KeyType::RSA) => modulus.zip(exponent).and_then(|(n, e)| rsa_spki(&n, &e).ok()),
        _ => None,
    };
    Ok(spki.and_then(|spki| PublicKey::from_spki_der(&spki).ok()))
}

fn ec_spki(curve: &[u8], point: &[u8]) -> der::Result<Vec<u8>> {
    // PKCS#11 §6.3.3 (v3.1) wraps the point in an OCTET STRING; some tokens give it bare. No length can be either.
    let bare = matches!(point.len(), 65 | 97);
    let point = if bare { point } else { <&OctetStringRef>::from_der(point)?.as_bytes() };
    spki(EC_PUBLIC_KEY, AnyRef::from_der(curve)?, point)
}

fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> der::Result<Vec<u8>> {
    let numbers = [UintRef::new(modulus)?.to_der()?, UintRef::new(exponent)?.to_der()?].concat();
    spki(RSA, AnyRef::NULL, &AnyRef::new(Tag::Sequence, &numbers)?.to_der()?)
}

fn spki(oid: ObjectIdentifier, parameters: AnyRef<'_>, key: &[u8]) -> der::Result<Vec<u8>> {
    let algorithm = AlgorithmIdentifier { oid, parameters: Some(parameters) };
    SubjectPublicKeyInfo { algorithm, subject_public_key: BitStringRef::from_bytes(key)? }.to_der()
}
