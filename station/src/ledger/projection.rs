//! The tables that are derived from the entries. One function changes them, for a new entry and for a rebuild alike.

mod ahead;
mod delivery;
mod roll_over;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};
use thiserror::Error;

use super::entry::{
    Disposition, Entry, Evidence, Fact, Identity, IssuedCredential, KeyMaker, KeyOrigin, OrderRow,
};

/// The projected tables, in an order that reads well in a difference.
pub(super) const TABLES: [&str; 12] = [
    "claim",
    "spent",
    "secret",
    "authority",
    "roll_over",
    "orders",
    "identity",
    "credential",
    "ahead",
    "attempt",
    "delivery",
    "delivered",
];

/// Why an entry cannot follow the ones before it.
#[derive(Debug, Error)]
pub enum ProjectionError {
    /// Something is bound or spent already.
    #[error("{what} {value} is taken: {holder}")]
    Taken {
        /// What kind of thing.
        what: &'static str,
        /// Which one.
        value: String,
        /// Who holds it, since which entry.
        holder: String,
    },
    /// The entry speaks of something that is not in the state it needs.
    #[error("{what} {value} is {state}, not {needed}")]
    WrongState {
        /// What kind of thing.
        what: &'static str,
        /// Which one.
        value: String,
        /// The state that it is in.
        state: String,
        /// The state that the entry needs.
        needed: &'static str,
    },
    /// The order's issue budget is used up.
    #[error(
        "order {order} may have {budget} credentials, and has them: raise its issue budget with \
         `station order budget {order} N --reason …`"
    )]
    BudgetUsedUp {
        /// The order.
        order: String,
        /// Its budget.
        budget: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
}

type Result<T = ()> = std::result::Result<T, ProjectionError>;

/// Applies one entry. On an error the caller rolls back; nothing of the entry then counts.
pub(super) fn apply(db: &Connection, entry: &Entry) -> Result {
    let seq = entry.seq;
    let at = &entry.at;
    match &entry.fact {
        Fact::StationCreated {} | Fact::RunStarted { .. } => Ok(()),
        Fact::SecretImported { name, secret_kind } => {
            // The vault overwrites nothing; a name that comes again was withdrawn by the engineer's own hand.
            let sql = "INSERT OR REPLACE INTO secret VALUES (?1, ?2, ?3)";
            db.execute(sql, params![name, as_json(secret_kind)?, seq])?;
            Ok(())
        }
        Fact::AuthorityCreated {
            label,
            role,
            issuer,
            certificate_serial,
            public_key,
            certificate,
            token_key,
        } => {
            spend(db, "certificate_serial", certificate_serial, seq)?;
            spend(db, "public_key", public_key, seq)?;
            let token_key = token_key.as_ref().map(as_json).transpose()?;
            let sql = "INSERT INTO authority VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let row = params![label, role, issuer, certificate, token_key, seq];
            unique(db.execute(sql, row), "authority", label)
        }
        Fact::PossessionProven { certificate_serial, public_key, .. } => {
            spend(db, "certificate_serial", certificate_serial, seq)?;
            spend(db, "public_key", public_key, seq)
        }
        Fact::RevocationListIssued { .. } => Ok(()),
        Fact::RollOverBegun { hold, successor } => roll_over::begin(db, at, hold, successor),
        Fact::Retired { hold, successor, reason } => roll_over::retire(db, at, hold, successor, *reason),
        Fact::OrderAdded { order, product, product_sha256, id_scope, quantity, issue_budget } => {
            let sql = "INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7)";
            let row = params![order, product, product_sha256, id_scope, quantity, issue_budget, seq];
            unique(db.execute(sql, row), "order", order)
        }
        Fact::BudgetSet { order, issue_budget, .. } => {
            let changed = db.execute(
                "UPDATE orders SET issue_budget = ?2 WHERE name = ?1",
                params![order, issue_budget],
            )?;
            if changed == 1 { Ok(()) } else { Err(unknown_order(order)) }
        }
        Fact::OrderRows { order, rows } => reserve(db, order, rows),
        Fact::AttemptOpened { order, fixture, hardware_id, .. } => {
            open_attempt(db, seq, at, order, fixture, hardware_id)
        }
        Fact::Refused { attempt, order, fixture, hardware_id, disposition, reason } => {
            let sql = "INSERT INTO attempt (seq, order_name, fixture, hardware_id, state, disposition, reason, opened_at, closed_at)
                VALUES (?1, ?2, ?3, ?4, 'refused', ?5, ?6, ?7, ?7)
                ON CONFLICT (seq) DO UPDATE SET state = 'refused', disposition = ?5, reason = ?6, closed_at = ?7";
            let disposition = disposition.to_string();
            let number = attempt.unwrap_or(seq);
            db.execute(sql, params![number, order, fixture, hardware_id, disposition, reason, at])?;
            Ok(())
        }
        Fact::Claimed { attempt, order, identity, hardware_id, .. } => {
            bind(db, seq, *attempt, order, identity, hardware_id)
        }
        Fact::Issued { attempt, identity, credential, supersedes } => {
            issue(db, (seq, at), *attempt, identity, credential, supersedes.as_deref())
        }
        Fact::CertificateRequested { attempt, .. } | Fact::Announced { attempt, .. } => {
            attempt_is_open(db, *attempt)
        }
        Fact::IssuedAhead { order, id_scope, credentials, supersedes, .. } => {
            ahead::issue(db, seq, order, id_scope, credentials, supersedes.as_deref())
        }
        Fact::HandedOver { order, first, .. } => ahead::hand_over(db, order, *first),
        Fact::Accepted { attempt, identity, evidence } => accept(db, at, *attempt, identity, evidence),
        Fact::Failed { attempt, identity, disposition, reason } => {
            fail(db, at, *attempt, identity, *disposition, reason)
        }
        Fact::Held { identity, reason } => set_state(db, identity, "on-hold", reason),
        Fact::Reworked { identity, reason } => {
            in_use_here(db, identity)?;
            set_state(db, identity, "open", reason)?;
            let sql = "UPDATE identity SET reissue = ?3 WHERE id_scope = ?1 AND registration_id = ?2";
            db.execute(sql, params![identity.id_scope, identity.registration_id.as_str(), reason])?;
            revoke(db, at, identity, reason)
        }
        Fact::Scrapped { identity, reason } => scrap(db, (seq, at), identity, reason),
        Fact::Delivered(delivery) => delivery::deliver(db, (seq, at), delivery),
        Fact::DeliveryAcknowledged { delivery } => delivery::acknowledge(db, at, *delivery),
    }
}

