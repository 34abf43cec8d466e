//! Certificates and keys for devices that connect through Azure DPS.
//!
//! Nothing here reads a file, a clock or a network: texts, times and randomness come in as arguments (only key
//! generation and ECDSA take their own randomness, as the library insists). Keys are P-256, P-384 or RSA, signatures
//! ECDSA or RSA with SHA-2.

mod certificate;
mod chain;
mod endorsement_key;
mod issue;
mod key_algorithm;
mod name;
mod pem;
mod possession;
mod profile;
mod public_key;
mod registration_id;
mod request;
#[cfg(test)]
mod sample;
mod sas_token;
mod serial;
mod signature_algorithm;
mod signer;
mod symmetric;
mod validity;

pub use certificate::{Certificate, CertificateError};
pub use chain::{Chain, ChainError};
pub use endorsement_key::{EndorsementKey, EndorsementKeyError, EndorsementKeyTemplate};
pub use issue::{IssueError, Issuer};
pub use key_algorithm::{KeyAlgorithm, KeyAlgorithmError};
pub use name::{CommonName, NameError, Organization, Subject};
pub use possession::{VerificationCode, VerificationCodeError};
pub use profile::{
    Country, CountryError, CsrSubject, ExtendedKeyUsage, Extension, ExtensionError, KeyUsage, Kind,
    OutlivingIssuer, Profile, ProfileError, SubjectTemplate,
};
pub use public_key::{BadSignature, KeyNotSupported, PublicKey};
pub use registration_id::{RegistrationId, RegistrationIdError, RegistrationIdProblem};
pub use request::{CertificateRequest, CertificateRequestError};
pub use sas_token::{SasToken, SasTokenError};
pub use serial::{CertificateSerial, CertificateSerialError};
pub use signer::{Signer, SignerError, SoftwareSigner};
pub use symmetric::{DeviceKey, GroupKey, SymmetricKeyError};
pub use validity::Validity;
