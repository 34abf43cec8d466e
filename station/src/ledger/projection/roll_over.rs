//! What takes the place of an authority or a group key, and when the old one is retired.

use rusqlite::{Connection, OptionalExtension, params};

use super::super::entry::{Hold, RetirementReason};
use super::{ProjectionError, Result};

/// Both serve from now on. One has one successor, and no successor is itself on its way out.
pub(super) fn begin(db: &Connection, at: &str, hold: &Hold, successor: &str) -> Result {
    exists(db, hold)?;
    can_succeed(db, hold, successor)?;
    if let Some((next, state)) = of(db, hold.kind(), hold.name())? {
        return Err(wrong(hold.name(), format!("{state}, with the successor {next}"), "without a successor"));
    }
    let row = params![hold.kind(), hold.name(), successor, at];
    db.execute("INSERT INTO roll_over VALUES (?1, ?2, ?3, 'in-progress', ?4)", row)?;
    Ok(())
}

/// The old one goes. One that it was itself to succeed gets the new one in its place.
pub(super) fn retire(
    db: &Connection,
    at: &str,
    hold: &Hold,
    successor: &str,
    reason: RetirementReason,
) -> Result {
    exists(db, hold)?;
    if reason == RetirementReason::Breach {
        // Back to the one that it was to succeed.
        let back = "DELETE FROM roll_over WHERE kind = ?1 AND retiring = ?3 AND successor = ?2 AND state = 'in-progress'";
        db.execute(back, params![hold.kind(), hold.name(), successor])?;
    }
    can_succeed(db, hold, successor)?;
    match (of(db, hold.kind(), hold.name())?, reason) {
        (Some((next, state)), _) if state != "in-progress" || next != successor => {
            return Err(wrong(hold.name(), format!("{state}, with the successor {next}"), "in use"));
        }
        (None, RetirementReason::Expiry) => {
            return Err(wrong(hold.name(), "without a successor".into(), "in progress"));
        }
        _ => {}
    }
    let row = params![hold.kind(), hold.name(), successor, reason.to_string(), at];
    db.execute("INSERT OR REPLACE INTO roll_over VALUES (?1, ?2, ?3, ?4, ?5)", row)?;
    db.execute(
        "UPDATE roll_over SET successor = ?3 WHERE kind = ?1 AND successor = ?2 AND state = 'in-progress'",
        params![hold.kind(), hold.name(), successor],
    )?;
    Ok(())
}

fn of(db: &Connection, kind: &str, name: &str) -> Result<Option<(String, String)>> {
    let sql = "SELECT successor, state FROM roll_over WHERE kind = ?1 AND retiring = ?2";
    Ok(db.query_row(sql, [kind, name], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

fn can_succeed(db: &Connection, hold: &Hold, successor: &str) -> Result {
    let next = match hold {
        Hold::Authority(_) => Hold::Authority(successor.to_owned()),
        Hold::GroupKey(_) => Hold::GroupKey(successor.to_owned()),
    };
    exists(db, &next)?;
    if next == *hold {
        return Err(wrong(successor, "the same".into(), "another"));
    }
    match of(db, next.kind(), successor)? {
        None => Ok(()),
        Some((to, state)) => Err(wrong(successor, format!("{state}, with the successor {to}"), "in use")),
    }
}

fn exists(db: &Connection, hold: &Hold) -> Result {
    let sql = match hold {
        Hold::Authority(_) => "SELECT 1 FROM authority WHERE label = ?1",
        Hold::GroupKey(_) => "SELECT 1 FROM secret WHERE name = ?1 AND kind = '\"group-key\"'",
    };
    let found = db.query_row(sql, [hold.name()], |_| Ok(())).optional()?;
    found.ok_or_else(|| wrong(hold.name(), "unknown".into(), "made or imported"))
}

fn wrong(name: &str, state: String, needed: &'static str) -> ProjectionError {
    let value = format!("`{name}`");
    ProjectionError::WrongState { what: "authority or group key", value, state, needed }
}
