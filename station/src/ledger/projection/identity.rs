//! Identities: reserved by an order, bound to a unit, quarantined, burnt.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::entry::{Identity, OrderRow};
use super::uniqueness::unique;
use super::{ProjectionError, Result, unknown_order, wrong_state};

/// Reserves identities for an order: as it is taken, or as its units bring them. Never more than it has units.
pub(super) fn reserve(db: &Connection, order: &str, rows: &[OrderRow]) -> Result {
    let mut select = db.prepare_cached(
        "SELECT id_scope, quantity, (SELECT count(*) FROM identity WHERE order_name = ?1) FROM orders WHERE name = ?1",
    )?;
    let found = select.query_row([order], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let (id_scope, quantity, mut position): (String, u64, u64) = found.ok_or_else(|| unknown_order(order))?;
    if position + rows.len() as u64 > quantity {
        return Err(ProjectionError::OrderFull { order: order.to_owned(), quantity });
    }
    let mut insert = db.prepare_cached(
        "INSERT INTO identity (id_scope, registration_id, order_name, position, name, serial_number, meant_for, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open')",
    )?;
    for row in rows {
        position += 1;
        let id = row.registration_id.as_str();
        let inserted = insert.execute(params![
            id_scope,
            id,
            order,
            position,
            row.name,
            row.serial_number,
            row.hardware_id
        ]);
        unique(inserted, "registration ID", id)?;
    }
    Ok(())
}

pub(super) fn set_state(db: &Connection, identity: &Identity, state: &str, reason: &str) -> Result {
    let changed = db.execute(
        "UPDATE identity SET state = ?3, reason = ?4 WHERE id_scope = ?1 AND registration_id = ?2 AND state <> 'burnt'",
        params![identity.id_scope, identity.registration_id.as_str(), state, reason],
    )?;
    if changed == 1 { Ok(()) } else { Err(wrong_state(identity, "burnt or unknown".into(), "in use")) }
}

pub(super) fn identity_columns<A: rusqlite::types::FromSql, B: rusqlite::types::FromSql>(
    db: &Connection,
    identity: &Identity,
    columns: &str,
) -> Result<(A, B)> {
    let sql = format!("SELECT {columns} FROM identity WHERE id_scope = ?1 AND registration_id = ?2");
    let values = params![identity.id_scope, identity.registration_id.as_str()];
    // Kept prepared, here and below: preparing takes longer than the question.
    let mut select = db.prepare_cached(&sql)?;
    select
        .query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or_else(|| wrong_state(identity, "unknown".into(), "reserved by an order"))
}
