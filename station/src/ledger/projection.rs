//! The tables that are derived from the entries. One function changes them, for a new entry and for a rebuild alike.

mod ahead;
mod attempt;
mod credential;
mod delivery;
mod end;
mod identity;
mod roll_over;
mod uniqueness;

use rusqlite::{Connection, params};
use thiserror::Error;

use super::entry::{Entry, Fact, Identity};
use uniqueness::{spend, unique};

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
    /// More identities than the order has units.
    #[error(
        "order {order} is for {quantity} units, and would have more identities: take another order for what goes beyond"
    )]
    OrderFull {
        /// The order.
        order: String,
        /// Units ordered.
        quantity: u64,
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
        Fact::StationCreated {} => Ok(()),
        Fact::RunStarted { order, product_sha256, .. } => {
            db.execute("INSERT OR REPLACE INTO run VALUES (?1, ?2)", params![order, product_sha256])?;
            Ok(())
        }
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
        Fact::OrderRows { order, rows } => identity::reserve(db, order, rows),
        Fact::AttemptOpened { order, fixture, hardware_id, .. } => {
            attempt::open(db, seq, at, order, fixture, hardware_id)
        }
        Fact::Refused { attempt, order, fixture, hardware_id, disposition, reason, .. } => {
            let sql = "INSERT INTO attempt (seq, order_name, fixture, hardware_id, state, disposition, reason, opened_at, closed_at)
                VALUES (?1, ?2, ?3, ?4, 'refused', ?5, ?6, ?7, ?7)
                ON CONFLICT (seq) DO UPDATE SET state = 'refused', disposition = ?5, reason = ?6, closed_at = ?7";
            let disposition = disposition.to_string();
            let number = attempt.unwrap_or(seq);
            db.execute(sql, params![number, order, fixture, hardware_id, disposition, reason, at])?;
            Ok(())
        }
        Fact::Claimed { attempt, order, identity, hardware_id, .. } => {
            attempt::bind(db, seq, *attempt, order, identity, hardware_id)
        }
        Fact::Issued { attempt, identity, credential, supersedes } => {
            credential::issue(db, (seq, at), *attempt, identity, credential, supersedes.as_deref())
        }
        Fact::CertificateRequested { attempt, .. } => attempt::attempt_is_open(db, *attempt),
        Fact::Announced { attempt, act } => attempt::announce(db, *attempt, act),
        Fact::IssuedAhead { order, id_scope, credentials, supersedes, .. } => {
            ahead::issue(db, (seq, at), (order, id_scope), credentials, supersedes.as_deref())
        }
        Fact::HandedOver { order, first, .. } => ahead::hand_over(db, order, *first),
        Fact::Accepted { attempt, identity, evidence } => {
            attempt::accept(db, at, *attempt, identity, evidence)
        }
        Fact::Failed { attempt, identity, disposition, reason } => {
            attempt::fail(db, at, *attempt, identity, *disposition, reason)
        }
        Fact::Held { identity, reason } => identity::set_state(db, identity, "on-hold", reason),
        Fact::Reworked { identity, reason } => end::rework(db, at, identity, reason),
        Fact::Scrapped { identity, reason } => end::scrap(db, (seq, at), identity, reason),
        Fact::Delivered(delivery) => delivery::deliver(db, (seq, at), delivery),
        Fact::DeliveryAcknowledged { delivery } => delivery::acknowledge(db, at, *delivery),
    }
}

fn as_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()).into())
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
