use std::path::PathBuf;

use rusqlite::Connection;
use time::macros::datetime;

use super::entry::{
    Act, AheadCredential, Delivery, DeliveryForm, Disposition, Door, Evidence, Grade, GroupEntry, Hold,
    Identity, IssuedCredential, KeyMaker, KeyOrigin, OrderRow, RetirementReason, SecretKind,
};
use super::*;

const NOW: OffsetDateTime = datetime!(2026-11-24 12:00 UTC);

struct Fixture {
    _folder: tempfile::TempDir,
    path: PathBuf,
    owner: LedgerOwner,
}

fn new_ledger() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let owner = LedgerOwner::create(&path, "line-1", NOW).unwrap();
    Fixture { _folder: folder, path, owner }
}

fn identity(id: &str) -> Identity {
    Identity { id_scope: "0ne00ABCDEF".into(), registration_id: id.parse().unwrap() }
}

fn order(name: &str, ids: &[&str]) -> Vec<Fact> {
    let row = |id: &&str| OrderRow {
        registration_id: id.parse().unwrap(),
        name: None,
        serial_number: None,
        hardware_id: None,
    };
    vec![
        Fact::OrderAdded {
            order: name.into(),
            product: "p.toml".into(),
            product_sha256: "00".into(),
            id_scope: "0ne00ABCDEF".into(),
            quantity: ids.len() as u64,
            issue_budget: None,
        },
        Fact::OrderRows { order: name.into(), rows: ids.iter().map(row).collect() },
    ]
}

impl Fixture {
    fn append(&self, facts: Vec<Fact>) -> Result<Vec<u64>, LedgerError> {
        self.owner.ledger().append(NOW, facts)
    }

    fn reader(&self) -> LedgerReader {
        LedgerReader::open(&self.path).unwrap()
    }

    fn open_attempt(&self, fixture: &str, unit: &str) -> u64 {
        let fact = Fact::AttemptOpened {
            order: "april".into(),
            fixture: fixture.into(),
            hardware_id: unit.into(),
            learnt_from: "console".into(),
            scanned: None,
        };
        self.append(vec![fact]).unwrap()[0]
    }

    fn claim(&self, attempt: u64, id: &str, unit: &str) -> Result<Vec<u64>, LedgerError> {
        self.append(vec![Fact::Claimed {
            attempt,
            order: "april".into(),
            identity: identity(id),
            hardware_id: unit.into(),
            decision: "new".into(),
        }])
    }

    fn issue(
        &self,
        attempt: u64,
        id: &str,
        serial: &str,
        key: &str,
        why: Option<&str>,
    ) -> Result<Vec<u64>, LedgerError> {
        self.append(vec![Fact::Issued {
            attempt,
            identity: identity(id),
            credential: IssuedCredential::Certificate {
                certificate_serial: serial.into(),
                public_key: key.into(),
                chain: "PEM".into(),
                authority: Some("intermediate".into()),
                key_maker: KeyMaker::Station,
            },
            supersedes: why.map(str::to_owned),
        }])
    }

    fn accept(&self, attempt: u64, id: &str) -> Result<Vec<u64>, LedgerError> {
        let evidence = Evidence { item: "key".into(), grade: Grade::Challenge, after_restart: true };
        self.append(vec![Fact::Accepted { attempt, identity: identity(id), evidence: vec![evidence] }])
    }

    fn fail(&self, attempt: u64, id: &str, disposition: Disposition) -> Result<Vec<u64>, LedgerError> {
        self.append(vec![Fact::Failed {
            attempt,
            identity: identity(id),
            disposition,
            reason: "broken".into(),
        }])
    }

