//! The check of many signatures of one key.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    VerificationAlgorithm,
};

use crate::{BadSignature, KeyAlgorithm, KeyNotSupported, PublicKey};

/// A public key made ready once for many signatures, which are checked as [`PublicKey::verify`] does. This library takes a
/// third of the time that the one there does; it is the one that signs with keys in memory, so it suits only signatures
/// that were made elsewhere.
#[derive(Debug)]
pub(super) struct SignatureCheck(ParsedPublicKey);

impl SignatureCheck {
    pub(super) fn new(key: &PublicKey) -> Result<Self, KeyNotSupported> {
        let algorithm: &'static dyn VerificationAlgorithm = match key.algorithm() {
            KeyAlgorithm::P256 => &ECDSA_P256_SHA256_ASN1,
            KeyAlgorithm::P384 => &ECDSA_P384_SHA384_ASN1,
            KeyAlgorithm::Rsa2048 | KeyAlgorithm::Rsa3072 | KeyAlgorithm::Rsa4096 => {
                &RSA_PKCS1_2048_8192_SHA256
            }
        };
        ParsedPublicKey::new(algorithm, key.contents()).map(Self).map_err(|_| KeyNotSupported)
    }

    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.0.verify_sig(message, signature).map_err(|_| BadSignature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Signer, SoftwareSigner};

    #[test]
    fn takes_and_refuses_what_the_other_implementation_does() {
        for algorithm in KeyAlgorithm::ALL {
            let signer = SoftwareSigner::generate(algorithm).unwrap();
            let (key, check) = (signer.public_key(), SignatureCheck::new(signer.public_key()).unwrap());
            let signature = signer.sign(b"nonce").unwrap();
            let other = SoftwareSigner::generate(algorithm).unwrap().sign(b"nonce").unwrap();
            let mut changed = signature.clone();
            *changed.last_mut().unwrap() ^= 1;
            let cases: [(&[u8], &[u8], _); 6] = [
                (b"nonce", &signature, Ok(())),
                (b"nonse", &signature, Err(BadSignature)),
                (b"nonce", &changed, Err(BadSignature)),
                (b"nonce", &signature[1..], Err(BadSignature)),
                (b"nonce", &other, Err(BadSignature)),
                (b"nonce", b"", Err(BadSignature)),
            ];
            for (number, (message, signature, expected)) in cases.into_iter().enumerate() {
                assert_eq!(check.verify(message, signature), expected, "{algorithm} {number}");
                assert_eq!(key.verify(message, signature), expected, "{algorithm} {number}");
            }
        }
    }
}
