//! Rolling over what units hang on: an authority, or a group key. What may take whose place, and what that puts into the
//! enrollment group.
//!
//! Before a certificate expires, its successor stands beside it as the group's secondary until all units hang on that; after
//! a breach the successor takes its place at once ("How to roll X.509 device certificates", iot-dps).

use thiserror::Error;
use time::OffsetDateTime;

use crate::authority::{self, AuthorityError};
use crate::clock::rfc3339;
use crate::ledger::entry::{Fact, Hold, RetirementReason, SecretKind};
use crate::ledger::{AuthorityRecord, LedgerError, LedgerReader, RollOver, RollOverState};
use crate::manifest::{GroupAuthorities, ManifestError, group_authorities};

/// Why nothing is rolled over.
#[derive(Debug, Error)]
pub enum RollOverError {
    /// No such thing.
    #[error(
        "the station has no authority and no group key `{0}`: make one with `station ca intermediate --label {0}`, or import \
         one with `station keys import {0} --kind group-key`"
    )]
    Unknown(String),
    /// Both kinds have one of each name.
    #[error(
        "`{0}` and `{1}` name two authorities and two group keys: import the group key under another name"
    )]
    Ambiguous(String, String),
    /// An authority and a group key.
    #[error(
        "`{retiring}` and `{successor}` are an authority and a group key: an authority follows an authority, a key a key"
    )]
    Kinds {
        /// What is to go.
        retiring: String,
        /// What is to come.
        successor: String,
    },
    /// One name, given twice.
    #[error("`{0}` cannot be its own successor: make a new one with a key of its own, and name that")]
    Same(String),
    /// Retired already.
    #[error("`{name}` was retired already ({reason}): `{successor}` took its place")]
    Retired {
        /// Which.
        name: String,
        /// Why.
        reason: RollOverState,
        /// What took its place.
        successor: String,
    },
    /// It is itself being rolled over.
    #[error("`{name}` is on its way out itself, with the successor `{successor}`: name another")]
    Leaving {
        /// Which.
        name: String,
        /// What is to come.
        successor: String,
    },
    /// Another successor stands beside it.
    #[error("`{retiring}` is being rolled over to `{successor}`: name that, or roll that over first")]
    OtherSuccessor {
        /// What is to go.
        retiring: String,
        /// What stands beside it.
        successor: String,
    },
    /// It stands beside another one: a group has room for two.
    #[error(
        "`{name}` stands beside `{other}` itself, and a group has room for two: end that with `station roll-over promote {other} {name}`"
    )]
    Beside {
        /// What was to go.
        name: String,
        /// What it is to succeed.
        other: String,
    },
    /// Nothing stands beside it.
    #[error(
        "no roll-over of `{retiring}` to `{successor}` is in progress: begin it with `station roll-over expiry`"
    )]
    NotBegun {
        /// What is to go.
        retiring: String,
        /// What is to come.
        successor: String,
    },
    /// The successor would go with it.
    #[error(
        "`{successor}` hangs on `{retiring}`, and would go with it: make a successor under another authority"
    )]
    Under {
        /// What is to go.
        retiring: String,
        /// What was to come.
        successor: String,
    },
    /// Groups carry intermediates.
    #[error(
        "`{0}` is a root, and a group's body carries intermediates only: verify the new root in DPS (`station ca possession`), \
         let the group name it, and roll over the intermediates"
    )]
    Root(String),
    /// The successor's certificate, or one above it.
    #[error("`{label}` is valid from {from} to {until}, not now: make another successor, or set the clock")]
    NotValid {
        /// Whose certificate.
        label: String,
        /// RFC 3339.
        from: String,
        /// RFC 3339.
        until: String,
    },
    /// An authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A manifest.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The successor stands beside.
    Begin,
    /// All hang on the successor: the other goes.
    Promote,
    /// The other goes at once.
    Breach,
}

/// A step of a roll-over that can be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What goes.
    pub retiring: Hold,
    /// What comes: of the same kind.
    pub successor: String,
    step: Step,
    /// Whether it is on record already, by a command that was cut off before it wrote its folder.
    recorded: bool,
}

impl Change {
    /// What the ledger takes; nothing where it has it already.
    pub fn fact(&self) -> Option<Fact> {
        let (hold, successor) = (self.retiring.clone(), self.successor.clone());
        let reason = match self.step {
            _ if self.recorded => return None,
            Step::Begin => return Some(Fact::RollOverBegun { hold, successor }),
            Step::Promote => RetirementReason::Expiry,
            Step::Breach => RetirementReason::Breach,
        };
        Some(Fact::Retired { hold, successor, reason })
    }

    /// The state that it leads to.
    pub fn state(&self) -> RollOverState {
        match self.step {
            Step::Begin => RollOverState::InProgress,
            Step::Promote => RollOverState::Expiry,
            Step::Breach => RollOverState::Breach,
        }
    }

    /// What stands in the group now, and after each further step, with names for the files of the bodies.
    ///
    /// # Errors
    /// [`RollOverError::Ledger`].
    pub fn groups(
        &self,
        reader: &LedgerReader,
    ) -> Result<Vec<(&'static str, GroupAuthorities)>, RollOverError> {
        let (retiring, successor) = (self.retiring.name().to_owned(), self.successor.clone());
        let alone = |primary: &String| GroupAuthorities { primary: primary.clone(), secondary: None };
        let both = |primary, secondary| GroupAuthorities { primary, secondary: Some(secondary) };
        if self.step == Step::Begin {
            return Ok(vec![
                ("1-before.json", alone(&retiring)),
                ("2-both.json", both(retiring, successor.clone())),
                ("3-after.json", alone(&successor)),
            ]);
        }
        let before = if self.recorded { alone(&retiring) } else { group_authorities(reader, &retiring)? };
        // What it stood beside stays where it is.
        let after = match &before.secondary {
            Some(beside) if *beside == retiring && before.primary != successor => {
                both(before.primary.clone(), successor)
            }
            _ => alone(&successor),
        };
        Ok(vec![("1-before.json", before), ("2-after.json", after)])
    }
}

