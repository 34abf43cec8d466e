//! What may be bound to one holder at a time (a claim), and what is given once for ever (spent).

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::super::entry::Identity;
use super::{ProjectionError, Result};

pub(super) fn claim(db: &Connection, kind: &'static str, value: &str, holder: &str, seq: u64) -> Result {
    let spent: Option<u64> = db
        .prepare_cached("SELECT seq FROM spent WHERE kind = ?1 AND value = ?2")?
        .query_row([kind, value], |row| row.get(0))
        .optional()?;
    if let Some(since) = spent {
        let holder = format!("never used again since entry {since}");
        return Err(ProjectionError::Taken { what: kind, value: value.to_owned(), holder });
    }
    let held: Option<(String, u64)> = db
        .prepare_cached("SELECT holder, seq FROM claim WHERE kind = ?1 AND value = ?2")?
        .query_row([kind, value], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match held {
        Some((by, _)) if by == holder => Ok(()),
        Some((by, since)) => Err(ProjectionError::Taken {
            what: kind,
            value: value.to_owned(),
            holder: format!("bound to {by} since entry {since}"),
        }),
        None => {
            let mut insert = db.prepare_cached("INSERT INTO claim VALUES (?1, ?2, ?3, ?4)")?;
            insert.execute(params![kind, value, holder, seq])?;
            Ok(())
        }
    }
}

/// The holder of a claim, in one text.
pub(super) fn full(identity: &Identity) -> String {
    format!("{}/{}", identity.id_scope, identity.registration_id)
}

pub(super) fn spend(db: &Connection, kind: &'static str, value: &str, seq: u64) -> Result {
    let mut insert = db.prepare_cached("INSERT INTO spent VALUES (?1, ?2, ?3)")?;
    unique(insert.execute(params![kind, value, seq]), kind, value)
}

pub(super) fn unique(done: rusqlite::Result<usize>, what: &'static str, value: &str) -> Result {
    match done {
        Ok(_) => Ok(()),
        Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::ConstraintViolation => {
            let holder = "the ledger has it already".to_owned();
            Err(ProjectionError::Taken { what, value: value.to_owned(), holder })
        }
        Err(error) => Err(error.into()),
    }
}
