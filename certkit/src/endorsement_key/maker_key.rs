//! The keys of TPMs' makers.

use aws_lc_rs::signature::{
    ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ParsedPublicKey,
    VerificationAlgorithm,
};

use crate::public_key::VerifyingKey;
use crate::signature_algorithm::{Hash, Scheme, SignatureAlgorithm};
use crate::{BadSignature, Certificate, CertificateError, KeyNotSupported, PublicKey, pem};

/// What precedes the point in the SubjectPublicKeyInfo of a P-521 key (RFC 5480 §2.1.1).
const P521_PREFIX: [u8; 25] = [
    0x30, 0x81, 0x9b, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
    0x81, 0x04, 0x00, 0x23, 0x03, 0x81, 0x86, 0x00,
];
/// Octets of an uncompressed point (SEC 1 §2.3.3).
const P521_POINT: usize = 133;

/// A certificate of a TPM's maker: a root, or an intermediate.
pub type MakerCertificate = Certificate<MakerKey>;

/// A maker's key. Signatures are checked with it, and nothing is issued for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MakerKey {
    /// Of a kind that units and authorities have too.
    Usual(PublicKey),
    /// P-521, its point uncompressed: that of Nuvoton's and Infineon's newer roots.
    P521(Vec<u8>),
}

impl MakerKey {
    fn from_spki_der(der: &[u8]) -> Result<Self, KeyNotSupported> {
        let Some(point) = der.strip_prefix(&P521_PREFIX) else {
            return PublicKey::from_spki_der(der).map(Self::Usual);
        };
        if point.len() != P521_POINT {
            return Err(KeyNotSupported);
        }
        // Whether it is a point of the curve.
        ParsedPublicKey::new(&ECDSA_P521_SHA512_ASN1, point).map_err(|_| KeyNotSupported)?;
        Ok(Self::P521(point.to_vec()))
    }
}

impl VerifyingKey for MakerKey {
    fn verify_as(
        &self,
        algorithm: SignatureAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        let point = match self {
            Self::Usual(key) => return key.verify_as(algorithm, message, signature),
            Self::P521(point) => point,
        };
        let curve: &dyn VerificationAlgorithm = match (algorithm.scheme, algorithm.hash) {
            (Scheme::Ecdsa, Hash::Sha256) => &ECDSA_P521_SHA256_ASN1,
            (Scheme::Ecdsa, Hash::Sha384) => &ECDSA_P521_SHA384_ASN1,
            (Scheme::Ecdsa, Hash::Sha512) => &ECDSA_P521_SHA512_ASN1,
            (Scheme::Rsa, _) => return Err(BadSignature),
        };
        curve.verify_sig(point, message, signature).map_err(|_| BadSignature)
    }
}

impl Certificate<MakerKey> {
    /// Reads a maker's certificate, DER.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn of_maker(der: &[u8]) -> Result<Self, CertificateError> {
        Self::with_key_read_by(MakerKey::from_spki_der, der)
    }

    /// Reads PEM that holds one maker's certificate or more, in any order.
    ///
    /// # Errors
    /// [`CertificateError`].
    pub fn of_makers_from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        pem::decode_certificates(text)?.iter().map(|der| Self::of_maker(der)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::check_link;

    fn maker(text: &str) -> MakerCertificate {
        MakerCertificate::of_makers_from_pem(text).expect("PEM").remove(0)
    }

    /// Makers' own (`tests/vectors/makers`): a root with P-521, and one that an intermediate names in another encoding.
    #[test]
    fn makers_own_certificates_hang_together() {
        let nuvoton = maker(include_str!("../../tests/vectors/makers/nuvoton-p521-root.pem"));
        let under = maker(include_str!("../../tests/vectors/makers/nuvoton-p384-issuer.pem"));
        let stm = maker(include_str!("../../tests/vectors/makers/stm-ecc-intermediate.pem"));
        let second = maker(include_str!("../../tests/vectors/makers/stm-ecc-issuer-02.pem"));
        assert!(matches!(nuvoton.public_key(), MakerKey::P521(_)));
        assert_ne!(second.issuer().as_der(), stm.subject().as_der());
        for (certificate, issuer) in [(&nuvoton, &nuvoton), (&under, &nuvoton), (&second, &stm)] {
            assert!(check_link(certificate, issuer, 0).is_ok(), "{certificate:?}");
        }
        assert!(check_link(&under, &under, 0).is_err() && check_link(&second, &nuvoton, 0).is_err());
    }
}
