//! How an identity's use ends: for its unit's present credential, or for ever.

use rusqlite::{Connection, params};

use super::super::entry::Identity;
use super::identity::{identity_columns, set_state};
use super::uniqueness::{full, spend};
use super::{Result, wrong_state};

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

/// None of its credentials is to be used any more.
fn revoke(db: &Connection, at: &str, identity: &Identity, reason: &str) -> Result {
    let values = params![identity.id_scope, identity.registration_id.as_str(), reason, at];
    db.execute(
        "UPDATE credential SET state = 'revoked', reason = ?3, ended_at = ?4
         WHERE id_scope = ?1 AND registration_id = ?2 AND state IN ('issued', 'live')",
        values,
    )?;
    db.execute(
        "UPDATE ahead SET state = 'revoked', reason = ?3, ended_at = ?4
         WHERE id_scope = ?1 AND registration_id = ?2 AND state IN ('announced', 'handed-over')",
        values,
    )?;
    Ok(())
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
