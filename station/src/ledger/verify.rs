//! Holds a ledger against itself: the chain entry by entry, and the projections against the entries.

use std::path::Path;

use rusqlite::Connection;
use serde::Serialize;

use super::entry::{self, EntryHash, NO_PREVIOUS};
use super::projection;
use super::store::{self, LedgerError};

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// Entries read.
    pub entries: u64,
    /// Hash of the last entry of the last chain, hex.
    pub head: String,
    /// Everything that is wrong; empty means that the ledger holds together.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The entry, where it is one.
    pub entry: Option<u64>,
    /// What is wrong, and what to do.
    pub what: String,
}

/// Reads the whole ledger and compares.
///
/// A chain whose end was cut off holds together in itself: only a checkpoint held elsewhere shows that.
///
/// # Errors
/// [`LedgerError`] where the file cannot be read; what is wrong *in* it is a finding.
pub fn verify(path: &Path) -> Result<Verification, LedgerError> {
    let db = store::open_read_only(path)?;
    // One transaction: a station that writes meanwhile does not shift the ground.
    let db = db.unchecked_transaction()?;
    let mut findings = Vec::new();
    let (entries, head) = check_chains(&db, &mut findings)?;
    if findings.is_empty() {
        compare_projections(&db, &mut findings)?;
    }
    Ok(Verification { entries, head: entry::hex(&head), findings })
}

fn check_chains(db: &Connection, findings: &mut Vec<Finding>) -> Result<(u64, EntryHash), LedgerError> {
    let mut select = db.prepare("SELECT station, seq, bytes, hash FROM entry ORDER BY station, seq")?;
    let mut rows = select.query([])?;
    let (mut count, mut station, mut seq, mut previous) = (0, String::new(), 0, NO_PREVIOUS);
    while let Some(row) = rows.next()? {
        let (of, number, bytes): (String, u64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if of != station {
            (station, seq, previous) = (of, 0, NO_PREVIOUS);
        }
        count += 1;
        seq += 1;
        let stored: Vec<u8> = row.get(3)?;
        let found = entry::hash(bytes.as_bytes());
        for what in faults(&station, seq, number, &bytes, &previous, &stored, &found) {
            findings.push(Finding { entry: Some(number), what });
        }
        (seq, previous) = (number, found);
    }
    Ok((count, previous))
}

fn faults(
    station: &str,
    expected: u64,
    number: u64,
    bytes: &str,
    previous: &EntryHash,
    stored: &[u8],
    found: &EntryHash,
) -> Vec<String> {
    let mut faults = Vec::new();
    if number != expected {
        faults.push(format!(
            "entry {expected} is missing: the next one is {number}; restore the ledger from a copy"
        ));
    }
    if stored != found {
        faults.push(format!("entry {number} was changed: its bytes no longer have the hash that was stored"));
    }
    match store::parse(number, bytes) {
        Err(error) => faults.push(error.to_string()),
        Ok(entry) => {
            if entry.station != station || entry.seq != number {
                let says = format!("{} {}", entry.station, entry.seq);
                faults.push(format!("entry {number} of {station} says that it is {says}: it was moved"));
            }
            if entry.previous != entry::hex(previous) {
                faults.push(format!(
                    "entry {number} does not follow the one before it: one of them was changed"
                ));
            }
        }
    }
    faults
}

/// Replays the entries into an empty database and compares it, table by table, with the file's.
fn compare_projections(db: &Connection, findings: &mut Vec<Finding>) -> Result<(), LedgerError> {
    let fresh = Connection::open_in_memory()?;
    fresh.execute_batch(store::SCHEMA)?;
    match store::replay(db, &fresh) {
        Ok(_) => {}
        Err(LedgerError::Refused(error)) => {
            findings
                .push(Finding { entry: None, what: format!("the entries contradict each other: {error}") });
            return Ok(());
        }
        Err(error) => return Err(error),
    }
    for table in projection::TABLES {
        if rows_of(db, table)? != rows_of(&fresh, table)? {
            let what =
                format!("table {table} differs from what the entries say: run `station ledger rebuild`");
            findings.push(Finding { entry: None, what });
        }
    }
    Ok(())
}

/// A table's rows as text, sorted.
fn rows_of(db: &Connection, table: &str) -> Result<Vec<String>, LedgerError> {
    let mut select = db.prepare(&format!("SELECT * FROM {table}"))?;
    let columns = select.column_count();
    let mut rows: Vec<String> = select
        .query_map([], |row| {
            (0..columns)
                .map(|column| row.get_ref(column).map(|value| format!("{value:?}")))
                .collect::<Result<Vec<_>, _>>()
        })?
        .map(|row| row.map(|values| values.join("\u{1f}")))
        .collect::<Result<_, _>>()?;
    rows.sort_unstable();
    Ok(rows)
}
