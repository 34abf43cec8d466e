//! Attempts: a unit sits in a fixture until there is a verdict.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::entry::{Act, Disposition, Evidence, Identity};
use super::identity::{identity_columns, set_state};
use super::uniqueness::{claim, full};
use super::{ProjectionError, Result, as_json, taken, wrong_state};

pub(super) fn open(
    db: &Connection,
    seq: u64,
    at: &str,
    order: &str,
    fixture: &str,
    hardware_id: &str,
) -> Result {
    // An attempt without a verdict on this fixture, or on this unit, was cut off: its station died.
    db.execute(
        "UPDATE attempt SET state = 'interrupted', closed_at = ?3
         WHERE state = 'open' AND (fixture = ?1 OR hardware_id = ?2)",
        params![fixture, hardware_id, at],
    )?;
    db.execute(
        "INSERT INTO attempt (seq, order_name, fixture, hardware_id, state, opened_at) VALUES (?1, ?2, ?3, ?4, 'open', ?5)",
        params![seq, order, fixture, hardware_id, at],
    )?;
    Ok(())
}

pub(super) fn announce(db: &Connection, attempt: u64, act: &Act) -> Result {
    attempt_is_open(db, attempt)?;
    if let Act::KeepKeys = act {
        db.execute("UPDATE attempt SET keeps_keys = 1 WHERE seq = ?1", [attempt])?;
    }
    let written = match act {
        Act::Flash { item, offset, length, content_mac } => {
            Some((item, Some(*offset), Some(*length), content_mac))
        }
        Act::Write { item, content_mac: Some(content_mac) } => Some((item, None, None, content_mac)),
        _ => None,
    };
    if let Some((item, offset, length, content_mac)) = written {
        db.execute(
            "INSERT OR REPLACE INTO written SELECT ?1, ?2, ?3, ?4, ?5, run.product_sha256
             FROM attempt LEFT JOIN run ON run.order_name = attempt.order_name WHERE attempt.seq = ?1",
            params![attempt, item, offset, length, content_mac],
        )?;
    }
    Ok(())
}

pub(super) fn accept(
    db: &Connection,
    at: &str,
    attempt: u64,
    identity: &Identity,
    evidence: &[Evidence],
) -> Result {
    attempt_is_open(db, attempt)?;
    let state: String = identity_columns(db, identity, "state, unit").map(|(state, _): (_, String)| state)?;
    if state != "open" && state != "live" {
        return Err(wrong_state(identity, state, "open or live"));
    }
    db.execute(
        "UPDATE attempt SET state = 'accepted', evidence = ?2, closed_at = ?3 WHERE seq = ?1",
        params![attempt, as_json(evidence)?, at],
    )?;
    let id = identity.registration_id.as_str();
    db.execute(
        "UPDATE identity SET state = 'live', reissue = NULL, reason = NULL WHERE id_scope = ?1 AND registration_id = ?2",
        params![identity.id_scope, id],
    )?;
    db.execute(
        "UPDATE credential SET state = 'live' WHERE id_scope = ?1 AND registration_id = ?2 AND state = 'issued'",
        params![identity.id_scope, id],
    )?;
    Ok(())
}

pub(super) fn fail(
    db: &Connection,
    at: &str,
    attempt: u64,
    identity: &Identity,
    disposition: Disposition,
    reason: &str,
) -> Result {
    attempt_is_open(db, attempt)?;
    db.execute(
        "UPDATE attempt SET state = 'failed', disposition = ?2, reason = ?3, closed_at = ?4 WHERE seq = ?1",
        params![attempt, disposition.to_string(), reason, at],
    )?;
    let id = identity.registration_id.as_str();
    // A unit that is live stays so: what it holds was proven, and only an engineer ends that. A retry goes on with the
    // credential that the unit may hold by now; a repaired unit gets another.
    let reissue = (disposition != Disposition::Retry).then_some(reason);
    db.execute(
        "UPDATE identity SET reissue = coalesce(?3, reissue), reason = ?4
         WHERE id_scope = ?1 AND registration_id = ?2 AND state = 'open'",
        params![identity.id_scope, id, reissue, reason],
    )?;
    match disposition {
        Disposition::Retry | Disposition::Rework => Ok(()),
        Disposition::Hold | Disposition::Scrap => set_state(db, identity, "on-hold", reason),
    }
}

pub(super) fn attempt_is_open(db: &Connection, attempt: u64) -> Result {
    let state: Option<String> =
        db.query_row("SELECT state FROM attempt WHERE seq = ?1", [attempt], |row| row.get(0)).optional()?;
    match state.as_deref() {
        Some("open") => Ok(()),
        other => Err(ProjectionError::WrongState {
            what: "attempt",
            value: attempt.to_string(),
            state: other.unwrap_or("unknown").to_owned(),
            needed: "open",
        }),
    }
}

/// Binds the attempt's unit to an identity.
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
