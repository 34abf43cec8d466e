//! Whom a profile is for.

use serde::Deserialize;

/// Whom a profile is for. Roots and intermediates are authorities (CA:TRUE), all others are not: no key of the file
/// changes that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A self-signed authority.
    Root,
    /// An authority under another.
    Intermediate,
    /// A device's leaf under an authority.
    Device,
    /// A device's certificate that its own key signs: issuer CN = subject CN = registration ID (DPS, "X.509
    /// attestation", individual enrollments).
    Individual,
    /// What proves to DPS or IoT Central that an authority's key is held: the common name is their verification code.
    Possession,
    /// Signs records for auditors.
    AuditSigner,
}

impl Kind {
    /// Whether it issues certificates.
    #[must_use]
    pub fn is_authority(self) -> bool {
        matches!(self, Self::Root | Self::Intermediate)
    }

    /// Whether its own key signs it.
    #[must_use]
    pub fn is_self_signed(self) -> bool {
        matches!(self, Self::Root | Self::Individual)
    }

    /// Whether a device connects with it.
    #[must_use]
    pub fn is_device(self) -> bool {
        matches!(self, Self::Device | Self::Individual)
    }
}
