mod ahead;
mod attempt;
mod chain;
mod delivery;
mod order;
mod order_of_units;
mod roll_over;
mod tpm;
mod uniqueness;
mod writer;

use std::path::PathBuf;

use time::macros::datetime;

use super::entry::{Disposition, Evidence, Grade, Identity, IssuedCredential, KeyMaker};
use super::sample::order;
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
            locks: None,
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
