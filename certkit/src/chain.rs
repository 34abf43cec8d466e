//! A chain of certificates, leaf first.

use thiserror::Error;

use crate::certificate::{Certificate, SignatureFault};
use crate::public_key::VerifyingKey;
use crate::{CertificateError, pem, signature_algorithm};

/// Most certificates of a chain. Microsoft states no limit; nothing that was seen to work is longer.
const MOST: usize = 4;

/// A chain, leaf first: each certificate is signed by the next, which is entitled to it. The root may be there or not.
///
/// Whether the certificates are valid *now* is not looked at: a chain has no clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    leaf: Certificate,
    certificates: Vec<Certificate>,
}

/// Why certificates are no chain.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ChainError {
    /// A certificate of the text could not be read.
    #[error("certificate {number} of the chain cannot be read")]
    Certificate {
        /// Which one, from 1, leaf first.
        number: usize,
        /// Why.
        source: CertificateError,
    },
    /// The text holds no certificates, or something else as well.
    #[error("the chain's text cannot be read")]
    Text(#[source] CertificateError),
    /// There is nothing.
    #[error("a chain without certificates; give at least the leaf")]
    Empty,
    /// More than four certificates.
    #[error(
        "a chain of {length} certificates; at most {MOST} are allowed: issue from an authority nearer to the root"
    )]
    TooLong {
        /// How many there are.
        length: usize,
    },
    /// The next certificate is not the issuer that this one names.
    #[error(
        "{subject:?} names {issuer:?} as its issuer, and {next:?} follows: put the issuer there, leaf first"
    )]
    NotIssuer {
        /// Whose certificate.
        subject: String,
        /// The issuer that it names.
        issuer: String,
        /// The certificate that follows.
        next: String,
    },
    /// Two certificates of one name: the other one's key was meant.
    #[error(
        "{subject:?} was issued by another key of {issuer:?}: the key identifiers differ; put that certificate there"
    )]
    OtherKey {
        /// Whose certificate.
        subject: String,
        /// The issuer that it names.
        issuer: String,
    },
    /// The issuer is no CA.
    #[error(
        "{issuer:?} is no certificate authority and cannot have issued {subject:?}: use a CA certificate"
    )]
    NotAuthority {
        /// Whose certificate.
        subject: String,
        /// The issuer.
        issuer: String,
    },
    /// More intermediates than the issuer's path length allows (RFC 5280 §4.2.1.9).
    #[error(
        "{issuer:?} allows {path_length} intermediates between itself and a leaf, and there are {found}: issue from \
         an authority nearer to it"
    )]
    PathLength {
        /// The issuer.
        issuer: String,
        /// How many it allows.
        path_length: u8,
        /// How many there are.
        found: usize,
    },
    /// The signature is not the issuer's.
    #[error(
        "the signature on {subject:?} is not that of {issuer:?}: it was changed, or another key signed it"
    )]
    Signature {
        /// Whose certificate.
        subject: String,
        /// The issuer that it names.
        issuer: String,
    },
    /// It is signed in a way that proves nothing today, or is not known here.
    #[error(
        "{subject:?} is signed with {}, and ECDSA or RSA (PKCS #1 v1.5) with SHA-2 is asked for: have it issued anew",
        signature_algorithm::shown(.oid)
    )]
    Algorithm {
        /// Whose certificate.
        subject: String,
        /// The algorithm's identifier.
        oid: String,
    },
    /// Something follows a root.
    #[error("{subject:?} is a root and must be the last of its chain: remove what follows")]
    AfterRoot {
        /// The root.
        subject: String,
    },
}

impl Chain {
    /// Joins certificates, leaf first, and checks each link: names, key identifiers, CA flag, path length, signature.
    ///
    /// # Errors
    /// [`ChainError`], naming the certificates between which the chain breaks.
    pub fn new(certificates: Vec<Certificate>) -> Result<Self, ChainError> {
        let leaf = certificates.first().ok_or(ChainError::Empty)?.clone();
        if certificates.len() > MOST {
            return Err(ChainError::TooLong { length: certificates.len() });
        }
        for (index, pair) in certificates.windows(2).enumerate() {
            if pair[0].is_self_issued() {
                return Err(ChainError::AfterRoot { subject: pair[0].subject_name() });
            }
            check_link(&pair[0], &pair[1], index)?;
        }
        Ok(Self { leaf, certificates })
    }

    /// Reads PEM, leaf first.
    ///
    /// # Errors
    /// [`ChainError`].
    pub fn from_pem(text: &str) -> Result<Self, ChainError> {
        let blocks = pem::decode_certificates(text).map_err(ChainError::Text)?;
        let certificates = blocks
            .iter()
            .enumerate()
            .map(|(index, der)| {
                Certificate::from_der(der)
                    .map_err(|source| ChainError::Certificate { number: index + 1, source })
            })
            .collect::<Result<_, _>>()?;
        Self::new(certificates)
    }

