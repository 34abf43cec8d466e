//! Certificate requests (PKCS#10, RFC 2986): how a device that made its own key asks for a certificate.

mod beyond;

use std::fmt;

use der::asn1::ObjectIdentifier;
use der::{Decode, Encode, Header, Reader, SliceReader};
use thiserror::Error;
use x509_cert::ext::pkix::name::DirectoryString;
use x509_cert::request::CertReq;

use crate::public_key::VerifyingKey;
use crate::signature_algorithm::{self, SignatureAlgorithm};
use crate::{CsrSubject, IssueError, KeyNotSupported, PemError, Profile, PublicKey, RegistrationId};

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
/// The two labels that requests have (RFC 7468 §7).
const LABELS: [&str; 2] = ["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"];

/// A request whose signature was checked: who made it holds the private key. What else it says is a wish.
///
/// ```
/// let text = "-----BEGIN CERTIFICATE REQUEST-----
/// MIHQMHgCAQAwFjEUMBIGA1UEAwwLc2Vuc29yLTAwMQAwWTATBgcqhkjOPQIBBggq
/// -----END CERTIFICATE REQUEST-----";
/// assert!(certkit::CertificateRequest::from_pem(text).is_err(), "it is cut off");
/// ```
#[derive(Clone)]
pub struct CertificateRequest {
    der: Vec<u8>,
    parsed: CertReq,
    public_key: PublicKey,
}

/// Why a request was not taken.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CertificateRequestError {
    /// The text is no PEM.
    #[error("the certificate request is no PEM text; have the device make it anew")]
    Pem(#[source] PemError),
    /// The text holds something else, or more than one request.
    #[error("expected one block CERTIFICATE REQUEST, found {found}; have the device make it anew")]
    Blocks {
        /// The blocks' labels.
        found: String,
    },
    /// The bytes are no request (RFC 2986 §4.2).
    #[error("the certificate request is damaged or no PKCS#10; have the device make it anew")]
    Der(#[source] der::Error),
    /// The key is of a kind that is not used here.
    #[error("the certificate request has a key that is not used here")]
    Key(#[from] KeyNotSupported),
    /// It is signed in a way that proves nothing today.
    #[error(
        "the certificate request is signed with {}, and ECDSA or RSA (PKCS #1 v1.5) with SHA-2 is asked for: have the device \
         sign so",
        signature_algorithm::shown(.oid)
    )]
    Algorithm {
        /// The algorithm's identifier.
        oid: String,
    },
    /// The signature is not that of its key: who sent it does not hold the private key.
    #[error(
        "the signature on the certificate request is not that of its own key: the device does not prove that it holds it"
    )]
    NotProven,
    /// The subject is not the registration ID, and the profile demands it.
    #[error(
        "the certificate request names {found:?}, and the profile demands the registration ID {id}: have the device make it so"
    )]
    Subject {
        /// The common names in the request.
        found: String,
        /// The registration ID.
        id: RegistrationId,
    },
    /// The profile does not permit the key.
    #[error("the certificate request's key is not permitted")]
    NotPermitted(#[source] Box<IssueError>),
}

impl CertificateRequest {
    /// Reads PEM that holds one request, and checks that its key signed it.
    ///
    /// # Errors
    /// [`CertificateRequestError`].
    pub fn from_pem(text: &str) -> Result<Self, CertificateRequestError> {
        let blocks = crate::pem::blocks(text).map_err(CertificateRequestError::Pem)?;
        match blocks.as_slice() {
            [block] if LABELS.contains(&block.tag()) => Self::from_der(block.contents()),
            [] => Err(CertificateRequestError::Blocks { found: "none".to_owned() }),
            others => {
                let labels: Vec<String> = others.iter().map(|block| crate::pem::label(block.tag())).collect();
                Err(CertificateRequestError::Blocks { found: labels.join(", ") })
            }
        }
    }

    /// Reads DER, and checks that its key signed it.
    ///
    /// # Errors
    /// [`CertificateRequestError`].
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateRequestError> {
        let parsed = CertReq::from_der(der).map_err(CertificateRequestError::Der)?;
        let spki = parsed.info.public_key.to_der().map_err(CertificateRequestError::Der)?;
        let public_key = PublicKey::from_spki_der(&spki)?;
        let parameters = parsed.algorithm.parameters.as_ref().map(Encode::to_der).transpose();
        let parameters = parameters.map_err(CertificateRequestError::Der)?;
        let algorithm = SignatureAlgorithm::named(parsed.algorithm.oid.as_bytes(), parameters.as_deref())
            .ok_or_else(|| CertificateRequestError::Algorithm { oid: parsed.algorithm.oid.to_string() })?;
        let signed = signed(der).map_err(CertificateRequestError::Der)?;
        let signature = parsed.signature.as_bytes().ok_or(CertificateRequestError::NotProven)?;
        public_key.verify_as(algorithm, signed, signature).map_err(|_| CertificateRequestError::NotProven)?;
        Ok(Self { der: der.to_vec(), parsed, public_key })
    }

    /// The request as PEM (RFC 7468 §7), lines ending with `\n`.
    #[must_use]
    pub fn to_pem(&self) -> String {
        crate::pem::encode(LABELS[0], &self.der)
    }

    /// The key that is to be certified; the device holds its other half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The common name that it asks for, where it asks for exactly one.
    #[must_use]
    pub fn subject_common_name(&self) -> Option<String> {
        let mut names = self.common_names();
        names.pop().filter(|_| names.is_empty())
    }

    /// All of them; one that is no text is empty.
    fn common_names(&self) -> Vec<String> {
        let attributes = self.parsed.info.subject.iter_rdn().flat_map(|part| part.iter());
        let names = attributes.filter(|attribute| attribute.oid == COMMON_NAME);
        let text = |value: &der::Any| value.decode_as::<DirectoryString>().map(String::from);
        names.map(|attribute| text(&attribute.value).unwrap_or_default()).collect()
    }

    /// Whether a certificate of this profile may be issued for it: the key's kind, and the subject where the profile
    /// demands that it be equal.
    ///
    /// # Errors
    /// [`CertificateRequestError::Subject`], [`CertificateRequestError::NotPermitted`].
    pub fn check(&self, profile: &Profile, id: &RegistrationId) -> Result<(), CertificateRequestError> {
        crate::issue::check_key(profile, id.as_str(), self.public_key.algorithm())
            .map_err(|error| CertificateRequestError::NotPermitted(Box::new(error)))?;
        let found = self.common_names();
        if profile.csr_subject() == CsrSubject::Equal && found != [id.as_str()] {
            return Err(CertificateRequestError::Subject { found: found.join(", "), id: id.clone() });
        }
        Ok(())
    }

    /// What it asks for beyond the profile, named one by one. None of it is ever granted: a certificate holds what its
    /// profile says.
    #[must_use]
    pub fn beyond(&self, profile: &Profile) -> Vec<String> {
        beyond::beyond(&self.parsed, profile)
    }
}

/// The CertificationRequestInfo, as it stands in a request (RFC 2986 §4.2).
fn signed(der: &[u8]) -> Result<&[u8], der::Error> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?;
    reader.tlv_bytes()
}

impl fmt::Debug for CertificateRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateRequest({}, {:?})", self.parsed.info.subject, self.public_key)
    }
}
