//! Why a profile was refused.

use thiserror::Error;

use crate::NameError;

/// Why a profile was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// The text is no TOML, or holds a key or value that is not known.
    #[error("the certificate profile cannot be read; correct the line that is named")]
    Toml(#[source] toml::de::Error),
    /// No validity, or more than a century.
    #[error(
        "`validity` must be 1 to 36525 days, 1 to 100 years, or \"forever\" (RFC 5280 §4.1.2.5: 9999-12-31)"
    )]
    Validity,
    /// A proof that lasts.
    #[error("a proof of possession is shown once: let its `validity` be some days")]
    LastingProof,
    /// A usage or key is named twice.
    #[error("`keys`, `key_usage` or `extended_key_usage` names one twice; remove it")]
    Doubled,
    /// No kind of key is permitted.
    #[error("`keys` permits no kind of key: name p-256, p-384, rsa-2048, rsa-3072 or rsa-4096")]
    NoKeys,
    /// Another hash than SHA-2.
    #[error(
        "`hash` = {0:?}: certificates are signed with SHA-2 here, since TLS servers refuse the others; remove the key"
    )]
    Hash(String),
    /// CA:TRUE for a device, or CA:FALSE for an authority.
    #[error(
        "`ca = {found}` does not fit `kind`: roots and intermediates are authorities and nothing else is; remove the key"
    )]
    Authority {
        /// What was written.
        found: bool,
    },
    /// A common name other than the registration ID.
    #[error(
        "`common_name` = {0:?}: DPS takes the common name for the registration ID, so it is that (at most 64 characters), and \
         an authority's or a proof's comes with the command: remove the key"
    )]
    CommonName(String),
    /// A serialNumber attribute other than the registration ID.
    #[error(
        "`serial_number` = {0:?}: it can only be \"registration-id\", and only a device has one; change or remove it"
    )]
    SerialNumber(String),
    /// A part of the subject that cannot stand in a name.
    #[error("a value of `[subject]` cannot stand in a certificate's name")]
    Name(#[from] NameError),
    /// A device that could sign certificates.
    #[error(
        "only roots and intermediates sign certificates or revocation lists: remove `key-cert-sign` and `crl-sign`"
    )]
    LeafSigns,
    /// A device that could not do TLS, or a signer that could not sign.
    #[error("a device signs when it connects, and a signer signs: add `digital-signature` to `key_usage`")]
    CannotSign,
    /// A device that a TLS server would refuse.
    #[error(
        "`extended_key_usage` lacks `client-auth`: DPS would refuse the device; add it, or leave the key out"
    )]
    NoClientAuth,
    /// An authority that could not sign certificates.
    #[error("a root or intermediate signs certificates: add `key-cert-sign` to `key_usage`")]
    AuthorityCannotSign,
    /// An authority that constrains what is under it.
    #[error(
        "an `extended_key_usage` on a root or intermediate constrains every certificate under it, and verifiers \
         differ about it: remove it here and give it to the device"
    )]
    AuthorityWithExtendedKeyUsage,
    /// A usage that does not exist for the keys here.
    #[error(
        "`key-encipherment` is for RSA keys (RFC 8813 §3), and `keys` permits others: remove one or the other"
    )]
    KeyEncipherment,
    /// A path length where nothing is issued.
    #[error("`path_length` is for roots and intermediates: remove it")]
    PathLengthOnLeaf,
    /// A path length that no chain here reaches.
    #[error(
        "`path_length` = {found}: a chain has at most 4 certificates, so a root takes at most 2, an intermediate 1"
    )]
    TooDeep {
        /// What was written.
        found: u8,
    },
    /// Without an issuer there is nothing to outlive.
    #[error("what its own key signs has no issuer to outlive: remove `outliving_issuer`")]
    NoIssuer,
    /// Requests are for devices' keys under an authority.
    #[error("`csr_subject` is for devices under an authority (kind = \"device\"): remove it")]
    NoRequest,
    /// An extension is named twice.
    #[error("the extension {0} is there twice: remove one")]
    DoubledExtension(String),
}
