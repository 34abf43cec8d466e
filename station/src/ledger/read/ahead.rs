//! What was issued without a unit.

use certkit::RegistrationId;
use rusqlite::params;

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

    /// How many credentials were ever issued ahead: the sequence of their certificate serials.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn count_ahead(&self) -> Result<u64, LedgerError> {
        Ok(self.db.query_row("SELECT count(*) FROM ahead", [], |row| row.get(0))?)
    }
}
