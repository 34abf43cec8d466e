//! How certificates and requests are signed: SHA-2 only.

use der::oid::ObjectIdentifier;

use crate::KeyAlgorithm;

/// Signature algorithms that are taken: ECDSA (RFC 5758 §3.2) and RSA PKCS#1 v1.5 (RFC 4055 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SignatureAlgorithm {
    pub(crate) scheme: Scheme,
    pub(crate) hash: Hash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ecdsa,
    Rsa,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

const KNOWN: [(&str, Scheme, Hash); 6] = [
    ("1.2.840.10045.4.3.2", Scheme::Ecdsa, Hash::Sha256),
    ("1.2.840.10045.4.3.3", Scheme::Ecdsa, Hash::Sha384),
    ("1.2.840.10045.4.3.4", Scheme::Ecdsa, Hash::Sha512),
    ("1.2.840.113549.1.1.11", Scheme::Rsa, Hash::Sha256),
    ("1.2.840.113549.1.1.12", Scheme::Rsa, Hash::Sha384),
    ("1.2.840.113549.1.1.13", Scheme::Rsa, Hash::Sha512),
];

/// What is met and not taken, and what it is called.
const NOT_TAKEN: [(&str, &str); 5] = [
    ("1.2.840.113549.1.1.4", "RSA with MD5"),
    ("1.2.840.113549.1.1.5", "RSA with SHA-1"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
    ("1.2.840.10045.4.1", "ECDSA with SHA-1"),
    ("1.3.101.112", "Ed25519"),
];

const NULL: [u8; 2] = [0x05, 0x00];

/// An algorithm's identifier, with its name where it is known.
pub(crate) fn shown(oid: &str) -> String {
    match NOT_TAKEN.iter().find(|(known, _)| *known == oid) {
        Some((_, name)) => format!("{name} ({oid})"),
        // It is one that is taken.
        None if KNOWN.iter().any(|(known, ..)| *known == oid) => {
            format!("{oid} and parameters that it must not have")
        }
        None => oid.to_owned(),
    }
}

impl SignatureAlgorithm {
    /// How keys of this kind sign here: with the hash of their strength.
    pub(crate) fn of(key: KeyAlgorithm) -> Self {
        match key {
            KeyAlgorithm::P256 => Self { scheme: Scheme::Ecdsa, hash: Hash::Sha256 },
            KeyAlgorithm::P384 => Self { scheme: Scheme::Ecdsa, hash: Hash::Sha384 },
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                Self { scheme: Scheme::Rsa, hash: Hash::Sha256 }
            }
        }
    }

    /// By its identifier: the OID's octets and the parameters, DER. None where it is an algorithm that is not taken, or
    /// carries odd parameters.
    pub(crate) fn named(oid: &[u8], parameters: Option<&[u8]>) -> Option<Self> {
        let known = |dotted: &str| ObjectIdentifier::new(dotted).is_ok_and(|known| known.as_bytes() == oid);
        let (_, scheme, hash) = KNOWN.into_iter().find(|(oid, ..)| known(oid))?;
        let usual = match scheme {
            Scheme::Ecdsa => parameters.is_none(),
            // RFC 4055 §5 asks for NULL; some leave it out.
            Scheme::Rsa => parameters.is_none_or(|parameters| parameters == NULL),
        };
        usual.then_some(Self { scheme, hash })
    }
}
