use super::super::entry::SecretKind;
use super::super::*;
use super::{Fixture, NOW, new_ledger};

#[test]
fn one_process_at_a_time_writes() {
    let ledger = new_ledger();
    let error = LedgerOwner::open(&ledger.path, "line-1", "run").unwrap_err();
    assert!(matches!(&error, LedgerError::Held { holder, .. } if holder.contains("init")), "{error}");
    let path = ledger.path.clone();
    let Fixture { _folder, owner, .. } = ledger;
    drop(owner);
    assert!(LedgerOwner::open(&path, "line-1", "run").is_ok());
}

#[test]
fn fixtures_that_append_at_once_all_get_their_own_numbers() {
    let ledger = new_ledger();
    let numbers: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let handle = ledger.owner.ledger();
                scope.spawn(move || {
                    let import = |n| Fact::SecretImported {
                        name: format!("t{thread}-{n}"),
                        secret_kind: SecretKind::Text,
                    };
                    (0..25).flat_map(|n| handle.append(NOW, vec![import(n)]).unwrap()).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (2..=201).collect::<Vec<_>>());
    assert_eq!(verify(&ledger.path).unwrap().findings, []);
}

#[test]
fn a_ledger_that_is_not_there_is_not_made_by_opening_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    assert!(matches!(LedgerOwner::open(&path, "line-1", "run"), Err(LedgerError::Missing(_))));
    assert!(matches!(LedgerReader::open(&path), Err(LedgerError::Missing(_))));
    assert!(!path.exists());
}
