//! `station roll-over`: what units hang on is exchanged, before it expires or after a breach.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use certkit::RegistrationId;
use clap::Subcommand;
use serde::Serialize;

use super::context::Context;
use super::manifest::{bodies, pretty, talk_disallowed};
use super::{Exit, Failure, Output};
use crate::clock;
use crate::ledger::entry::Hold;
use crate::ledger::{IdentityRecord, LedgerReader, RollOverState};
use crate::manifest::{Disallowed, disallow, signing_group, units_csv, units_hanging_on};
use crate::place::{self, Readers};
use crate::roll_over::{self, Change, Step};

/// Exchange an authority, or a group key: with time, or at once.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Before one expires: its successor stands beside it, and both serve.
    Expiry {
        #[command(flatten)]
        pair: Pair,
        #[command(flatten)]
        write: Write,
    },
    /// When all units hang on the successor: it takes the place, and nothing is issued from the other any more. It cannot be
    /// undone; how many units still hang on the other is said.
    Promote {
        #[command(flatten)]
        pair: Pair,
    },
    /// A key may be known to others: its successor takes its place at once.
    Breach {
        #[command(flatten)]
        pair: Pair,
        #[command(flatten)]
        write: Write,
        /// Bulk operations, too, that disallow each of the units: only where the old one cannot leave the group yet.
        #[arg(long)]
        disallow: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Pair {
    /// What goes: an authority's label, or a group key's name in the vault.
    retiring: String,
    /// What comes: of the same kind.
    successor: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct Write {
    /// The enrollment group's ID. Group keys have none: their group belongs to the service.
    #[arg(long)]
    group: Option<RegistrationId>,
    /// A new folder for the group's bodies and the list of units.
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Done<'a> {
    #[serde(flatten)]
    hold: &'a Hold,
    successor: &'a str,
    state: RollOverState,
    units: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    folder: Option<&'a Path>,
}

pub(super) fn run(verb: Verb, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let owner = context.owner("roll-over")?;
    let reader = context.reader()?;
    let (step, pair, write, stop) = match &verb {
        Verb::Expiry { pair, write } => (Step::Begin, pair, Some(write), false),
        Verb::Promote { pair } => (Step::Promote, pair, None, false),
        Verb::Breach { pair, write, disallow } => (Step::Breach, pair, Some(write), *disallow),
    };
    let change = roll_over::check(step, &pair.retiring, &pair.successor, &reader, clock::now())?;
    let units = units_hanging_on(&reader, &change.retiring)?;
    let mut files = match write {
        Some(write) => files(&change, write, &units, &reader)?,
        None => Vec::new(),
    };
    let stopped = if stop { Some(disallow_all(&units, &reader)?) } else { None };
    let bulk = match &stopped {
        Some(disallowed) => bodies::in_bulk(&disallowed.by_mode())?,
        None => Vec::new(),
    };
    let record = || -> Result<(), Failure> {
        match change.fact() {
            Some(fact) => owner.ledger().append(clock::now(), vec![fact]).map(|_| ()).map_err(Failure::from),
            None => Ok(()),
        }
    };
    match write {
        None => record()?,
        Some(write) => place::new_folder(&write.out, |folder| -> Result<(), Failure> {
            for (name, bytes) in files.drain(..) {
                place::new_file(&folder.join(name), &bytes, Readers::Everyone)?;
            }
            bodies::fill(folder, &bulk)?;
            record()
        })?,
    }
    let done = Done {
        hold: &change.retiring,
        successor: &change.successor,
        state: change.state(),
        units: units.len(),
        folder: write.map(|write| write.out.as_path()),
    };
    output.data(&done, |out| {
        let (name, next, units) = (change.retiring.name(), &change.successor, units.len());
        match done.state {
            RollOverState::InProgress => {
                writeln!(out, "{next} stands beside {name}; {units} units hang on {name}")
            }
            state => {
                writeln!(out, "{name} is retired ({state}): {next} took its place; {units} units hung on it")
            }
        }
    })?;
    steps(&change, write.and_then(|write| write.group.as_ref()), units.len())
        .iter()
        .for_each(|step| output.talk(step));
    if let Some(disallowed) = &stopped {
        talk_disallowed(disallowed, output);
    }
    Ok(Exit::Done)
}

/// The group's bodies, and the list of units.
fn files(
    change: &Change,
    write: &Write,
    units: &[IdentityRecord],
    reader: &LedgerReader,
) -> Result<Vec<(&'static str, Vec<u8>)>, Failure> {
    let mut files = vec![("units.csv", units_csv(units)?)];
    match (&change.retiring, &write.group) {
        (Hold::Authority(_), Some(group)) => {
            for (name, authorities) in change.groups(reader)? {
                files.push((name, pretty(&signing_group(reader, group, &authorities)?)?.into_bytes()));
            }
        }
        (Hold::GroupKey(_), None) => {}
        (Hold::Authority(label), None) => {
            return Err(Failure::usage(format!(
                "`{label}` is an authority: name the enrollment group that carries it with --group"
            )));
        }
        (Hold::GroupKey(name), Some(_)) => {
            return Err(Failure::usage(format!(
                "`{name}` is a group key: its group belongs to the service, and has no body here; leave --group out"
            )));
        }
    }
    Ok(files)
}

/// What stops every one of these units, order by order.
fn disallow_all(units: &[IdentityRecord], reader: &LedgerReader) -> Result<Disallowed, Failure> {
    let mut orders: BTreeMap<&str, Vec<RegistrationId>> = BTreeMap::new();
    for unit in units {
        orders.entry(&unit.order).or_default().push(unit.identity.registration_id.clone());
    }
    let mut all = Disallowed::default();
    for (order, ids) in orders {
        all.append(disallow(reader, order, &ids)?);
    }
    Ok(all)
}

/// What is left to do, for the person.
fn steps(change: &Change, group: Option<&RegistrationId>, units: usize) -> Vec<String> {
    let (old, new) = (change.retiring.name(), &change.successor);
    let promote = format!("`station roll-over promote {old} {new}`");
    let group = group.map(RegistrationId::as_str).unwrap_or_default();
    let renew = "bring the units of units.csv new credentials, as they come back or over the air";
    match (&change.retiring, change.state()) {
        (Hold::Authority(_), RollOverState::InProgress) => vec![
            format!(
                "1. PUT 2-both.json to /enrollmentGroups/{group}: both are accepted (1-before.json is what stands there now)"
            ),
            format!("2. say issuing_authority = \"{new}\" in station.toml: new units hang on {new}"),
            format!("3. {renew}"),
            format!("4. when all hang on {new}: PUT 3-after.json, and {promote}"),
        ],
        (Hold::GroupKey(_), RollOverState::InProgress) => vec![
            format!("1. let DPS have {new} as the group's other key: both are accepted"),
            format!(
                "2. say group_key = \"{new}\", and which of the two it is as group_entry, in the products that derive from {old}"
            ),
            format!("3. {renew}"),
            format!("4. when all hang on {new}: exchange {old} in DPS, and {promote}"),
        ],
        (_, RollOverState::Expiry) if units == 0 => Vec::new(),
        (_, RollOverState::Expiry) => vec![format!(
            "warning: {units} units still hang on {old}: once it is out of the group they register no more"
        )],
        (Hold::Authority(_), RollOverState::Breach) => vec![
            format!(
                "1. PUT 2-after.json to /enrollmentGroups/{group} now: nothing under {old} is accepted any more"
            ),
            "2. remove the devices of units.csv from the hub: it does not ask DPS again".to_owned(),
            format!("3. say issuing_authority = \"{new}\" in station.toml"),
            "4. bring the units of units.csv new credentials".to_owned(),
        ],
        (Hold::GroupKey(_), RollOverState::Breach) => vec![
            format!(
                "1. put {new} in the place of {old} in DPS now: nothing derived from {old} is accepted any more"
            ),
            "2. remove the devices of units.csv from the hub: it does not ask DPS again".to_owned(),
            format!(
                "3. say group_key = \"{new}\" and its group_entry in the products that derived from {old}"
            ),
            "4. bring the units of units.csv new keys".to_owned(),
        ],
    }
}
