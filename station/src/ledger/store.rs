//! The SQLite file: entries appended, projections changed in the same transaction.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use thiserror::Error;

use super::entry::{self, Entry, EntryHash, Fact, NO_PREVIOUS, VERSION};
use super::projection::{self, ProjectionError};

/// All tables, as this version of the program has them.
pub(super) const SCHEMA: &str = include_str!("schema.sql");

/// Why the ledger did not do what was asked.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// There is no ledger.
    #[error("no ledger at {0}: name the station's folder with --station, or make one with `station init`")]
    Missing(PathBuf),
    /// Another process of this station writes it.
    #[error("the ledger {path} is held by {holder}: wait for it to end, or stop it")]
    Held {
        /// The ledger's file.
        path: PathBuf,
        /// What the holder wrote into the lock file.
        holder: String,
    },
    /// The lock file cannot be used.
    #[error("cannot lock the ledger: {path} cannot be opened")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The entry contradicts those before it; it was not written.
    #[error("the ledger refuses this")]
    Refused(#[source] ProjectionError),
    /// The database failed: disk full, read-only, damaged.
    #[error("the ledger's database failed: check disk and permissions, then `station ledger verify`")]
    Database(#[from] rusqlite::Error),
    /// An entry's bytes cannot be read as an entry of a known version.
    #[error("ledger entry {seq} cannot be read: restore the ledger from a copy")]
    Unreadable {
        /// Its position.
        seq: u64,
        /// What the reader said.
        source: serde_json::Error,
    },
    /// The tables beside the entries have the columns of another version of this program.
    #[error(
        "the tables of the ledger {0} are another version's: `station ledger rebuild` makes them anew from the entries"
    )]
    OtherTables(PathBuf),
    /// A certificate names an authority that the ledger does not have.
    #[error("the ledger names authority `{0}` and does not have it: run `station ledger verify`")]
    AuthorityGone(String),
    /// The writer thread is gone, after an error that it reported earlier.
    #[error("the ledger stopped writing after an earlier error: the line must stop")]
    Stopped,
}

/// An open ledger file with one writing connection. [`super::Ledger`] owns the only one of a process.
#[derive(Debug)]
pub(super) struct Store {
    db: Connection,
    station: String,
    head: Head,
}

/// The end of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Entries so far.
    pub seq: u64,
    /// Hash of the last one; zeros where there is none.
    pub hash: EntryHash,
}

impl Store {
    /// Opens a ledger for writing; makes the file where there is none and `create` says so.
    pub(super) fn open(path: &Path, station: &str, create: bool) -> Result<Self, LedgerError> {
        if !create && !path.exists() {
            return Err(LedgerError::Missing(path.to_owned()));
        }
        let mut db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.set_prepared_statement_cache_capacity(64);
        bring_tables_up_to_date(&mut db)?;
        let head = head(&db, station)?;
        Ok(Self { db, station: station.to_owned(), head })
    }

    /// Appends several requests in one transaction. A request that is refused leaves nothing; the others stand.
    ///
    /// An `Err` of the whole means that nothing was committed and the store can no longer be trusted to write.
    pub(super) fn append(
        &mut self,
        requests: &[(String, Vec<Fact>)],
    ) -> Result<Vec<Result<Vec<u64>, LedgerError>>, LedgerError> {
        let before = self.head;
        let answers = self.append_in_transaction(requests);
        if answers.is_err() {
            self.head = before;
        }
        answers
    }

    fn append_in_transaction(
        &mut self,
        requests: &[(String, Vec<Fact>)],
    ) -> Result<Vec<Result<Vec<u64>, LedgerError>>, LedgerError> {
        let mut head = self.head;
        let mut transaction = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let mut answers = Vec::with_capacity(requests.len());
        for (at, facts) in requests {
            let savepoint = transaction.savepoint()?;
            match append_facts(&savepoint, &self.station, head, at, facts) {
                Ok((next, numbers)) => {
                    savepoint.commit()?;
                    head = next;
                    answers.push(Ok(numbers));
                }
                Err(LedgerError::Refused(error)) => {
                    drop(savepoint); // rolls back
                    answers.push(Err(LedgerError::Refused(error)));
                }
                Err(error) => return Err(error),
            }
        }
        transaction.commit()?;
        self.head = head;
        Ok(answers)
    }