    /// The certificate that the chain is for.
    #[must_use]
    pub fn leaf(&self) -> &Certificate {
        &self.leaf
    }

    /// All certificates, leaf first.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The chain as PEM, leaf first: what a device sends (RFC 8446 §4.4.2 asks for this order).
    #[must_use]
    pub fn to_pem(&self) -> String {
        self.certificates.iter().map(Certificate::to_pem).collect()
    }
}

/// `below` is the number of intermediates between the issuer and the leaf.
pub(crate) fn check_link<K>(
    certificate: &Certificate<K>,
    issuer: &Certificate<impl VerifyingKey>,
    below: usize,
) -> Result<(), ChainError> {
    let (subject, issuer_name) = (certificate.subject_name(), certificate.issuer_name());
    if !certificate.issuer().means(issuer.subject()) {
        return Err(ChainError::NotIssuer { subject, issuer: issuer_name, next: issuer.subject_name() });
    }
    let differ = |(wanted, found)| wanted != found;
    if certificate.authority_key_id().zip(issuer.subject_key_id()).is_some_and(differ) {
        return Err(ChainError::OtherKey { subject, issuer: issuer_name });
    }
    if !issuer.is_authority() {
        return Err(ChainError::NotAuthority { subject, issuer: issuer_name });
    }
    if let Some(path_length) = issuer.path_length().filter(|most| usize::from(*most) < below) {
        return Err(ChainError::PathLength { issuer: issuer_name, path_length, found: below });
    }
    certificate.check_signature(issuer.public_key()).map_err(|fault| match fault {
        SignatureFault::Algorithm { oid } => ChainError::Algorithm { subject, oid },
        SignatureFault::NotThatKey => ChainError::Signature { subject, issuer: issuer_name },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{INTERMEDIATE, intermediate, leaf, profile, profile_with, root};

    fn refused(certificates: &[&Certificate]) -> ChainError {
        Chain::new(certificates.iter().map(|certificate| (*certificate).clone()).collect())
            .expect_err("refused")
    }

    #[test]
    fn a_chain_with_or_without_its_root() {
        let root = root();
        let issuer = intermediate(&root, "Line 1", &profile(INTERMEDIATE));
        let certificates = vec![leaf(&issuer, "sensor-001"), issuer.certificate().clone()];
        let chain = Chain::new(certificates.clone()).expect("without root");
        assert_eq!(chain.leaf(), &certificates[0]);
        assert_eq!(Chain::from_pem(&chain.to_pem()).expect("PEM"), chain);
        let with_root = [certificates, vec![root.certificate().clone()]].concat();
        assert_eq!(Chain::new(with_root).expect("with root").certificates().len(), 3);
        assert!(Chain::new(vec![root.certificate().clone()]).is_ok());
    }

    #[test]
    fn the_longest_chain_is_four() {
        let root = root();
        let policy =
            intermediate(&root, "Policy", &profile_with(INTERMEDIATE, "path_length = 0", "path_length = 1"));
        let issuer = intermediate(&policy, "Line 1", &profile(INTERMEDIATE));
        let leaf = leaf(&issuer, "sensor-001");
        let four = [&leaf, issuer.certificate(), policy.certificate(), root.certificate()];
        assert!(Chain::new(four.into_iter().cloned().collect()).is_ok());
        let [a, b, c, d] = four;
        assert!(matches!(refused(&[a, b, c, d, d]), ChainError::TooLong { length: 5 }));
        assert!(matches!(refused(&[]), ChainError::Empty));
    }

    #[test]
    fn each_break_has_its_own_error() {
        let (root, other) = (root(), root());
        let issuer = intermediate(&root, "Line 1", &profile(INTERMEDIATE));
        let device = leaf(&issuer, "sensor-001");
        let (issuer, root, other) = (issuer.certificate(), root.certificate(), other.certificate());
        assert!(matches!(refused(&[&device, root]), ChainError::NotIssuer { .. }));
        assert!(matches!(refused(&[issuer, &device]), ChainError::NotIssuer { .. }));
        assert!(matches!(refused(&[&device, issuer, other]), ChainError::OtherKey { .. }));
        assert!(matches!(refused(&[root, root]), ChainError::AfterRoot { .. }));
    }

    #[test]
    fn a_private_key_among_the_certificates_is_refused() {
        let text = format!("{}{}", root().certificate().to_pem(), *crate::sample::signer().to_pkcs8_pem());
        let error = Chain::from_pem(&text).expect_err("refused");
        assert!(matches!(error, ChainError::Text(CertificateError::OtherBlock { .. })), "{error:?}");
    }
}
