//! Credentials that were issued without a unit: their identities are checked out.

use rusqlite::{Connection, params};

use super::super::entry::{AheadCredential, Identity};
use super::credential::{draw_on_budget, take};
use super::identity::identity_columns;
use super::{Result, taken, wrong_state};

/// Credentials for identities that no unit has. Where earlier ones were checked out, a reason must say why these take
/// their place.
pub(super) fn issue(
    db: &Connection,
    (seq, at): (u64, &str),
    (order, id_scope): (&str, &str),
    credentials: &[AheadCredential],
    supersedes: Option<&str>,
) -> Result {
    let mut check_out = db.prepare_cached(
        "UPDATE identity SET state = 'checked-out', reason = ?3 WHERE id_scope = ?1 AND registration_id = ?2",
    )?;
    let mut supersede = db.prepare_cached(
        "UPDATE ahead SET state = 'superseded', reason = ?3, ended_at = ?4
         WHERE id_scope = ?1 AND registration_id = ?2 AND state IN ('announced', 'handed-over')",
    )?;
    let mut insert =
        db.prepare_cached("INSERT INTO ahead VALUES (?1, ?2, ?3, ?4, ?5, 'announced', NULL, NULL)")?;
    let reason = format!("issued ahead, in entry {seq}");
    for (item, AheadCredential { registration_id, credential }) in (0u64..).zip(credentials) {
        let identity = Identity { id_scope: id_scope.to_owned(), registration_id: registration_id.clone() };
        check_free(db, order, &identity, supersedes.is_some())?;
        draw_on_budget(db, &identity)?;
        take(db, seq, &identity, credential)?;
        let id = registration_id.as_str();
        check_out.execute(params![id_scope, id, reason])?;
        supersede.execute(params![id_scope, id, supersedes, at])?;
        insert.execute(params![id_scope, id, seq, item, order])?;
    }
    Ok(())
}

/// An open identity that no unit has or ever had a credential for; or one that is checked out, if it is to be issued
/// anew.
fn check_free(db: &Connection, order: &str, identity: &Identity, again: bool) -> Result {
    let (state, holder): (String, String) = identity_columns(db, identity, "state, order_name")?;
    if holder != order {
        return Err(taken("registration ID", identity, format!("it belongs to order {holder}")));
    }
    let (unit, credential): (Option<String>, Option<u64>) =
        identity_columns(db, identity, "unit, credential")?;
    match state.as_str() {
        "open" if unit.is_none() && credential.is_none() => Ok(()),
        "open" => Err(taken("registration ID", identity, "a unit has it, or had it".to_owned())),
        "checked-out" if again => Ok(()),
        "checked-out" => Err(taken("registration ID", identity, "its credential is checked out".to_owned())),
        _ => Err(wrong_state(identity, state, "open")),
    }
}

/// What was announced since entry `first` leaves the station.
pub(super) fn hand_over(db: &Connection, order: &str, first: u64) -> Result {
    db.execute(
        "UPDATE ahead SET state = 'handed-over' WHERE order_name = ?1 AND seq >= ?2 AND state = 'announced'",
        params![order, first],
    )?;
    Ok(())
}
