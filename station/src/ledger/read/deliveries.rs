//! Questions about keys that left the station.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row};

use super::{LedgerReader, Result};
use crate::ledger::record::DeliveryRecord;

const DELIVERY: &str =
    "SELECT seq, order_name, form, recipients, identities, sha256, at, acknowledged_at FROM delivery";

impl LedgerReader {
    /// All deliveries, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Database`](crate::ledger::LedgerError::Database), as for every question here.
    pub fn deliveries(&self) -> Result<Vec<DeliveryRecord>> {
        self.list(&format!("{DELIVERY} ORDER BY seq"), [], delivery)
    }

    /// A delivery by its number.
    ///
    /// # Errors
    /// As above.
    pub fn delivery(&self, number: u64) -> Result<Option<DeliveryRecord>> {
        Ok(self.db.query_row(&format!("{DELIVERY} WHERE seq = ?1"), [number], delivery).optional()?)
    }

    /// The attempts that made the keys of a delivery; of keys that were made without units, the entries.
    ///
    /// # Errors
    /// As above.
    pub fn delivered_attempts(&self, delivery: u64) -> Result<Vec<u64>> {
        let sql = "SELECT attempt FROM delivered WHERE delivery = ?1 ORDER BY attempt";
        self.list(sql, [delivery], |row| row.get(0))
    }

    /// The attempts, or entries, whose keys have arrived with some delivery of this order. A delivery carries all keys of
    /// an entry that are of use then, and none of the others ever is again: so an entry arrives whole.
    ///
    /// # Errors
    /// As above.
    pub fn arrived_attempts(&self, order: &str) -> Result<BTreeSet<u64>> {
        let sql = "SELECT attempt FROM delivered JOIN delivery ON seq = delivery
            WHERE order_name = ?1 AND acknowledged_at IS NOT NULL";
        Ok(self.list(sql, [order], |row| row.get(0))?.into_iter().collect())
    }

    /// The registration IDs of an order for which some delivery has arrived: the service has an enrollment of each.
    ///
    /// # Errors
    /// As above.
    pub fn arrived_identities(&self, order: &str) -> Result<BTreeSet<String>> {
        let sql = "SELECT c.registration_id FROM credential c JOIN delivered USING (attempt)
            JOIN delivery d ON d.seq = delivery WHERE d.order_name = ?1 AND d.acknowledged_at IS NOT NULL
            UNION SELECT a.registration_id FROM ahead a JOIN delivered ON attempt = a.seq
            JOIN delivery d ON d.seq = delivery WHERE d.order_name = ?1 AND d.acknowledged_at IS NOT NULL
                -- Another credential had taken its place already.
                AND NOT EXISTS (SELECT 1 FROM ahead n WHERE n.id_scope = a.id_scope
                    AND n.registration_id = a.registration_id AND n.seq > a.seq AND n.seq < d.seq)";
        Ok(self.list(sql, [order], |row| row.get(0))?.into_iter().collect())
    }
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<DeliveryRecord> {
    let recipients: String = row.get(3)?;
    Ok(DeliveryRecord {
        delivery: row.get(0)?,
        order: row.get(1)?,
        form: row.get(2)?,
        recipients: super::from_json(3, &recipients)?,
        identities: row.get(4)?,
        sha256: row.get(5)?,
        at: row.get(6)?,
        acknowledged_at: row.get(7)?,
    })
}
