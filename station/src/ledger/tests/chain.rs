use rusqlite::Connection;

use super::super::*;
use super::{Fixture, identity, new_ledger};

/// What earlier versions wrote is what is written now where nothing new is said, byte for byte.
#[test]
fn entries_without_token_and_budget_have_the_bytes_that_they_always_had() {
    for bytes in [
        r#"{"kind":"authority_created","label":"root","role":"root","certificate_serial":"01","public_key":"02","certificate":"PEM"}"#,
        r#"{"kind":"order_added","order":"april","product":"p.toml","product_sha256":"00","id_scope":"0ne00ABCDEF","quantity":3}"#,
    ] {
        let fact: Fact = serde_json::from_str(bytes).unwrap();
        assert_eq!(serde_json::to_string(&fact).unwrap(), bytes);
    }
}

#[test]
fn the_version_stands_first_in_an_entrys_bytes() {
    let ledger = new_ledger();
    let bytes: String = Connection::open(&ledger.path)
        .unwrap()
        .query_row("SELECT bytes FROM entry WHERE seq = 1", [], |row| row.get(0))
        .unwrap();
    assert!(bytes.starts_with(r#"{"version":1,"station":"line-1","seq":1,"#), "{bytes}");
}

/// What someone with the file in hand could do, and the entry that must be named for it.
#[test]
fn every_kind_of_tampering_is_found_with_its_entry() {
    for (sql, entry) in [
        ("UPDATE entry SET bytes = replace(bytes, 'gw-1', 'gw-7') WHERE seq = 5", Some(5)),
        ("UPDATE entry SET hash = zeroblob(32) WHERE seq = 4", Some(4)),
        ("DELETE FROM entry WHERE seq = 4", Some(5)),
        (
            "UPDATE entry SET seq = CASE seq WHEN 4 THEN 104 ELSE 4 END WHERE seq IN (4, 5);
          UPDATE entry SET seq = 5 WHERE seq = 104",
            Some(4),
        ),
        ("UPDATE entry SET bytes = 'x' WHERE seq = 6", Some(6)),
        ("DELETE FROM claim", None),
        ("UPDATE identity SET state = 'live' WHERE registration_id = 'gw-3'", None),
        ("DELETE FROM spent WHERE value = 's1'", None),
    ] {
        let Fixture { _folder, path, owner } = Fixture::with_history();
        drop(owner);
        assert_eq!(verify(&path).unwrap().findings, []);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let findings = verify(&path).unwrap().findings;
        assert!(findings.iter().any(|finding| finding.entry == entry), "{sql}: {findings:?}");
    }
}

#[test]
fn a_rebuild_mends_the_tables_and_leaves_the_entries() {
    let Fixture { _folder, path, owner } = Fixture::with_history();
    drop(owner);
    let head = LedgerReader::open(&path).unwrap().head("line-1").unwrap();
    let tables = "DELETE FROM claim; DELETE FROM identity; UPDATE attempt SET state = 'open'";
    Connection::open(&path).unwrap().execute_batch(tables).unwrap();
    assert!(!verify(&path).unwrap().findings.is_empty());
    assert_eq!(LedgerOwner::rebuild(&path, "line-1").unwrap(), head.seq);
    assert_eq!(verify(&path).unwrap().findings, []);
    assert_eq!(LedgerReader::open(&path).unwrap().head("line-1").unwrap(), head);
}

#[test]
fn tables_of_an_older_program_are_made_anew_before_anything_is_written() {
    let Fixture { _folder, path, owner } = Fixture::with_history();
    drop(owner);
    let before = verify(&path).unwrap();
    let db = Connection::open(&path).unwrap();
    db.execute_batch("DROP TABLE credential; PRAGMA user_version = 0;").unwrap();
    drop(db);
    assert!(matches!(LedgerReader::open(&path), Err(LedgerError::OtherTables(_))));
    drop(LedgerOwner::open(&path, "line-1", "run").unwrap());
    assert_eq!(verify(&path).unwrap(), before);
    assert_eq!(LedgerReader::open(&path).unwrap().credentials_of(&identity("gw-1")).unwrap().len(), 1);
}