    /// gw-1 live on unit a1, gw-2 bound to unit b2 with a credential, gw-3 free.
    fn with_history() -> Self {
        let ledger = new_ledger();
        ledger.append(order("april", &["gw-1", "gw-2", "gw-3"])).unwrap();
        let first = ledger.open_attempt("1", "a1");
        ledger.claim(first, "gw-1", "a1").unwrap();
        ledger.issue(first, "gw-1", "s1", "k1", None).unwrap();
        ledger.accept(first, "gw-1").unwrap();
        let second = ledger.open_attempt("2", "b2");
        ledger.claim(second, "gw-2", "b2").unwrap();
        ledger.issue(second, "gw-2", "s2", "k2", None).unwrap();
        ledger
    }

    fn state(&self, id: &str) -> IdentityState {
        self.reader().find(id).unwrap()[0].state
    }
}

fn refused(result: Result<Vec<u64>, LedgerError>, part: &str) {
    let error = result.unwrap_err();
    let LedgerError::Refused(why) = &error else { panic!("{error}") };
    assert!(why.to_string().contains(part), "{why}");
}

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

#[test]
fn a_registration_id_is_reserved_once_within_its_id_scope() {
    let ledger = Fixture::with_history();
    let head = ledger.reader().head("line-1").unwrap();
    refused(ledger.append(order("may", &["gw-9", "gw-1"])), "gw-1");
    assert_eq!(ledger.reader().head("line-1").unwrap(), head, "a refused request leaves nothing");
    assert_eq!(ledger.reader().order("may").unwrap(), None);
    refused(ledger.append(order("june", &["gw-8", "gw-8"])), "gw-8");
}

#[test]
fn a_unit_and_an_identity_are_bound_once() {
    let ledger = Fixture::with_history();
    let attempt = ledger.open_attempt("3", "c3");
    refused(ledger.claim(attempt, "gw-1", "c3"), "bound to a1");
    let attempt = ledger.open_attempt("3", "a1");
    refused(ledger.claim(attempt, "gw-3", "a1"), "bound to 0ne00ABCDEF/gw-1");
    assert!(ledger.claim(attempt, "gw-1", "a1").is_ok(), "the same binding again");
}

#[test]
fn serials_and_public_keys_are_given_once() {
    let ledger = Fixture::with_history();
    let attempt = ledger.open_attempt("3", "c3");
    ledger.claim(attempt, "gw-3", "c3").unwrap();
    refused(ledger.issue(attempt, "gw-3", "s1", "k9", None), "s1");
    refused(ledger.issue(attempt, "gw-3", "s9", "k1", None), "k1");
    assert!(ledger.issue(attempt, "gw-3", "s9", "k9", None).is_ok());
}

#[test]
fn a_second_credential_needs_a_reason_and_supersedes_the_first() {
    let ledger = Fixture::with_history();
    let attempt = ledger.open_attempt("2", "b2");
    refused(ledger.issue(attempt, "gw-2", "s9", "k9", None), "no reason to supersede");
    ledger.issue(attempt, "gw-2", "s9", "k9", Some("interrupted")).unwrap();
    let states: Vec<String> =
        ledger.reader().credentials_of(&identity("gw-2")).unwrap().into_iter().map(|c| c.state).collect();
    assert_eq!(states, ["superseded", "issued"]);
    refused(ledger.issue(attempt, "gw-1", "s8", "k8", Some("x")), "is live");
}

#[test]
fn a_device_key_belongs_to_one_identity_and_comes_again_for_it() {
    let ledger = Fixture::with_history();
    let issue = |attempt, id: &str, why: Option<&str>| {
        ledger.append(vec![Fact::Issued {
            attempt,
            identity: identity(id),
            credential: IssuedCredential::DeviceKey {
                origin: KeyOrigin::Derived { group_key: "g".into(), group_entry: GroupEntry::Primary },
                key_mac: "m1".into(),
            },
            supersedes: why.map(str::to_owned),
        }])
    };
    let attempt = ledger.open_attempt("3", "c3");
    ledger.claim(attempt, "gw-3", "c3").unwrap();
    issue(attempt, "gw-3", None).unwrap();
    issue(attempt, "gw-3", Some("interrupted")).unwrap();
    let other = ledger.open_attempt("2", "b2");
    refused(issue(other, "gw-2", Some("x")), "bound to 0ne00ABCDEF/gw-3");
    ledger.append(vec![Fact::Scrapped { identity: identity("gw-3"), reason: "cracked".into() }]).unwrap();
    assert_eq!(verify(&ledger.path).unwrap().findings, []);
}