/// Checks a step against all that the ledger knows.
///
/// # Errors
/// [`RollOverError`].
pub fn check(
    step: Step,
    retiring: &str,
    successor: &str,
    reader: &LedgerReader,
    now: OffsetDateTime,
) -> Result<Change, RollOverError> {
    let retiring = resolve(retiring, successor, reader)?;
    let recorded = check_states(step, &retiring, successor, reader)?;
    if let Hold::Authority(label) = &retiring {
        check_authorities(label, successor, reader, now)?;
    }
    Ok(Change { retiring, successor: successor.to_owned(), step, recorded })
}

/// Which kind of thing the two names mean.
fn resolve(retiring: &str, successor: &str, reader: &LedgerReader) -> Result<Hold, RollOverError> {
    let is_authority = |name: &str| Ok::<_, LedgerError>(reader.authority(name)?.is_some());
    let is_key = |name: &str| Ok::<_, LedgerError>(reader.secret_kind(name)? == Some(SecretKind::GroupKey));
    for name in [retiring, successor] {
        if !is_authority(name)? && !is_key(name)? {
            return Err(RollOverError::Unknown(name.to_owned()));
        }
    }
    if retiring == successor {
        return Err(RollOverError::Same(retiring.to_owned()));
    }
    match (is_authority(retiring)? && is_authority(successor)?, is_key(retiring)? && is_key(successor)?) {
        (true, false) => Ok(Hold::Authority(retiring.to_owned())),
        (false, true) => Ok(Hold::GroupKey(retiring.to_owned())),
        (true, true) => Err(RollOverError::Ambiguous(retiring.to_owned(), successor.to_owned())),
        (false, false) => {
            Err(RollOverError::Kinds { retiring: retiring.to_owned(), successor: successor.to_owned() })
        }
    }
}

/// Whether the roll-overs so far allow the step. Gives whether it is on record already.
fn check_states(
    step: Step,
    retiring: &Hold,
    successor: &str,
    reader: &LedgerReader,
) -> Result<bool, RollOverError> {
    let all = reader.roll_overs(retiring.kind())?;
    let name = retiring.name();
    let of = |name: &str| all.iter().find(|one| one.retiring == name);
    let in_progress = |one: &&RollOver| !one.state.is_retired();
    match of(successor) {
        None => {}
        Some(own) if own.state.is_retired() => return Err(retired(own)),
        // Back to the one that it was to succeed.
        Some(own) if step == Step::Breach && own.successor == name => {}
        Some(own) => {
            let (name, successor) = (own.retiring.clone(), own.successor.clone());
            return Err(RollOverError::Leaving { name, successor });
        }
    }
    match of(name) {
        // Written again, for a folder that an interruption left unwritten.
        Some(own)
            if own.successor == successor
                && (step, own.state) == (Step::Begin, RollOverState::InProgress) =>
        {
            return Ok(true);
        }
        Some(own)
            if own.successor == successor && (step, own.state) == (Step::Breach, RollOverState::Breach) =>
        {
            return Ok(true);
        }
        Some(own) if own.state.is_retired() => return Err(retired(own)),
        Some(own) if own.successor != successor => {
            let (retiring, successor) = (name.to_owned(), own.successor.clone());
            return Err(RollOverError::OtherSuccessor { retiring, successor });
        }
        None if step == Step::Promote => {
            let (retiring, successor) = (name.to_owned(), successor.to_owned());
            return Err(RollOverError::NotBegun { retiring, successor });
        }
        _ => {}
    }
    match all.iter().find(|one| one.successor == name).filter(in_progress) {
        Some(other) if step != Step::Breach => {
            Err(RollOverError::Beside { name: name.to_owned(), other: other.retiring.clone() })
        }
        _ => Ok(false),
    }
}

fn retired(own: &RollOver) -> RollOverError {
    let (name, successor) = (own.retiring.clone(), own.successor.clone());
    RollOverError::Retired { name, reason: own.state, successor }
}

/// Whether the successor can stand in the group, now and without the other.
fn check_authorities(
    retiring: &str,
    successor: &str,
    reader: &LedgerReader,
    now: OffsetDateTime,
) -> Result<(), RollOverError> {
    let find = |label: &str| -> Result<AuthorityRecord, RollOverError> {
        Ok(reader.authority(label)?.ok_or_else(|| AuthorityError::Unknown(label.to_owned()))?)
    };
    for label in [retiring, successor] {
        if find(label)?.issuer.is_none() {
            return Err(RollOverError::Root(label.to_owned()));
        }
    }
    let mut next = Some(successor.to_owned());
    while let Some(label) = next {
        let record = find(&label)?;
        if label == retiring {
            let (retiring, successor) = (label, successor.to_owned());
            return Err(RollOverError::Under { retiring, successor });
        }
        let certificate = authority::certificate_of(&record)?;
        let (from, until) = (certificate.not_before(), certificate.not_after());
        if now < from || now > until {
            return Err(RollOverError::NotValid { label, from: rfc3339(from), until: rfc3339(until) });
        }
        next = record.issuer;
    }
    Ok(authority::refuse_retired(successor, reader)?)
}
