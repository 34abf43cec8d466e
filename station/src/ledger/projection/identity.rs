//! Identities: reserved by an order, bound to a unit, quarantined, burnt.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::entry::{Identity, OrderRow};
use super::attempt::attempt_is_open;
use super::credential::revoke;
use super::uniqueness::{claim, full, spend, unique};
use super::{Result, taken, wrong_state};

pub(super) fn reserve(db: &Connection, order: &str, rows: &[OrderRow]) -> Result {
    let (id_scope, mut position): (String, u64) = db.query_row(
        "SELECT id_scope, (SELECT count(*) FROM identity WHERE order_name = ?1) FROM orders WHERE name = ?1",
        [order],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
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

pub(super) fn bind(
    db: &Connection,
    seq: u64,
    attempt: u64,
    order: &str,
    identity: &Identity,
    hardware_id: &str,
) -> Result {
    attempt_is_open(db, attempt)?;
    let (state, holder): (String, String) = identity_columns(db, identity, "state, order_name")?;
    if holder != order {
        return Err(taken("registration ID", identity, format!("it belongs to order {holder}")));
    }
    if matches!(state.as_str(), "on-hold" | "burnt" | "checked-out") {
        return Err(wrong_state(identity, state, "open or live"));
    }
    let id = identity.registration_id.as_str();
    let full = full(identity);
    claim(db, "registration", &full, hardware_id, seq)?;
    claim(db, "hardware_id", hardware_id, &full, seq)?;
    let sql = "UPDATE identity SET unit = ?3 WHERE id_scope = ?1 AND registration_id = ?2";
    db.execute(sql, params![identity.id_scope, id, hardware_id])?;
    db.execute("UPDATE attempt SET registration_id = ?2 WHERE seq = ?1", params![attempt, id])?;
    Ok(())
}

/// It is freed for its unit's next attempt, which gets a new credential.
pub(super) fn rework(db: &Connection, at: &str, identity: &Identity, reason: &str) -> Result {
    in_use_here(db, identity)?;
    set_state(db, identity, "open", reason)?;
    let sql = "UPDATE identity SET reissue = ?3 WHERE id_scope = ?1 AND registration_id = ?2";
    db.execute(sql, params![identity.id_scope, identity.registration_id.as_str(), reason])?;
    revoke(db, at, identity, reason)
}

pub(super) fn scrap(db: &Connection, (seq, at): (u64, &str), identity: &Identity, reason: &str) -> Result {
    not_burnt(db, identity)?;
    let unit: Option<String> =
        identity_columns(db, identity, "unit, state").map(|(unit, _): (_, String)| unit)?;
    set_state(db, identity, "burnt", reason)?;
    revoke(db, at, identity, reason)?;
    let full = full(identity);
    db.execute("DELETE FROM claim WHERE kind = 'registration' AND value = ?1", [&full])?;
    db.execute("DELETE FROM claim WHERE kind = 'device_key' AND holder = ?1", [&full])?;
    let keys = "SELECT kind, value, ?2 FROM claim WHERE kind = 'public_key' AND holder = ?1";
    db.execute(&format!("INSERT INTO spent {keys}"), params![&full, seq])?;
    db.execute("DELETE FROM claim WHERE kind = 'public_key' AND holder = ?1", [&full])?;
    if let Some(unit) = unit {
        db.execute("DELETE FROM claim WHERE kind = 'hardware_id' AND value = ?1", [&unit])?;
        spend(db, "hardware_id", &unit, seq)?;
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

fn not_burnt(db: &Connection, identity: &Identity) -> Result {
    let state: String =
        identity_columns(db, identity, "state, order_name").map(|(state, _): (_, String)| state)?;
    if state == "burnt" { Err(wrong_state(identity, state, "in use")) } else { Ok(()) }
}

/// Not burnt, and not checked out: whoever holds its credential may be using it.
fn in_use_here(db: &Connection, identity: &Identity) -> Result {
    not_burnt(db, identity)?;
    let state: String =
        identity_columns(db, identity, "state, order_name").map(|(state, _): (_, String)| state)?;
    if state == "checked-out" { Err(wrong_state(identity, state, "in use here")) } else { Ok(()) }
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