#[test]
fn a_key_that_a_device_made_may_come_again_for_it_and_for_no_other() {
    let ledger = Fixture::with_history();
    let issue = |attempt, id: &str, key: &str, why: Option<&str>| {
        ledger.append(vec![Fact::Issued {
            attempt,
            identity: identity(id),
            credential: IssuedCredential::Certificate {
                certificate_serial: "01".into(),
                public_key: key.into(),
                chain: "PEM".into(),
                authority: None,
                key_maker: KeyMaker::Device,
            },
            supersedes: why.map(str::to_owned),
        }])
    };
    let attempt = ledger.open_attempt("3", "c3");
    ledger.claim(attempt, "gw-3", "c3").unwrap();
    issue(attempt, "gw-3", "own", None).unwrap();
    issue(attempt, "gw-3", "own", Some("interrupted")).unwrap();
    let other = ledger.open_attempt("2", "b2");
    refused(issue(other, "gw-2", "own", Some("x")), "bound to 0ne00ABCDEF/gw-3");
    refused(issue(other, "gw-2", "k1", Some("x")), "public_key k1 is taken");
    ledger.append(vec![Fact::Scrapped { identity: identity("gw-3"), reason: "cracked".into() }]).unwrap();
    refused(issue(other, "gw-2", "own", Some("x")), "never used again since entry");
    assert_eq!(verify(&ledger.path).unwrap().findings, []);
}

#[test]
fn a_random_device_key_is_given_once_and_neither_of_the_two_again() {
    let ledger = Fixture::with_history();
    let issue = |attempt, id: &str, keys: [&str; 2], why: Option<&str>| {
        ledger.append(vec![Fact::Issued {
            attempt,
            identity: identity(id),
            credential: IssuedCredential::DeviceKey {
                origin: KeyOrigin::Random { secondary_mac: keys[1].into() },
                key_mac: keys[0].into(),
            },
            supersedes: why.map(str::to_owned),
        }])
    };
    let attempt = ledger.open_attempt("3", "c3");
    ledger.claim(attempt, "gw-3", "c3").unwrap();
    issue(attempt, "gw-3", ["a", "b"], None).unwrap();
    refused(issue(attempt, "gw-3", ["a", "c"], Some("interrupted")), "device_key a is taken");
    let other = ledger.open_attempt("2", "b2");
    refused(issue(other, "gw-2", ["d", "b"], Some("x")), "device_key b is taken");
}

#[test]
fn an_order_has_at_most_its_budget_of_credentials() {
    let ledger = new_ledger();
    let mut facts = order("april", &["gw-1", "gw-2"]);
    let Fact::OrderAdded { issue_budget, .. } = &mut facts[0] else { panic!("{facts:?}") };
    *issue_budget = Some(1);
    ledger.append(facts).unwrap();
    let first = ledger.open_attempt("1", "a1");
    ledger.claim(first, "gw-1", "a1").unwrap();
    let second = ledger.open_attempt("2", "b2");
    ledger.claim(second, "gw-2", "b2").unwrap();
    ledger.issue(first, "gw-1", "s1", "k1", None).unwrap();
    for _ in 0..2 {
        let error = ledger.issue(second, "gw-2", "s2", "k2", None).unwrap_err();
        assert!(
            matches!(error, LedgerError::Refused(ProjectionError::BudgetUsedUp { budget: 1, .. })),
            "{error:?}"
        );
    }
    assert_eq!(ledger.reader().budget("april").unwrap(), Some((1, 1)), "what was refused does not count");

    let raise =
        |order: &str| Fact::BudgetSet { order: order.into(), issue_budget: 2, reason: "one more".into() };
    assert!(ledger.append(vec![raise("may")]).is_err());
    ledger.append(vec![raise("april")]).unwrap();
    ledger.issue(second, "gw-2", "s2", "k2", None).unwrap();
    // Superseded ones count as well, and so does a rebuild.
    assert!(ledger.issue(second, "gw-2", "s3", "k3", Some("again")).is_err());
    let Fixture { _folder, path, owner } = ledger;
    drop(owner);
    LedgerOwner::rebuild(&path, "line-1").unwrap();
    assert_eq!(LedgerReader::open(&path).unwrap().budget("april").unwrap(), Some((2, 2)));
    assert_eq!(verify(&path).unwrap().findings, []);
}

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
fn only_an_open_attempt_is_acted_on() {
    let ledger = Fixture::with_history();
    refused(ledger.accept(4, "gw-1"), "accepted, not open");
    let act = Act::Restart;
    refused(ledger.append(vec![Fact::Announced { attempt: 999, act }]), "unknown, not open");
    let cut_off = ledger.open_attempt("5", "e5");
    ledger.open_attempt("5", "f6");
    refused(ledger.claim(cut_off, "gw-3", "e5"), "interrupted");
}

