//! Why a private key could not be made, used or read.

use aws_lc_rs::error::{KeyRejected, Unspecified};
use thiserror::Error;

use crate::PemError;

/// Why a private key could not be made, used or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The library gave no key: its randomness failed.
    #[error("no private key could be made; check the system's random source")]
    Generate(#[source] Unspecified),
    /// The library gave no signature.
    #[error("the private key did not sign; check the system's random source")]
    Sign(#[source] Unspecified),
    /// The text is no PEM.
    #[error(
        "the private key is no PEM text; give the file that `openssl genpkey -aes256` or `station` wrote"
    )]
    Pem(#[source] PemError),
    /// The PEM block is of another kind.
    #[error(
        "expected an ENCRYPTED PRIVATE KEY, found {label:?}; encrypt it with `openssl pkcs8 -topk8 -v2 aes256`"
    )]
    NotEncrypted {
        /// The block's label.
        label: String,
    },
    /// The block holds no encrypted PKCS#8 (RFC 5958 §3).
    #[error("the ENCRYPTED PRIVATE KEY is damaged: it is no encrypted PKCS#8; take it from its backup")]
    Damaged(#[source] der::Error),
    /// It is encrypted in a way that is not read here.
    #[error(
        "the private key is encrypted in a way that is not read here; encrypt it anew with \
         `openssl pkcs8 -topk8 -v2 aes256`"
    )]
    Encryption(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The passphrase does not open the key.
    #[error("wrong passphrase: it does not open the private key; give the one that it was encrypted with")]
    WrongPassphrase,
    /// The passphrase opens it, and it is a key of a kind that is not used here.
    #[error(
        "the private key is of no kind that is used here: make a key of P-256, P-384, or RSA with 2048, 3072 or 4096 bits"
    )]
    NotSupported,
    /// The passphrase opens it, and the library finds the key wrong.
    #[error("the private key is damaged: its numbers do not fit each other; take it from its backup")]
    Rejected(#[source] KeyRejected),
    /// The token that holds the key did not sign; with the feature `pkcs11`, the source is a `TokenError`.
    #[error("the token that holds the private key did not sign")]
    Token(#[source] Box<dyn std::error::Error + Send + Sync>),
}
