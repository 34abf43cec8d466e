//! What was issued without a unit.

use std::collections::{BTreeMap, HashMap};

use certkit::RegistrationId;
use rusqlite::{OptionalExtension, params};

use super::super::entry::{AheadCredential, Fact, Identity, IssuedCredential};
use super::super::record::{CredentialRecord, EndedCertificate, IdentityRecord, IdentityState};
use super::super::store::LedgerError;
use super::LedgerReader;

/// Identities of an order that credentials can be issued ahead for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AheadOf {
    /// Open, and no unit has them.
    Open,
    /// Announced by a command that was cut off: their credentials never left.
    CutOff,
    /// Checked out, handed over or not.
    CheckedOut,
}

impl LedgerReader {
    /// Identities of an order in the order's own sequence, at most `most`.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn ahead_of(
        &self,
        order: &str,
        which: AheadOf,
        most: u64,
    ) -> Result<Vec<RegistrationId>, LedgerError> {
        let filter = match which {
            AheadOf::Open => "i.state = 'open' AND i.unit IS NULL AND i.credential IS NULL",
            AheadOf::CutOff => {
                "i.state = 'checked-out' AND EXISTS (SELECT 1 FROM ahead a WHERE a.id_scope = i.id_scope
                 AND a.registration_id = i.registration_id AND a.state = 'announced')"
            }
            AheadOf::CheckedOut => "i.state = 'checked-out'",
        };
        let sql = format!(
            "SELECT i.registration_id FROM identity i WHERE i.order_name = ?1 AND {filter} ORDER BY i.position LIMIT ?2"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.list(&sql, params![order, most], |row| {
            let id: String = row.get(0)?;
            RegistrationId::parse(&id).map_err(|error| {
                rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
            })
        })
    }

    /// The identities of all orders whose credential was handed over without a unit, each with that credential, in the
    /// sequence of the orders and of their rows.
    ///
    /// # Errors
    /// [`LedgerError::Database`], [`LedgerError::Unreadable`].
    pub fn handed_over(&self) -> Result<Vec<IdentityRecord>, LedgerError> {
        let mut identities = self.checked_out()?;
        self.add_handed_over(&mut identities)?;
        identities.retain(|record| record.credential.is_some());
        Ok(identities)
    }

    /// The identities of an order that may register, in the order's own sequence: those of accepted units, and those
    /// whose credential was handed over without a unit, each with that credential.
    ///
    /// # Errors
    /// [`LedgerError::Database`], [`LedgerError::Unreadable`].
    pub fn may_register(&self, order: &str) -> Result<Vec<IdentityRecord>, LedgerError> {
        let mut identities = self.identities(order)?;
        identities.retain(|record| matches!(record.state, IdentityState::Live | IdentityState::CheckedOut));
        self.add_handed_over(&mut identities)?;
        identities.retain(|record| record.credential.is_some());
        Ok(identities)
    }

    /// Adds the credential that was handed over to each identity that is checked out.
    fn add_handed_over(&self, identities: &mut [IdentityRecord]) -> Result<(), LedgerError> {
        if identities.iter().all(|record| record.state != IdentityState::CheckedOut) {
            return Ok(());
        }
        let sql = "SELECT id_scope, registration_id, seq, item FROM ahead WHERE state = 'handed-over'";
        let rows: Vec<(String, String, u64, usize)> =
            self.list(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let places: HashMap<(String, String), (u64, usize)> =
            rows.into_iter().map(|(scope, id, seq, item)| ((scope, id), (seq, item))).collect();
        let mut entry: (u64, Vec<AheadCredential>) = (0, Vec::new());
        for record in identities.iter_mut().filter(|record| record.state == IdentityState::CheckedOut) {
            let Identity { id_scope, registration_id } = &record.identity;
            let Some(&(seq, item)) = places.get(&(id_scope.clone(), registration_id.to_string())) else {
                continue;
            };
            if entry.0 != seq {
                // An entry holds hundreds of credentials, of identities that follow each other: it is read once.
                let fact = self.entries(seq, 1)?.pop().map(|entry| entry.fact);
                let Some(Fact::IssuedAhead { credentials, .. }) = fact else { continue };
                entry = (seq, credentials);
            }
            record.credential = entry.1.get(item).map(|ahead| CredentialRecord {
                credential: ahead.credential.clone(),
                attempt: seq,
                state: "handed-over".to_owned(),
                reason: None,
                ended_at: None,
            });
        }
        Ok(())
    }

    /// Where the random keys lie in the vault that an entry announced without units, and how many identities they are
    /// of; none where it announced no such keys.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn keys_ahead(&self, entry: u64) -> Result<Option<(u64, u64)>, LedgerError> {
        let sql = "SELECT json_extract(bytes, '$.fact.keys'), json_array_length(bytes, '$.fact.credentials')
             FROM entry WHERE seq = ?1 AND json_extract(bytes, '$.fact.kind') = 'issued_ahead'
                AND json_extract(bytes, '$.fact.keys') IS NOT NULL";
        Ok(self.db.query_row(sql, [entry], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// Where all random keys lay or lie that were ever announced without units: each with whether one of them may still
    /// be of use, since its identity was handed over, or is about to be.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn all_keys_ahead(&self) -> Result<BTreeMap<u64, bool>, LedgerError> {
        let sql = "SELECT json_extract(e.bytes, '$.fact.keys') AS keys, a.of_use
             FROM (SELECT seq, max(state IN ('announced', 'handed-over')) AS of_use FROM ahead GROUP BY seq) a
             JOIN entry e USING (seq) WHERE keys IS NOT NULL";
        Ok(self.list(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?.into_iter().collect())
    }

    /// The certificates of an authority that were issued without a unit, and are superseded or revoked.
    pub(super) fn ended_ahead(&self, authority: &str) -> Result<Vec<EndedCertificate>, LedgerError> {
        let sql = "SELECT a.seq, a.item, a.ended_at, a.state = 'revoked' FROM ahead a
             WHERE a.ended_at IS NOT NULL ORDER BY a.seq, a.item";
        let rows: Vec<(u64, usize, String, bool)> =
            self.list(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        let mut ended = Vec::new();
        // An entry holds hundreds of credentials: it is read once.
        for of_entry in rows.chunk_by(|one, next| one.0 == next.0) {
            let entry = self.entries(of_entry[0].0, 1)?.pop().map(|entry| entry.fact);
            let Some(Fact::IssuedAhead { credentials, .. }) = entry else { continue };
            for (_, item, ended_at, scrapped) in of_entry {
                match credentials.get(*item).map(|ahead| &ahead.credential) {
                    Some(IssuedCredential::Certificate {
                        certificate_serial, authority: Some(by), ..
                    }) if by == authority => {
                        ended.push(EndedCertificate {
                            certificate_serial: certificate_serial.clone(),
                            ended_at: ended_at.clone(),
                            scrapped: *scrapped,
                        });
                    }
                    _ => {}
                }
            }
        }
        Ok(ended)
    }

    /// Of how many identities of an order a credential was handed over without a unit, and serves.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn count_handed_over(&self, order: &str) -> Result<u64, LedgerError> {
        let sql = "SELECT count(*) FROM ahead WHERE order_name = ?1 AND state = 'handed-over'";
        Ok(self.db.query_row(sql, [order], |row| row.get(0))?)
    }

    /// How many credentials were ever issued ahead: the sequence of their certificate serials.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn count_ahead(&self) -> Result<u64, LedgerError> {
        Ok(self.db.query_row("SELECT count(*) FROM ahead", [], |row| row.get(0))?)
    }
}