#[test]
fn a_failed_unit_keeps_its_identity_and_a_live_one_stays_live() {
    let ledger = Fixture::with_history();
    let attempt = ledger.open_attempt("2", "b2");
    ledger.fail(attempt, "gw-2", Disposition::Retry).unwrap();
    assert_eq!(
        ledger.reader().bound_to("b2").unwrap().unwrap().reissue,
        None,
        "a retry may find its credential"
    );
    let attempt = ledger.open_attempt("2", "b2");
    ledger.fail(attempt, "gw-2", Disposition::Rework).unwrap();
    let record = ledger.reader().bound_to("b2").unwrap().unwrap();
    assert_eq!((record.state, record.reissue.as_deref()), (IdentityState::Open, Some("broken")));
    let attempt = ledger.open_attempt("1", "a1");
    ledger.fail(attempt, "gw-1", Disposition::Retry).unwrap();
    assert_eq!(ledger.state("gw-1"), IdentityState::Live);
    let attempt = ledger.open_attempt("1", "a1");
    ledger.fail(attempt, "gw-1", Disposition::Hold).unwrap();
    assert_eq!(ledger.state("gw-1"), IdentityState::OnHold);
}

#[test]
fn a_scrapped_identity_is_burnt_and_its_unit_spent() {
    let ledger = Fixture::with_history();
    let scrap = || Fact::Scrapped { identity: identity("gw-1"), reason: "cracked".into() };
    ledger.append(vec![scrap()]).unwrap();
    assert_eq!(ledger.state("gw-1"), IdentityState::Burnt);
    refused(ledger.append(vec![scrap()]), "burnt");
    let attempt = ledger.open_attempt("1", "a1");
    refused(ledger.claim(attempt, "gw-3", "a1"), "never used again since entry");
    assert_eq!(ledger.reader().scrapped("a1").unwrap().as_deref(), Some("cracked"));
    refused(ledger.append(order("may", &["gw-1"])), "gw-1");
}

