//! The proof that an authority's private key is held here (DPS, "How to verify X.509 CA certificates").

use certkit::{Certificate, CertificateSerial, Profile, SoftwareSigner, Subject, VerificationCode};
use time::OffsetDateTime;

use super::{Authority, AuthorityError};
use crate::ledger::LedgerReader;
use crate::ledger::entry::{Fact, hex};

/// Signs a service's verification code: a certificate whose common name it is. Its own key is made for it, and thrown
/// away. Gives what the ledger takes, too; the caller holds the ledger, since the serial is made of the next entry's number.
///
/// # Errors
/// [`AuthorityError`].
pub fn prove_possession(
    label: &str,
    authority: &Authority,
    code: &VerificationCode,
    profile: &Profile,
    reader: &LedgerReader,
    now: OffsetDateTime,
) -> Result<(Certificate, Fact), AuthorityError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)?;
    let serial = CertificateSerial::new(reader.count_entries()? + 1, random);
    let key = SoftwareSigner::generate(profile.own_key()).map_err(AuthorityError::NewKey)?;
    let public_key = certkit::Signer::public_key(&key);
    let certificate = authority
        .issuer
        .issue(profile, &Subject::Possession(code.clone()), public_key, &serial, now)
        .map_err(|source| AuthorityError::Issue { label: label.to_owned(), source: Box::new(source) })?;
    let fact = Fact::PossessionProven {
        authority: label.to_owned(),
        code: code.to_string(),
        certificate_serial: serial.to_string(),
        public_key: hex(&public_key.fingerprint()),
        certificate: certificate.to_pem(),
    };
    Ok((certificate, fact))
}