fn reserve(db: &Connection, order: &str, rows: &[OrderRow]) -> Result {
    let (id_scope, mut position): (String, u64) = db.query_row(
        "SELECT id_scope, (SELECT count(*) FROM identity WHERE order_name = ?1) FROM orders WHERE name = ?1",
        [order],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut insert = db.prepare_cached(
        "INSERT INTO identity (id_scope, registration_id, order_name, position, name, serial_number, meant_for, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open')",
    )?;
    for row in rows {
        position += 1;
        let id = row.registration_id.as_str();
        let inserted = insert.execute(params![
            id_scope,
            id,
            order,
            position,
            row.name,
            row.serial_number,
            row.hardware_id
        ]);
        unique(inserted, "registration ID", id)?;
    }
    Ok(())
}

fn open_attempt(
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

fn bind(
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

fn issue(
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
fn draw_on_budget(db: &Connection, identity: &Identity) -> Result {
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
fn take(db: &Connection, seq: u64, identity: &Identity, credential: &IssuedCredential) -> Result {
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
        // A derived key is the same each time: it belongs to its identity rather than to one attempt.
        IssuedCredential::DeviceKey { key_mac, .. } => claim(db, "device_key", key_mac, &full(identity), seq),
    }
}

fn accept(db: &Connection, at: &str, attempt: u64, identity: &Identity, evidence: &[Evidence]) -> Result {
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

fn fail(
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

fn scrap(db: &Connection, (seq, at): (u64, &str), identity: &Identity, reason: &str) -> Result {
    not_burnt(db, identity)?;
    let unit: Option<String> =
        identity_columns(db, identity, "unit, state").map(|(unit, _): (_, String)| unit)?;
    set_state(db, identity, "burnt", reason)?;
    revoke(db, at, identity, reason)?;
    let full = full(identity);
    db.execute("DELETE FROM claim WHERE kind = 'registration' AND value = ?1", [&full])?;
    db.execute("DELETE FROM claim WHERE kind = 'device_key' AND holder = ?1", [&full])?;
    let keys = "SELECT kind, value, ?2 FROM claim WHERE kind = 'public_key' AND holder = ?1";
    db.execute(&format!("INSERT INTO spent {keys}"), params![&full, seq])?;
    db.execute("DELETE FROM claim WHERE kind = 'public_key' AND holder = ?1", [&full])?;
    if let Some(unit) = unit {
        db.execute("DELETE FROM claim WHERE kind = 'hardware_id' AND value = ?1", [&unit])?;
        spend(db, "hardware_id", &unit, seq)?;
    }
    Ok(())
}

fn revoke(db: &Connection, at: &str, identity: &Identity, reason: &str) -> Result {
    db.execute(
        "UPDATE credential SET state = 'revoked', reason = ?3, ended_at = ?4
         WHERE id_scope = ?1 AND registration_id = ?2 AND state IN ('issued', 'live')",
        params![identity.id_scope, identity.registration_id.as_str(), reason, at],
    )?;
    db.execute(
        "UPDATE ahead SET state = 'revoked' WHERE id_scope = ?1 AND registration_id = ?2 AND state <> 'superseded'",
        params![identity.id_scope, identity.registration_id.as_str()],
    )?;
    Ok(())
}

fn set_state(db: &Connection, identity: &Identity, state: &str, reason: &str) -> Result {
    let changed = db.execute(
        "UPDATE identity SET state = ?3, reason = ?4 WHERE id_scope = ?1 AND registration_id = ?2 AND state <> 'burnt'",
        params![identity.id_scope, identity.registration_id.as_str(), state, reason],
    )?;
    if changed == 1 { Ok(()) } else { Err(wrong_state(identity, "burnt or unknown".into(), "in use")) }
}

fn not_burnt(db: &Connection, identity: &Identity) -> Result {
    let state: String =
        identity_columns(db, identity, "state, order_name").map(|(state, _): (_, String)| state)?;
    if state == "burnt" { Err(wrong_state(identity, state, "in use")) } else { Ok(()) }
}

/// Not burnt, and not checked out: whoever holds its credential may be using it.
fn in_use_here(db: &Connection, identity: &Identity) -> Result {
    not_burnt(db, identity)?;
    let state: String =
        identity_columns(db, identity, "state, order_name").map(|(state, _): (_, String)| state)?;
    if state == "checked-out" { Err(wrong_state(identity, state, "in use here")) } else { Ok(()) }
}

fn identity_columns<A: rusqlite::types::FromSql, B: rusqlite::types::FromSql>(
    db: &Connection,
    identity: &Identity,
    columns: &str,
) -> Result<(A, B)> {
    let sql = format!("SELECT {columns} FROM identity WHERE id_scope = ?1 AND registration_id = ?2");
    let values = params![identity.id_scope, identity.registration_id.as_str()];
    // Kept prepared, here and below: preparing takes longer than the question.
    let mut select = db.prepare_cached(&sql)?;
    select
        .query_row(values, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or_else(|| wrong_state(identity, "unknown".into(), "reserved by an order"))
}

fn attempt_is_open(db: &Connection, attempt: u64) -> Result {
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

fn claim(db: &Connection, kind: &'static str, value: &str, holder: &str, seq: u64) -> Result {
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
fn full(identity: &Identity) -> String {
    format!("{}/{}", identity.id_scope, identity.registration_id)
}

fn as_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()).into())
}

fn spend(db: &Connection, kind: &'static str, value: &str, seq: u64) -> Result {
    let mut insert = db.prepare_cached("INSERT INTO spent VALUES (?1, ?2, ?3)")?;
    unique(insert.execute(params![kind, value, seq]), kind, value)
}

fn unique(done: rusqlite::Result<usize>, what: &'static str, value: &str) -> Result {
    match done {
        Ok(_) => Ok(()),
        Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::ConstraintViolation => {
            let holder = "the ledger has it already".to_owned();
            Err(ProjectionError::Taken { what, value: value.to_owned(), holder })
        }
        Err(error) => Err(error.into()),
    }
}

fn taken(what: &'static str, identity: &Identity, holder: String) -> ProjectionError {
    ProjectionError::Taken { what, value: identity.to_string(), holder }
}

fn unknown_order(order: &str) -> ProjectionError {
    let (value, state) = (order.to_owned(), "unknown".to_owned());
    ProjectionError::WrongState { what: "order", value, state, needed: "taken" }
}

fn wrong_state(identity: &Identity, state: String, needed: &'static str) -> ProjectionError {
    ProjectionError::WrongState { what: "identity", value: identity.to_string(), state, needed }
}