    /// Makes the projections anew from the entries, in one transaction. Gives the number of entries.
    pub(super) fn rebuild(&mut self) -> Result<u64, LedgerError> {
        let transaction = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for table in projection::TABLES {
            transaction.execute(&format!("DELETE FROM {table}"), [])?;
        }
        let count = replay(&transaction, &transaction)?;
        transaction.commit()?;
        Ok(count)
    }
}

/// Tables of another version of this program, or none yet, are made anew from the entries.
fn bring_tables_up_to_date(db: &mut Connection) -> Result<(), LedgerError> {
    if tables_version(db)? == this_version() {
        return Ok(());
    }
    let transaction = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    for table in projection::TABLES {
        transaction.execute(&format!("DROP TABLE IF EXISTS {table}"), [])?;
    }
    transaction.execute_batch(SCHEMA)?;
    replay(&transaction, &transaction)?;
    transaction.pragma_update(None, "user_version", this_version())?;
    Ok(transaction.commit()?)
}

/// Names this program's tables: their text's own hash, so that two changes that meet can't have one number.
fn this_version() -> i32 {
    let [a, b, c, d, ..] = entry::hash(SCHEMA.as_bytes());
    // Never zero, as in a file that has no tables yet.
    i32::from_be_bytes([a, b, c, d | 1])
}

fn tables_version(db: &Connection) -> Result<i32, LedgerError> {
    Ok(db.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

fn append_facts(
    db: &Connection,
    station: &str,
    mut head: Head,
    at: &str,
    facts: &[Fact],
) -> Result<(Head, Vec<u64>), LedgerError> {
    let mut numbers = Vec::with_capacity(facts.len());
    for fact in facts {
        let entry = Entry {
            version: VERSION,
            station: station.to_owned(),
            seq: head.seq + 1,
            at: at.to_owned(),
            previous: entry::hex(&head.hash),
            fact: fact.clone(),
        };
        let bytes = serde_json::to_string(&entry)
            .map_err(|source| LedgerError::Unreadable { seq: entry.seq, source })?;
        head = Head { seq: entry.seq, hash: entry::hash(bytes.as_bytes()) };
        db.prepare_cached("INSERT INTO entry VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![station, entry.seq, bytes, head.hash])?;
        projection::apply(db, &entry).map_err(refused)?;
        numbers.push(entry.seq);
    }
    Ok((head, numbers))
}

/// A contradiction is the caller's to handle; a database failure stops the line.
fn refused(error: ProjectionError) -> LedgerError {
    match error {
        ProjectionError::Database(error) => LedgerError::Database(error),
        other => LedgerError::Refused(other),
    }
}

/// Applies every entry of `from` to the projections of `to`.
pub(super) fn replay(from: &Connection, to: &Connection) -> Result<u64, LedgerError> {
    let mut select = from.prepare("SELECT seq, bytes FROM entry ORDER BY station, seq")?;
    let mut rows = select.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        let entry = parse(row.get(0)?, row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?)?;
        projection::apply(to, &entry).map_err(refused)?;
        count += 1;
    }
    Ok(count)
}

/// Reads an entry's bytes.
pub(super) fn parse(seq: u64, bytes: &str) -> Result<Entry, LedgerError> {
    serde_json::from_str(bytes).map_err(|source| LedgerError::Unreadable { seq, source })
}

/// Opens a ledger for reading only, beside a station that writes it.
pub(super) fn open_read_only(path: &Path) -> Result<Connection, LedgerError> {
    if !path.exists() {
        return Err(LedgerError::Missing(path.to_owned()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    if tables_version(&db)? == this_version() {
        Ok(db)
    } else {
        Err(LedgerError::OtherTables(path.to_owned()))
    }
}

/// The end of a station's chain.
pub(super) fn head(db: &Connection, station: &str) -> Result<Head, LedgerError> {
    let last: Option<(u64, EntryHash)> = db
        .query_row(
            "SELECT seq, hash FROM entry WHERE station = ?1 ORDER BY seq DESC LIMIT 1",
            [station],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()?;
    Ok(last.map_or(Head { seq: 0, hash: NO_PREVIOUS }, |(seq, hash)| Head { seq, hash }))
}
