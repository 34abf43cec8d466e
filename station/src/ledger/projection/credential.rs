//! Credentials: issued for a bound identity, superseded, revoked.

use rusqlite::{Connection, params};

use super::super::entry::{Identity, IssuedCredential, KeyMaker, KeyOrigin};
use super::attempt::attempt_is_open;
use super::identity::identity_columns;
use super::uniqueness::{claim, full, spend};
use super::{ProjectionError, Result, as_json, taken, wrong_state};

pub(super) fn issue(
    db: &Connection,
    (seq, at): (u64, &str),
    attempt: u64,
    identity: &Identity,
    credential: &IssuedCredential,
    supersedes: Option<&str>,
) -> Result {
    attempt_is_open(db, attempt)?;
    let state: String = identity_columns(db, identity, "state, unit").map(|(state, _): (_, String)| state)?;
    if state != "open" {
        return Err(wrong_state(identity, state, "open"));
    }
    draw_on_budget(db, identity)?;
    take(db, seq, identity, credential)?;
    let id = identity.registration_id.as_str();
    let replaced = db.execute(
        "UPDATE credential SET state = 'superseded', reason = ?3, ended_at = ?4
         WHERE id_scope = ?1 AND registration_id = ?2 AND state IN ('issued', 'live')",
        params![identity.id_scope, id, supersedes, at],
    )?;
    if replaced > 0 && supersedes.is_none() {
        let holder = "it has a credential, and no reason to supersede it".into();
        return Err(taken("registration ID", identity, holder));
    }
    db.execute(
        "INSERT INTO credential VALUES (?1, ?2, ?3, ?4, ?5, 'issued', NULL, NULL)",
        params![seq, identity.id_scope, id, attempt, as_json(credential)?],
    )?;
    db.execute(
        "UPDATE identity SET credential = ?3, reissue = NULL WHERE id_scope = ?1 AND registration_id = ?2",
        params![identity.id_scope, id, seq],
    )?;
    Ok(())
}

/// Counts a credential for the identity's order. The last defence: whoever issues asks before anything is signed.
pub(super) fn draw_on_budget(db: &Connection, identity: &Identity) -> Result {
    let (order, _): (String, String) = identity_columns(db, identity, "order_name, state")?;
    let drawn = "UPDATE orders SET issued = issued + 1 WHERE name = ?1 RETURNING issued, issue_budget";
    let (issued, budget): (u64, Option<u64>) =
        db.prepare_cached(drawn)?.query_row([&order], |row| Ok((row.get(0)?, row.get(1)?)))?;
    match budget {
        Some(budget) if issued > budget => Err(ProjectionError::BudgetUsedUp { order, budget }),
        _ => Ok(()),
    }
}

/// Makes sure that no other unit has, or ever gets, what this credential is made of.
pub(super) fn take(db: &Connection, seq: u64, identity: &Identity, credential: &IssuedCredential) -> Result {
    match credential {
        IssuedCredential::Certificate { certificate_serial, public_key, authority, key_maker, .. } => {
            // A device that signs for itself counts its certificates as it likes.
            if authority.is_some() || *key_maker == KeyMaker::Station {
                spend(db, "certificate_serial", certificate_serial, seq)?;
            }
            match key_maker {
                KeyMaker::Station => spend(db, "public_key", public_key, seq),
                // A device may show the same key at each attempt.
                KeyMaker::Device => claim(db, "public_key", public_key, &full(identity), seq),
            }
        }
        IssuedCredential::DeviceKey { origin: KeyOrigin::Random { secondary_mac }, key_mac } => {
            spend(db, "device_key", key_mac, seq)?;
            spend(db, "device_key", secondary_mac, seq)
        }
        // A TPM has the same one at each attempt.
        IssuedCredential::EndorsementKey(tpm) => {
            claim(db, "public_key", &tpm.public_key, &full(identity), seq)
        }
        // A derived key is the same each time: it belongs to its identity rather than to one attempt.
        IssuedCredential::DeviceKey { key_mac, .. } => claim(db, "device_key", key_mac, &full(identity), seq),
    }
}
