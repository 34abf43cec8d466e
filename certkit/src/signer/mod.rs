//! Who signs: a key in memory or a key in an HSM are peers.

mod error;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod software;

use std::fmt;

use crate::PublicKey;

pub use error::SignerError;
#[cfg(feature = "pkcs11")]
pub use pkcs11::{ObjectType, PinTries, Token, TokenCause, TokenError, TokenSigner, TokenUri, TokenUriError};
pub use software::SoftwareSigner;

/// A private key that signs and never shows itself.
pub trait Signer: Send + Sync + fmt::Debug {
    /// The public key.
    fn public_key(&self) -> &PublicKey;

    /// Signs as X.509 carries it: ECDSA with the hash of the curve's size (SHA-256 or SHA-384; DER, RFC 3279 §2.2.3),
    /// or RSA PKCS#1 v1.5 with SHA-256 (RFC 8017 §8.2).
    ///
    /// # Errors
    /// [`SignerError`].
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignerError>;

    /// Whether the key is in a token: how many signatures at a time serve best, only trying tells ([`Batch`](crate::Batch)
    /// does). For a key in memory it is as many as there are cores.
    fn is_in_token(&self) -> bool {
        false
    }
}
