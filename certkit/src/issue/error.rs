//! Why nothing was issued.

use thiserror::Error;
use time::OffsetDateTime;

use crate::validity::shown;
use crate::{CertificateError, KeyAlgorithm, Kind, RegistrationIdError, SignerError};

/// Why nothing was issued.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// The private key belongs to another certificate.
    #[error(
        "the private key does not belong to the certificate of {issuer:?}: give the key that was made with it"
    )]
    KeyNotOwn {
        /// The authority.
        issuer: String,
    },
    /// The certificate is no CA's.
    #[error(
        "{issuer:?} is no certificate authority: give a certificate with CA:TRUE and the usage keyCertSign"
    )]
    NotAuthority {
        /// The certificate's subject.
        issuer: String,
    },
    /// The CA certificate lacks what leaves refer to.
    #[error(
        "the certificate of {issuer:?} has no subject key identifier, which RFC 5280 §4.2.1.2 asks of a CA: have \
             it issued anew"
    )]
    NoSubjectKeyId {
        /// The authority.
        issuer: String,
    },
    /// The CA certificate does not allow its key to sign lists.
    #[error(
        "the certificate of {issuer:?} does not have the usage crlSign: a list that it signed would be refused; make \
         authorities with \"crl-sign\" in their profile's `key_usage`"
    )]
    NoCrlSign {
        /// The authority.
        issuer: String,
    },
    /// The authority's name could not be copied byte for byte.
    #[error(
        "the name {issuer:?} cannot be copied into what it issues (several values in one part, a part twice, or an \
         old string type): have the authority's certificate issued with a plain name"
    )]
    Name {
        /// The authority.
        issuer: String,
    },
    /// The authority's validity is over.
    #[error("the certificate of {issuer:?} expired on {}, and it is {} now: make a new authority, or set the clock",
            shown(*not_after), shown(*now))]
    Expired {
        /// The authority.
        issuer: String,
        /// When it expired.
        not_after: OffsetDateTime,
        /// The time that was given.
        now: OffsetDateTime,
    },
    /// The authority's validity has not begun.
    #[error("the certificate of {issuer:?} is not valid before {}, and it is {} now: set the clock, or wait",
            shown(*not_before), shown(*now))]
    NotYetValid {
        /// The authority.
        issuer: String,
        /// When it begins.
        not_before: OffsetDateTime,
        /// The time that was given.
        now: OffsetDateTime,
    },
    /// The certificate would be valid for longer than its issuer's.
    #[error(
        "{subject:?} would be valid until {}, and its issuer {issuer:?} only until {}: shorten the profile's \
         `validity`, set its `outliving_issuer` to \"clamped\", or make a new authority",
        shown(*not_after), shown(*issuer_not_after)
    )]
    OutlivesIssuer {
        /// Whose certificate.
        subject: String,
        /// The authority.
        issuer: String,
        /// When the certificate would end.
        not_after: OffsetDateTime,
        /// When the authority's ends.
        issuer_not_after: OffsetDateTime,
    },
    /// The end lies beyond what a certificate can say.
    #[error("the validity ends after the year 9999: shorten the profile's `validity`, or set the clock")]
    BeyondCalendar,
    /// The authority must not issue another.
    #[error(
        "{issuer:?} has path length {allowed}, too little for {subject:?} beneath it: give the intermediate's profile \
         a `path_length` below that, or issue from an authority nearer to the root"
    )]
    PathLength {
        /// Whose certificate.
        subject: String,
        /// The authority.
        issuer: String,
        /// Its path length.
        allowed: u8,
    },
    /// A device was to get an authority's profile, an authority a device's, or a root an issuer.
    #[error(
        "a profile of kind {kind:?} does not fit {subject:?} here: choose the profile that is made for it"
    )]
    Kind {
        /// The profile's kind.
        kind: Kind,
        /// Whose certificate.
        subject: String,
    },
    /// The profile does not permit this kind of key.
    #[error(
        "the key of {subject:?} is {found}, and the profile permits {}: take such a key, or add it to the profile's `keys`",
        permitted.join(", ")
    )]
    Key {
        /// Whose certificate.
        subject: String,
        /// The key's kind.
        found: KeyAlgorithm,
        /// The kinds that are permitted.
        permitted: Vec<&'static str>,
    },
    /// A registration ID that the attribute serialNumber cannot hold (RFC 5280, appendix A.1: PrintableString).
    #[error(
        "the profile repeats the registration ID {id} as serialNumber, which has no `_`: take another ID or profile"
    )]
    NotPrintable {
        /// The registration ID.
        id: String,
    },
    /// The registration ID does not fit into a common name.
    #[error(transparent)]
    RegistrationId(#[from] RegistrationIdError),
    /// A profile whose certificates differ in more than a template has places for.
    #[error(
        "certificates of this profile cannot be made from a template: report this, and give the profile with it"
    )]
    Template,
    /// The key did not sign.
    #[error("the certificate could not be signed")]
    Sign(#[source] SignerError),
    /// No signature of the authority's could ever be checked.
    #[error(
        "the public key of {issuer:?} is none that a signature can be checked with: make a new authority"
    )]
    PublicKey {
        /// The authority.
        issuer: String,
    },
    /// What the key gave is no signature of its own.
    #[error(
        "the private key of {issuer:?} gave a signature that does not fit it: see whether it is the right key, and its token sound"
    )]
    BadSignature {
        /// The authority.
        issuer: String,
    },
    /// The certificate could not be written.
    #[error("the certificate could not be encoded")]
    Encode(#[source] rcgen::Error),
    /// What was written could not be read again.
    #[error("the new certificate cannot be read again")]
    ReadBack(#[source] CertificateError),
    /// What was written could not be read again.
    #[error("the new revocation list cannot be read again")]
    ReadBackList(#[source] der::Error),
}
