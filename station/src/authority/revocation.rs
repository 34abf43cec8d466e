//! The list of what an authority takes back (CRL).

use certkit::{RevocationList, RevocationReason, Revoked};
use time::{Duration, OffsetDateTime};

use super::{Authority, AuthorityError, certificate_of};
use crate::clock::{parse_rfc3339, rfc3339};
use crate::ledger::entry::{Fact, Hold, hash, hex};
use crate::ledger::{LedgerReader, RollOverState};

/// A list that is signed, and not recorded yet.
#[derive(Debug)]
pub struct SignedList {
    /// The list.
    pub list: RevocationList,
    /// Its number: that of the entry which records it.
    pub number: u64,
    /// Certificates on it.
    pub revoked: u64,
    /// When the next one is due.
    pub next_update: OffsetDateTime,
}

impl SignedList {
    /// What the ledger takes.
    pub fn fact(&self, label: &str) -> Fact {
        Fact::RevocationListIssued {
            authority: label.to_owned(),
            number: self.number,
            next_update: rfc3339(self.next_update),
            revoked: self.revoked,
            sha256: hex(&hash(self.list.der())),
        }
    }
}

/// Signs the list of the authority's certificates that are superseded or revoked, and of its intermediates whose key may
/// be known. The caller holds the ledger: the list's number is that of the next entry.
///
/// # Errors
/// [`AuthorityError`].
pub fn revocation_list(
    label: &str,
    authority: &Authority,
    reader: &LedgerReader,
    now: OffsetDateTime,
    valid_for: Duration,
) -> Result<SignedList, AuthorityError> {
    let revoked = revoked(label, reader)?;
    let number = reader.count_entries()? + 1;
    let next_update = now + valid_for;
    let list = authority
        .issuer
        .revocation_list(&revoked, number, now, next_update)
        .map_err(|source| AuthorityError::Issue { label: label.to_owned(), source: Box::new(source) })?;
    Ok(SignedList { list, number, revoked: revoked.len() as u64, next_update })
}

fn revoked(label: &str, reader: &LedgerReader) -> Result<Vec<Revoked>, AuthorityError> {
    let at = |text: String| parse_rfc3339(&text).map_err(|source| AuthorityError::Time(text.clone(), source));
    let mut revoked = Vec::new();
    for ended in reader.ended_certificates(label)? {
        let serial = ended.certificate_serial;
        let serial = serial.parse().map_err(|source| AuthorityError::Serial(serial.clone(), source))?;
        let reason = if ended.scrapped {
            RevocationReason::CessationOfOperation
        } else {
            RevocationReason::Superseded
        };
        revoked.push(Revoked { serial, at: at(ended.ended_at)?, reason: Some(reason) });
    }
    for record in reader.authorities()?.iter().filter(|one| one.issuer.as_deref() == Some(label)) {
        if let Some(one) = reader.roll_over(&Hold::Authority(record.label.clone()))?
            && one.state == RollOverState::Breach
        {
            let serial = certificate_of(record)?.serial().clone();
            let reason = Some(RevocationReason::CaCompromise);
            revoked.push(Revoked { serial, at: at(one.since)?, reason });
        }
    }
    Ok(revoked)
}
