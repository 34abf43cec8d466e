//! What goes into a batch, and what comes out.

use crate::{CertificateSerial, PrivateKey, PublicKey, RegistrationId};

/// Whom a batch is to make a credential for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItem {
    /// The device.
    pub registration_id: RegistrationId,
    /// Its certificate's serial, never used before.
    pub serial: CertificateSerial,
}

/// A credential of a batch: a fresh key and the certificate for it.
#[derive(Debug, Clone)]
pub struct BatchCredential {
    /// Whom it is for.
    pub item: BatchItem,
    /// The private key.
    pub private_key: PrivateKey,
    /// The public key that belongs to it.
    pub public_key: PublicKey,
    /// The certificate, DER. What follows it in a chain is the same for all: the issuer's certificate, and those above it.
    pub leaf: Vec<u8>,
}

impl BatchCredential {
    /// The certificate as PEM (RFC 7468 §5).
    #[must_use]
    pub fn leaf_pem(&self) -> String {
        crate::pem::encode_certificate(&self.leaf)
    }
}
