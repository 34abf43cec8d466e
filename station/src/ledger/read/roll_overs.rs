//! Questions about what units hang on: what takes its place, and which units those are.

use super::{IDENTITY, LedgerReader, Result, identity};
use crate::ledger::entry::Hold;
use crate::ledger::record::{EndedCertificate, IdentityRecord, RollOver};

/// The sequence of the orders and of their rows.
const SEQUENCE: &str = "(SELECT o.seq FROM orders o WHERE o.name = i.order_name), i.position";

impl LedgerReader {
    /// What takes the place of an authority or a group key, where something does.
    ///
    /// # Errors
    /// [`LedgerError::Database`](crate::ledger::LedgerError::Database), as for every question here.
    pub fn roll_over(&self, hold: &Hold) -> Result<Option<RollOver>> {
        let all = self.roll_overs(hold.kind())?;
        Ok(all.into_iter().find(|roll_over| roll_over.retiring == hold.name()))
    }

    /// All roll-overs of authorities, or of group keys.
    ///
    /// # Errors
    /// As above.
    pub fn roll_overs(&self, kind: &str) -> Result<Vec<RollOver>> {
        let sql = "SELECT retiring, successor, state, at FROM roll_over WHERE kind = ?1 ORDER BY retiring";
        self.list(sql, [kind], |row| {
            Ok(RollOver {
                retiring: row.get(0)?,
                successor: row.get(1)?,
                state: row.get(2)?,
                since: row.get(3)?,
            })
        })
    }

    /// The accepted units of all orders, in the sequence of the orders and of their rows.
    ///
    /// # Errors
    /// As above.
    pub fn accepted_units(&self) -> Result<Vec<IdentityRecord>> {
        self.list(&format!("{IDENTITY} WHERE i.state = 'live' ORDER BY {SEQUENCE}"), [], identity)
    }

    /// The identities of all orders that are checked out, in the same sequence.
    pub(super) fn checked_out(&self) -> Result<Vec<IdentityRecord>> {
        self.list(&format!("{IDENTITY} WHERE i.state = 'checked-out' ORDER BY {SEQUENCE}"), [], identity)
    }

    /// Why an authority or a group key was retired and what serves in its place now, where it was: the last successor
    /// that is not retired itself.
    ///
    /// # Errors
    /// As above.
    pub fn retired(&self, hold: &Hold) -> Result<Option<RollOver>> {
        let all = self.roll_overs(hold.kind())?;
        let retired = |name: &str| all.iter().find(|one| one.retiring == name && one.state.is_retired());
        let Some(first) = retired(hold.name()) else { return Ok(None) };
        let mut last = first.clone();
        // What is retired never takes another's place: this ends.
        while let Some(next) = retired(&last.successor) {
            last.successor.clone_from(&next.successor);
        }
        Ok(Some(last))
    }

    /// The certificates of an authority that are superseded or revoked, oldest first.
    ///
    /// # Errors
    /// As above.
    pub fn ended_certificates(&self, authority: &str) -> Result<Vec<EndedCertificate>> {
        let sql = "SELECT json_extract(c.content, '$.certificate_serial'), c.ended_at,
                i.state = 'burnt' AND i.credential = c.seq
            FROM credential c JOIN identity i USING (id_scope, registration_id)
            WHERE c.ended_at IS NOT NULL AND json_extract(c.content, '$.authority') = ?1
            ORDER BY c.seq";
        let mut ended = self.list(sql, [authority], |row| {
            Ok(EndedCertificate {
                certificate_serial: row.get(0)?,
                ended_at: row.get(1)?,
                scrapped: row.get(2)?,
            })
        })?;
        ended.extend(self.ended_ahead(authority)?);
        Ok(ended)
    }
}
