//! Questions that the ledger answers. Reading works beside a running station.

mod ahead;
mod deliveries;
mod orders;
mod roll_overs;

use std::collections::BTreeMap;
use std::path::Path;

use certkit::RegistrationId;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::entry::{Entry, Identity, SecretKind};
use super::record::{AttemptRecord, AuthorityRecord, CredentialRecord, IdentityRecord, WrittenRecord};
use super::store::{self, Head, LedgerError};

pub use ahead::AheadOf;

/// A reading connection.
#[derive(Debug)]
pub struct LedgerReader {
    db: Connection,
}

const IDENTITY: &str =
    "SELECT i.id_scope, i.registration_id, i.order_name, i.name, i.serial_number, i.meant_for, i.state, i.unit,
            i.reissue, i.reason, c.content, c.state, c.reason, c.attempt, c.ended_at
     FROM identity i LEFT JOIN credential c ON c.seq = i.credential";

const ATTEMPT: &str =
    "SELECT seq, order_name, fixture, hardware_id, registration_id, state, disposition, reason,
     evidence, opened_at, closed_at FROM attempt";

type Result<T> = std::result::Result<T, LedgerError>;

impl LedgerReader {
    /// Opens the ledger for reading.
    ///
    /// # Errors
    /// [`LedgerError::Missing`], [`LedgerError::Database`].
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { db: store::open_read_only(path)? })
    }

    /// The end of a station's chain.
    ///
    /// # Errors
    /// [`LedgerError::Database`], as for every question below.
    pub fn head(&self, station: &str) -> Result<Head> {
        store::head(&self.db, station)
    }

    /// The entries from `first` on, at most `most`.
    ///
    /// # Errors
    /// [`LedgerError::Unreadable`] too.
    pub fn entries(&self, first: u64, most: u64) -> Result<Vec<Entry>> {
        let mut select =
            self.db.prepare("SELECT seq, bytes FROM entry WHERE seq >= ?1 ORDER BY station, seq LIMIT ?2")?;
        let rows: Vec<(u64, String)> = select
            .query_map([first, most], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<std::result::Result<_, _>>()?;
        rows.iter().map(|(seq, bytes)| store::parse(*seq, bytes)).collect()
    }

    /// Number of entries of all chains.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn count_entries(&self) -> Result<u64> {
        Ok(self.db.query_row("SELECT count(*) FROM entry", [], |row| row.get(0))?)
    }

    /// The identity that a unit is bound to.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn bound_to(&self, hardware_id: &str) -> Result<Option<IdentityRecord>> {
        self.one_identity("WHERE i.unit = ?1 AND i.state <> 'burnt'", [hardware_id])
    }

    /// The identity whose unit has this key (SHA-256 of its SubjectPublicKeyInfo, hex): it made it and shows it, or its TPM
    /// has it for its endorsement key.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn holder_of_key(&self, public_key: &str) -> Result<Option<IdentityRecord>> {
        let filter = "WHERE i.id_scope || '/' || i.registration_id =
             (SELECT holder FROM claim WHERE kind = 'public_key' AND value = ?1)";
        self.one_identity(filter, [public_key])
    }

    /// The identity that was scrapped with this public key (SHA-256 of its SubjectPublicKeyInfo, hex).
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn scrapped_with_key(&self, public_key: &str) -> Result<Option<IdentityRecord>> {
        let filter = "WHERE EXISTS (SELECT 1 FROM spent WHERE kind = 'public_key' AND value = ?1) AND i.state = 'burnt'
             AND EXISTS (SELECT 1 FROM credential c WHERE c.id_scope = i.id_scope
                         AND c.registration_id = i.registration_id AND c.content ->> 'public_key' = ?1)";
        self.one_identity(filter, [public_key])
    }

    /// Why a unit was scrapped, where it was.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn scrapped(&self, hardware_id: &str) -> Result<Option<String>> {
        let sql = "SELECT coalesce(i.reason, '') FROM spent s JOIN identity i ON i.unit = s.value AND i.state = 'burnt'
            WHERE s.kind = 'hardware_id' AND s.value = ?1";
        Ok(self.db.query_row(sql, [hardware_id], |row| row.get(0)).optional()?)
    }

    /// The first identity of an order that is open and bound to no unit.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn next_unbound(&self, order: &str) -> Result<Option<IdentityRecord>> {
        self.one_identity(
            "WHERE i.order_name = ?1 AND i.state = 'open' AND i.unit IS NULL ORDER BY i.position LIMIT 1",
            [order],
        )
    }

    /// The identity of an order that is meant for this unit.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn meant_for(&self, order: &str, hardware_id: &str) -> Result<Option<IdentityRecord>> {
        self.one_identity("WHERE i.order_name = ?1 AND i.meant_for = ?2", [order, hardware_id])
    }

    /// The identity of an order whose row carries this serial number.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn labelled(&self, order: &str, serial_number: &str) -> Result<Option<IdentityRecord>> {
        self.one_identity("WHERE i.order_name = ?1 AND i.serial_number = ?2", [order, serial_number])
    }

    /// The identities that a person means by a registration ID, a hardware ID or a serial number.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn find(&self, text: &str) -> Result<Vec<IdentityRecord>> {
        let filter =
            "WHERE i.registration_id = ?1 OR i.unit = ?1 OR i.serial_number = ?1 ORDER BY i.id_scope";
        self.list(&format!("{IDENTITY} {filter}"), [text], identity)
    }

    /// All identities of an order, in the order's own sequence.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn identities(&self, order: &str) -> Result<Vec<IdentityRecord>> {
        self.list(&format!("{IDENTITY} WHERE i.order_name = ?1 ORDER BY i.position"), [order], identity)
    }

    /// An identity, whichever order reserved it; none where no order did.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn identity(&self, id_scope: &str, id: &RegistrationId) -> Result<Option<IdentityRecord>> {
        self.one_identity("WHERE i.id_scope = ?1 AND i.registration_id = ?2", [id_scope, id.as_str()])
    }

    /// Which order reserved an identity already, if one did.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn reserved_by(&self, id_scope: &str, id: &RegistrationId) -> Result<Option<String>> {
        let sql = "SELECT order_name FROM identity WHERE id_scope = ?1 AND registration_id = ?2";
        Ok(self.db.query_row(sql, params![id_scope, id.as_str()], |row| row.get(0)).optional()?)
    }

    /// All attempts of an order, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn attempts(&self, order: &str) -> Result<Vec<AttemptRecord>> {
        self.list(&format!("{ATTEMPT} WHERE order_name = ?1 ORDER BY seq"), [order], attempt)
    }

    /// All attempts on a unit, or under a registration ID, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn attempts_of(&self, unit_or_registration_id: &str) -> Result<Vec<AttemptRecord>> {
        let sql = format!("{ATTEMPT} WHERE hardware_id = ?1 OR registration_id = ?1 ORDER BY seq");
        self.list(&sql, [unit_or_registration_id], attempt)
    }

    /// All credentials that an identity ever had, oldest first: given to its unit, or issued ahead.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn credentials_of(&self, of: &Identity) -> Result<Vec<CredentialRecord>> {
        let sql = "SELECT content, state, reason, attempt, ended_at, seq FROM credential
             WHERE id_scope = ?1 AND registration_id = ?2
             UNION ALL SELECT json_extract(e.bytes, '$.fact.credentials[' || a.item || ']'), a.state, a.reason, a.seq,
                a.ended_at, a.seq
             FROM ahead a JOIN entry e ON e.seq = a.seq
             WHERE a.id_scope = ?1 AND a.registration_id = ?2 ORDER BY 6";
        self.list(sql, [of.id_scope.as_str(), of.registration_id.as_str()], |row| credential(row, 0))
    }

    /// The attempts that issued no credential, or one that was superseded before any unit proved it.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn attempts_without_credential(&self) -> Result<Vec<u64>> {
        let sql = "SELECT a.seq FROM attempt a
             LEFT JOIN credential c ON c.attempt = a.seq AND c.state <> 'superseded'
             WHERE c.seq IS NULL ORDER BY a.seq";
        self.list(sql, [], |row| row.get(0))
    }

    /// What an attempt announced to write to its unit, by item.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn written(&self, attempt: u64) -> Result<BTreeMap<String, WrittenRecord>> {
        let sql = "SELECT item, offset, length, content_mac, product_sha256 FROM written WHERE attempt = ?1";
        let rows = self.list(sql, [attempt], |row| {
            let (offset, length): (Option<u32>, Option<u32>) = (row.get(1)?, row.get(2)?);
            let written = WrittenRecord {
                region: offset.zip(length),
                content_mac: row.get(3)?,
                product_sha256: row.get(4)?,
            };
            Ok((row.get(0)?, written))
        })?;
        Ok(rows.into_iter().collect())
    }

    /// Whether an attempt announced to put the keys of its unit's TPM at their handles.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn keeps_keys(&self, attempt: u64) -> Result<bool> {
        let sql = "SELECT keeps_keys FROM attempt WHERE seq = ?1";
        Ok(self.db.query_row(sql, [attempt], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    /// What a secret of the vault is, where the ledger has seen it imported.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn secret_kind(&self, name: &str) -> Result<Option<SecretKind>> {
        let sql = "SELECT kind FROM secret WHERE name = ?1";
        let kind: Option<String> = self.db.query_row(sql, [name], |row| row.get(0)).optional()?;
        Ok(kind.map(|text| from_json(0, &text)).transpose()?)
    }

    /// All authorities, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn authorities(&self) -> Result<Vec<AuthorityRecord>> {
        let sql = "SELECT label, role, issuer, certificate, token_key FROM authority ORDER BY seq";
        self.list(sql, [], |row| {
            let token_key: Option<String> = row.get(4)?;
            Ok(AuthorityRecord {
                label: row.get(0)?,
                role: row.get(1)?,
                issuer: row.get(2)?,
                certificate: row.get(3)?,
                token_key: token_key.map(|text| from_json(4, &text)).transpose()?,
            })
        })
    }

    /// An authority by its label.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn authority(&self, label: &str) -> Result<Option<AuthorityRecord>> {
        Ok(self.authorities()?.into_iter().find(|authority| authority.label == label))
    }

    fn one_identity(&self, filter: &str, values: impl rusqlite::Params) -> Result<Option<IdentityRecord>> {
        Ok(self.list(&format!("{IDENTITY} {filter}"), values, identity)?.into_iter().next())
    }

    fn list<T>(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let mut select = self.db.prepare_cached(sql)?;
        let rows = select.query_map(values, read)?;
        Ok(rows.collect::<std::result::Result<_, _>>()?)
    }
}

