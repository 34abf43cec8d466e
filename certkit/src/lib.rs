//! Certificates and keys for devices that connect through Azure DPS.
//!
//! Nothing here reads a file, a clock or a network: texts, times and randomness come in as arguments (only key
//! generation, ECDSA and credentials for TPMs take their own randomness, as the library insists). Keys are P-256, P-384 or RSA, signatures
//! ECDSA or RSA with SHA-2.
//!
//! A root, an intermediate and a device's leaf, with what the device sends:
//!
//! ```
//! use certkit::{
//!     CertificateSerial, Chain, CommonName, Issuer, KeyAlgorithm, Profile, Signer, SoftwareSigner, Subject,
//! };
//!
//! let profile = |text| Profile::from_toml(text);
//! let root_profile = profile("kind = 'root'\nvalidity = { years = 25 }\nkey_usage = ['key-cert-sign']")?;
//! let line_profile = profile("kind = 'intermediate'\nvalidity = { years = 20 }\nkey_usage = ['key-cert-sign']")?;
//! let device_profile = profile("kind = 'device'\nvalidity = { years = 10 }\nkey_usage = ['digital-signature']")?;
//! let authority = |name| CommonName::parse(name).map(Subject::Authority);
//! // Time and randomness are yours; so is the sequence that makes serials unique.
//! let now = time::macros::datetime!(2026-11-24 08:00 UTC);
//! let serial = |sequence| CertificateSerial::new(sequence, [0x5a; 8]);
//!
//! let key = SoftwareSigner::generate(KeyAlgorithm::P256)?;
//! let certificate = Issuer::self_signed(&root_profile, &authority("Contoso Root")?, &key, &serial(1), now)?;
//! let root = Issuer::new(certificate, Box::new(key))?;
//!
//! let key = SoftwareSigner::generate(KeyAlgorithm::P256)?;
//! let line = root.issue(&line_profile, &authority("Line 1")?, key.public_key(), &serial(2), now)?;
//! let line = Issuer::new(line, Box::new(key))?;
//!
//! let key = SoftwareSigner::generate(KeyAlgorithm::P256)?;
//! let device = Subject::Device("sensor-001".parse()?);
//! let leaf = line.issue(&device_profile, &device, key.public_key(), &serial(3), now)?;
//!
//! // Names, key identifiers, path lengths and signatures are checked.
//! let chain = Chain::new(vec![leaf, line.certificate().clone()])?;
//! assert_eq!(chain.leaf().subject_common_name(), Some("sensor-001"));
//! assert_eq!(chain.to_pem().matches("BEGIN CERTIFICATE").count(), 2);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod batch;
mod certificate;
mod chain;
mod endorsement_key;
mod issue;
mod key_algorithm;
mod name;
mod pem;
#[cfg(feature = "pkcs12")]
mod pkcs12;
mod possession;
mod private_key;
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

pub use batch::{Batch, BatchCredential, BatchError, BatchItem};
pub use certificate::{Certificate, CertificateError};
pub use chain::{Chain, ChainError};
pub use endorsement_key::{
    EndorsementCertificate, EndorsementCertificateError, EndorsementKey, EndorsementKeyError,
    EndorsementKeyTemplate, MakeCredentialError, MakerCertificate, MakerKey, TpmAttributes, TpmCredential,
    TpmObjectName, TpmObjectNameError,
};
pub use issue::{IssueError, Issuer, RevocationList, RevocationReason, Revoked, Template};
pub use key_algorithm::{KeyAlgorithm, KeyAlgorithmError};
pub use name::{CommonName, NameError, Organization, Subject};
pub use pem::PemError;
#[cfg(feature = "pkcs12")]
pub use pkcs12::{Pkcs12Error, from_pkcs12, to_pkcs12};
pub use possession::{VerificationCode, VerificationCodeError};
pub use private_key::{KeyFormat, KeyFormatError, PrivateKey};
pub use profile::{
    Country, CountryError, CsrSubject, ExtendedKeyUsage, Extension, ExtensionError, KeyUsage, Kind,
    OutlivingIssuer, Profile, ProfileError, SubjectTemplate,
};
pub use public_key::{BadSignature, KeyNotSupported, PublicKey};
pub use registration_id::{RegistrationId, RegistrationIdError, RegistrationIdProblem};
pub use request::{CertificateRequest, CertificateRequestError};
pub use sas_token::{SasToken, SasTokenError};
pub use serial::{CertificateSerial, CertificateSerialError};
#[cfg(feature = "pkcs11")]
pub use signer::{ObjectType, PinTries, Token, TokenCause, TokenError, TokenSigner, TokenUri, TokenUriError};
pub use signer::{Signer, SignerError, SoftwareSigner};
pub use symmetric::{DerivedKeyText, DeviceKey, GroupKey, SymmetricKeyError};
pub use validity::Validity;
