//! Questions about orders: what was ordered, and how it stands.

use rusqlite::OptionalExtension;

use super::{LedgerReader, Result};
use crate::ledger::record::{Counts, OrderRecord};

impl LedgerReader {
    /// An order by its name.
    ///
    /// # Errors
    /// [`LedgerError::Database`](crate::ledger::LedgerError::Database), as for every question here.
    pub fn order(&self, name: &str) -> Result<Option<OrderRecord>> {
        Ok(self.orders()?.into_iter().find(|order| order.name == name))
    }

    /// All orders, in the order in which they were taken.
    ///
    /// # Errors
    /// As above.
    pub fn orders(&self) -> Result<Vec<OrderRecord>> {
        self.list(
            "SELECT name, product, product_sha256, id_scope, quantity, issue_budget, issued FROM orders ORDER BY seq",
            [],
            |row| {
                Ok(OrderRecord {
                    name: row.get(0)?,
                    product: row.get(1)?,
                    product_sha256: row.get(2)?,
                    id_scope: row.get(3)?,
                    quantity: row.get(4)?,
                    issue_budget: row.get(5)?,
                    issued: row.get(6)?,
                })
            },
        )
    }

    /// The issue budget of an order, where it has one, and how much of it was issued.
    ///
    /// # Errors
    /// As above.
    pub fn budget(&self, order: &str) -> Result<Option<(u64, u64)>> {
        let sql = "SELECT issue_budget, issued FROM orders WHERE name = ?1 AND issue_budget IS NOT NULL";
        Ok(self.db.query_row(sql, [order], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// How an order stands. What is yet to come with its unit counts as waiting, and as bound to none.
    ///
    /// # Errors
    /// As above.
    pub fn counts(&self, order: &str) -> Result<Counts> {
        let sql = "SELECT o.quantity,
                count(*) FILTER (WHERE i.state = 'live'), count(*) FILTER (WHERE i.state = 'on-hold'),
                count(*) FILTER (WHERE i.state = 'burnt'),
                count(*) FILTER (WHERE i.state = 'open' AND i.unit IS NULL),
                count(*) FILTER (WHERE i.state = 'open'),
                count(*) FILTER (WHERE i.state = 'checked-out'), count(i.registration_id)
            FROM orders o LEFT JOIN identity i ON i.order_name = o.name WHERE o.name = ?1 GROUP BY o.name";
        let counts = self.db.query_row(sql, [order], |row| {
            let (ordered, accepted, on_hold): (u64, u64, u64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let (unbound, waiting): (u64, u64) = (row.get(4)?, row.get(5)?);
            let (checked_out, reserved): (u64, u64) = (row.get(6)?, row.get(7)?);
            let open = ordered.saturating_sub(accepted + on_hold + checked_out);
            let to_come = ordered.saturating_sub(reserved);
            Ok(Counts {
                ordered,
                accepted,
                open,
                on_hold,
                burnt: row.get(3)?,
                unbound: unbound + to_come,
                waiting: waiting + to_come,
                checked_out,
            })
        });
        Ok(counts.optional()?.unwrap_or_default())
    }

    /// How many identities of an order are yet to be reserved, each with the unit that brings it.
    ///
    /// # Errors
    /// As above.
    pub fn to_come(&self, order: &str) -> Result<u64> {
        let sql = "SELECT max(0, quantity - (SELECT count(*) FROM identity WHERE order_name = ?1))
            FROM orders WHERE name = ?1";
        Ok(self.db.query_row(sql, [order], |row| row.get(0)).optional()?.unwrap_or_default())
    }
}