#[test]
fn counts_add_up_in_every_state() {
    let ledger = Fixture::with_history();
    let check = |expected: (u64, u64, u64)| {
        let counts = ledger.reader().counts("april").unwrap();
        assert_eq!(counts.ordered, counts.accepted + counts.open + counts.on_hold);
        assert_eq!((counts.accepted, counts.open, counts.on_hold), expected);
    };
    check((1, 2, 0));
    ledger.append(vec![Fact::Held { identity: identity("gw-2"), reason: "doubled".into() }]).unwrap();
    check((1, 1, 1));
    ledger.append(vec![Fact::Reworked { identity: identity("gw-2"), reason: "other board".into() }]).unwrap();
    check((1, 2, 0));
    ledger.append(vec![Fact::Scrapped { identity: identity("gw-1"), reason: "cracked".into() }]).unwrap();
    check((0, 3, 0));
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
fn the_version_stands_first_in_an_entrys_bytes() {
    let ledger = new_ledger();
    let bytes: String = Connection::open(&ledger.path)
        .unwrap()
        .query_row("SELECT bytes FROM entry WHERE seq = 1", [], |row| row.get(0))
        .unwrap();
    assert!(bytes.starts_with(r#"{"version":1,"station":"line-1","seq":1,"#), "{bytes}");
}

fn ahead(order: &str, ids: &[&str], supersedes: Option<&str>, round: u32) -> Fact {
    let credential = |id: &&str| AheadCredential {
        registration_id: id.parse().unwrap(),
        credential: IssuedCredential::Certificate {
            certificate_serial: format!("02{round}{id}"),
            public_key: format!("{round}{id}"),
            chain: "leaf".into(),
            authority: Some("intermediate".into()),
            key_maker: KeyMaker::Station,
        },
    };
    Fact::IssuedAhead {
        order: order.into(),
        id_scope: "0ne00ABCDEF".into(),
        above: "above".into(),
        credentials: ids.iter().map(credential).collect(),
        supersedes: supersedes.map(str::to_owned),
    }
}

fn handed_over(first: u64) -> Fact {
    let door = Door::Clear;
    Fact::HandedOver { order: "april".into(), first, credentials: 1, door, recipients: vec![], sha256: None }
}

#[test]
fn what_is_issued_ahead_is_checked_out_and_for_nobody_else() {
    let ledger = new_ledger();
    ledger.append(order("april", &["gw-1", "gw-2", "gw-3"])).unwrap();
    ledger.append(order("may", &["gw-9"])).unwrap();
    let first = ledger.append(vec![ahead("april", &["gw-1", "gw-2"], None, 1)]).unwrap()[0];
    let of = |which| ledger.reader().ahead_of("april", which, 9).unwrap().len();
    assert_eq!([AheadOf::Open, AheadOf::CutOff, AheadOf::CheckedOut].map(of), [1, 2, 2]);
    let counts = ledger.reader().counts("april").unwrap();
    assert_eq!((counts.ordered, counts.open, counts.checked_out, counts.waiting), (3, 1, 2, 1));

    let refused = |fact: Fact, says: &str| {
        let error = ledger.append(vec![fact]).unwrap_err();
        let text = crate::error_text::with_causes(&error);
        assert!(text.contains(says), "{text}");
    };
    refused(ahead("april", &["gw-1"], None, 2), "its credential is checked out");
    refused(ahead("april", &["gw-9"], None, 2), "it belongs to order may");
    refused(ahead("april", &["gw-3", "gw-4"], None, 2), "unknown");
    // The same key, or serial, never twice.
    refused(ahead("april", &["gw-1"], Some("lost"), 1), "the ledger has it already");
    let reworked = Fact::Reworked { identity: identity("gw-1"), reason: "x".into() };
    refused(reworked, "is checked-out, not in use here");
    let attempt = ledger.open_attempt("1", "unit-1");
    let claimed = Fact::Claimed {
        attempt,
        order: "april".into(),
        identity: identity("gw-1"),
        hardware_id: "unit-1".into(),
        decision: "new".into(),
    };
    refused(claimed, "is checked-out, not open or live");

    ledger.append(vec![handed_over(first)]).unwrap();
    assert_eq!([AheadOf::CutOff, AheadOf::CheckedOut].map(of), [0, 2]);
    let again = ledger.append(vec![ahead("april", &["gw-1"], Some("lost"), 2)]).unwrap()[0];
    assert_eq!([AheadOf::CutOff, AheadOf::CheckedOut].map(of), [1, 2]);
    ledger.append(vec![handed_over(again)]).unwrap();
    assert_eq!((of(AheadOf::CutOff), ledger.reader().count_ahead().unwrap()), (0, 3));
    let held = verify(&ledger.path).unwrap();
    assert!(held.findings.is_empty(), "{held:?}");
}

#[test]
fn a_ledger_that_is_not_there_is_not_made_by_opening_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    assert!(matches!(LedgerOwner::open(&path, "line-1", "run"), Err(LedgerError::Missing(_))));
    assert!(matches!(LedgerReader::open(&path), Err(LedgerError::Missing(_))));
    assert!(!path.exists());
}

fn made(label: &str) -> Fact {
    Fact::AuthorityCreated {
        label: label.into(),
        role: "intermediate".into(),
        issuer: Some("root".into()),
        certificate_serial: format!("serial-{label}"),
        public_key: format!("key-{label}"),
        certificate: "PEM".into(),
        token_key: None,
    }
}

fn begun(from: &str, to: &str) -> Fact {
    Fact::RollOverBegun { hold: Hold::Authority(from.into()), successor: to.into() }
}

fn retired(from: &str, to: &str, reason: RetirementReason) -> Fact {
    Fact::Retired { hold: Hold::Authority(from.into()), successor: to.into(), reason }
}

#[test]
fn a_successor_stands_beside_and_then_takes_the_place() {
    let ledger = new_ledger();
    ledger.append(["a", "b", "c", "d"].map(made).to_vec()).unwrap();
    let (expiry, breach) = (RetirementReason::Expiry, RetirementReason::Breach);
    refused(ledger.append(vec![begun("a", "x")]), "unknown");
    refused(ledger.append(vec![begun("a", "a")]), "the same");
    refused(ledger.append(vec![retired("a", "b", expiry)]), "without a successor");
    ledger.append(vec![begun("a", "b")]).unwrap();
    refused(ledger.append(vec![begun("a", "c")]), "with the successor b");
    refused(ledger.append(vec![begun("b", "a")]), "with the successor b");
    refused(ledger.append(vec![retired("a", "c", breach)]), "with the successor b");
    let state = |name: &str| {
        let found = ledger.reader().roll_over(&Hold::Authority(name.into())).unwrap();
        found.map(|found| format!("{} {}", found.successor, found.state))
    };
    assert_eq!(state("a").as_deref(), Some("b in progress"));
    // b is lost while a still serves: c stands beside a in its place.
    ledger.append(vec![retired("b", "c", breach)]).unwrap();
    assert_eq!(state("a").as_deref(), Some("c in progress"));
    ledger.append(vec![retired("c", "a", breach)]).unwrap();
    assert_eq!((state("a"), state("c").as_deref()), (None, Some("a breach")), "back to a alone");
    ledger.append(vec![begun("a", "d"), retired("a", "d", expiry)]).unwrap();
    refused(ledger.append(vec![retired("a", "d", expiry)]), "expiry, with the successor d");
    assert!(verify(&ledger.path).unwrap().findings.is_empty(), "read back and replayed");
}

#[test]
fn a_delivery_is_acknowledged_once() {
    let ledger = Fixture::with_history();
    let delivery = Delivery {
        order: "april".into(),
        form: DeliveryForm::Sealed,
        recipients: vec!["age1x".into()],
        identities: 2,
        sha256: "00".into(),
        attempts: vec![4, 7],
    };
    let number = ledger.append(vec![Fact::Delivered(delivery)]).unwrap()[0];
    assert_eq!(ledger.reader().delivered_attempts(number).unwrap(), [4, 7]);
    assert!(ledger.reader().arrived_attempts("april").unwrap().is_empty());
    refused(ledger.append(vec![Fact::DeliveryAcknowledged { delivery: 1 }]), "unknown or acknowledged");
    ledger.append(vec![Fact::DeliveryAcknowledged { delivery: number }]).unwrap();
    refused(ledger.append(vec![Fact::DeliveryAcknowledged { delivery: number }]), "acknowledged already");
    assert_eq!(ledger.reader().arrived_attempts("april").unwrap(), [4, 7].into());
    assert!(ledger.reader().delivery(number).unwrap().unwrap().acknowledged_at.is_some());
    assert!(verify(&ledger.path).unwrap().findings.is_empty(), "read back and replayed");
}
