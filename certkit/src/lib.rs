//! Certificates and keys for devices that connect through Azure DPS.
//!
//! Nothing here reads a file, a clock or a network: texts, times and randomness come in as arguments (only key
//! generation and ECDSA take their own randomness, as the library insists). Keys are P-256, signatures ECDSA with
//! SHA-256.

mod certificate;
mod chain;
mod issue;
mod name;
mod pem;
mod profile;
mod public_key;
mod registration_id;
#[cfg(test)]
mod sample;
mod sas_token;
mod serial;
mod signer;
mod symmetric;
mod validity;

pub use certificate::{Certificate, CertificateError};
pub use chain::{Chain, ChainError};
pub use issue::{IssueError, Issuer};
pub use name::{CommonName, NameError, Organization, Subject};
pub use profile::{ExtendedKeyUsage, KeyUsage, Kind, Profile, ProfileError};
pub use public_key::{BadSignature, KeyNotSupported, PublicKey};
pub use registration_id::{RegistrationId, RegistrationIdError, RegistrationIdProblem};
pub use sas_token::{SasToken, SasTokenError};
pub use serial::{CertificateSerial, CertificateSerialError};
pub use signer::{SignerError, SoftwareSigner};
pub use symmetric::{DeviceKey, GroupKey, SymmetricKeyError};
pub use validity::Validity;
