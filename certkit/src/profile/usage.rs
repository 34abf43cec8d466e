//! What a key and its certificate are for.

use serde::Deserialize;

/// What a key may do (RFC 5280 §4.2.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyUsage {
    /// Sign, as TLS does.
    DigitalSignature,
    /// Sign what can be held against its owner.
    NonRepudiation,
    /// Encrypt keys: for RSA keys only.
    KeyEncipherment,
    /// Agree on keys.
    KeyAgreement,
    /// Sign certificates.
    KeyCertSign,
    /// Sign revocation lists.
    CrlSign,
}

/// What a certificate is for (RFC 5280 §4.2.1.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExtendedKeyUsage {
    /// To be the client in TLS: what DPS asks of a device.
    ClientAuth,
    /// To be the server in TLS.
    ServerAuth,
    /// To sign or encrypt mail: Microsoft's sample devices have it.
    EmailProtection,
    /// To sign documents (RFC 9336).
    DocumentSigning,
}

impl KeyUsage {
    /// Its name in a profile.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::DigitalSignature => "digital-signature",
            Self::NonRepudiation => "non-repudiation",
            Self::KeyEncipherment => "key-encipherment",
            Self::KeyAgreement => "key-agreement",
            Self::KeyCertSign => "key-cert-sign",
            Self::CrlSign => "crl-sign",
        }
    }
}

impl ExtendedKeyUsage {
    /// Its object identifier.
    pub(crate) fn oid(self) -> &'static str {
        match self {
            Self::ServerAuth => "1.3.6.1.5.5.7.3.1",
            Self::ClientAuth => "1.3.6.1.5.5.7.3.2",
            Self::EmailProtection => "1.3.6.1.5.5.7.3.4",
            Self::DocumentSigning => "1.3.6.1.5.5.7.3.36",
        }
    }
}