fn identity(row: &Row<'_>) -> rusqlite::Result<IdentityRecord> {
    let issued: Option<String> = row.get(10)?;
    let credential = issued.map(|_| credential(row, 10)).transpose()?;
    let id: String = row.get(1)?;
    let registration_id = RegistrationId::parse(&id).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into())
    })?;
    Ok(IdentityRecord {
        identity: Identity { id_scope: row.get(0)?, registration_id },
        order: row.get(2)?,
        name: row.get(3)?,
        serial_number: row.get(4)?,
        meant_for: row.get(5)?,
        state: row.get(6)?,
        unit: row.get(7)?,
        credential,
        reissue: row.get(8)?,
        reason: row.get(9)?,
    })
}

/// What a column holds as JSON.
fn from_json<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, error.into())
    })
}

/// A credential whose columns content, state, reason, attempt and end begin at `first`.
fn credential(row: &Row<'_>, first: usize) -> rusqlite::Result<CredentialRecord> {
    let content: String = row.get(first)?;
    let credential = from_json(first, &content)?;
    Ok(CredentialRecord {
        credential,
        state: row.get(first + 1)?,
        reason: row.get(first + 2)?,
        attempt: row.get(first + 3)?,
        ended_at: row.get(first + 4)?,
    })
}

fn attempt(row: &Row<'_>) -> rusqlite::Result<AttemptRecord> {
    let evidence: Option<String> = row.get(8)?;
    let evidence = match evidence {
        None => Vec::new(),
        Some(text) => from_json(8, &text)?,
    };
    Ok(AttemptRecord {
        attempt: row.get(0)?,
        order: row.get(1)?,
        fixture: row.get(2)?,
        hardware_id: row.get(3)?,
        registration_id: row.get(4)?,
        state: row.get(5)?,
        disposition: row.get(6)?,
        reason: row.get(7)?,
        evidence,
        opened_at: row.get(9)?,
        closed_at: row.get(10)?,
    })
}
