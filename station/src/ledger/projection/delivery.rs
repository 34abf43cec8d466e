//! Keys that left the station, and whether they arrived.

use rusqlite::{Connection, params};

use super::super::entry::Delivery;
use super::{ProjectionError, Result, as_json};

/// Keys left the station.
pub(super) fn deliver(db: &Connection, (seq, at): (u64, &str), delivery: &Delivery) -> Result {
    let Delivery { order, form, recipients, identities, sha256, attempts } = delivery;
    let row = params![seq, order, form.to_string(), as_json(recipients)?, identities, sha256, at];
    db.execute("INSERT INTO delivery VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL)", row)?;
    let mut insert = db.prepare_cached("INSERT INTO delivered VALUES (?1, ?2)")?;
    for attempt in attempts {
        insert.execute([seq, *attempt])?;
    }
    Ok(())
}

/// They arrived.
pub(super) fn acknowledge(db: &Connection, at: &str, delivery: u64) -> Result {
    let sql = "UPDATE delivery SET acknowledged_at = ?2 WHERE seq = ?1 AND acknowledged_at IS NULL";
    if db.execute(sql, params![delivery, at])? == 1 {
        return Ok(());
    }
    let state = "unknown or acknowledged already".to_owned();
    let value = delivery.to_string();
    Err(ProjectionError::WrongState {
        what: "delivery",
        value,
        state,
        needed: "waiting for its acknowledgement",
    })
}
