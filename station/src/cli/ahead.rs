//! What `station issue` and `station image` share: which identities get credentials without devices, how those are made, and
//! the ledger's entries before they leave.

mod source;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use certkit::RegistrationId;
use clap::Args as ClapArgs;

use super::context::Context;
use super::keyring::Keyring;
use super::progress::Progress;
use super::{Exit, Failure, Output};
use crate::ahead::{AheadError, Announced, Announcing, Files, Finish, Source};
use crate::clock;
use crate::ledger::entry::{Door, Fact};
use crate::ledger::{AheadOf, LedgerOwner, LedgerReader, OrderRecord};
use crate::order::OrderName;
use crate::place::{self, PlaceError};
use crate::product::{Assign, Product};
use crate::vault::{Recipient, Vault};
pub(super) use source::source;

/// Which identities.
#[derive(Debug, ClapArgs)]
pub(super) struct Which {
    /// The order.
    order: OrderName,
    /// Only so many, in the order's sequence.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    quantity: Option<u64>,
    /// Issue anew what is checked out, for this reason: what was handed over was lost, say. It is superseded in the ledger;
    /// the cloud takes it until it is told.
    #[arg(long, value_name = "REASON", value_parser = super::context::reason)]
    again: Option<String>,
}

/// An order, the ledger that is owned for it, and the identities that are to have credentials.
pub(super) struct Ordered {
    owner: LedgerOwner,
    pub(super) reader: LedgerReader,
    pub(super) order: OrderRecord,
    pub(super) product: Product,
    chosen: Chosen,
}

/// The identities, and why new credentials take the place of earlier ones, where there are some.
struct Chosen {
    ids: Vec<RegistrationId>,
    /// So many of them were announced by an earlier command, and did not leave.
    cut_off: usize,
    supersedes: Option<String>,
}

impl Ordered {
    /// Chooses the identities, and asks whether the order's budget has room for them.
    pub(super) fn new(which: &Which, verb: &'static str, context: &Context) -> Result<Self, Failure> {
        let owner = context.owner(verb)?;
        let reader = context.reader()?;
        let order =
            reader.order(&which.order.to_string())?.ok_or_else(|| super::order::unknown(&which.order))?;
        let product = super::run::product(context, &order)?;
        if product.assign == Assign::FromEk {
            return Err(Failure::input(format!(
                "the units of product {} bring their registration IDs and keys: nothing can be issued for them without the units",
                product.file
            )));
        }
        let chosen = choose(which, &reader, &order)?;
        within_budget(&order, chosen.ids.len() as u64)?;
        Ok(Self { owner, reader, order, product, chosen })
    }

    /// Where credentials go on the way out, once what makes them and what they are made into are settled.
    pub(super) fn door<'a>(&'a self, vault: &'a Vault, output: &Output) -> Result<OutDoor<'a>, Failure> {
        if self.chosen.cut_off > 0 {
            output.talk(format!(
                "an earlier `station issue` or `station image` was cut off: what was announced for {} of these identities did \
                 not leave, and is superseded. A folder .station-… that it may have left beside its own holds keys in clear: \
                 delete it",
                self.chosen.cut_off
            ));
        }
        Ok(OutDoor { ordered: self, vault, stop: stop_on_signals()? })
    }

    /// What is to be done so that the devices can register, and what lies in the vault that nobody knows.
    pub(super) fn talk_of_the_rest(
        &self,
        is_individual: bool,
        keyring: &Keyring<'_>,
        output: &Output,
    ) -> Result<(), Failure> {
        if is_individual {
            output.talk(format!(
                "these devices register once DPS has their enrollments: `station manifest dps {} --individual`",
                self.order.name
            ));
        }
        talk_of_unknown(&keyring.sweep_keys_ahead()?, output);
        Ok(())
    }
}

fn talk_of_unknown(numbers: &[u64], output: &Output) {
    if numbers.is_empty() {
        return;
    }
    let names: Vec<String> = numbers.iter().map(|number| format!("keys-ahead_{number}.age")).collect();
    output.talk(format!(
        "the vault holds keys that the ledger never announced: {}. An `issue` that was cut off leaves such, and then nobody \
         has them: delete them. Keep them where the ledger was restored and is older than the vault",
        names.join(", ")
    ));
}

/// How many are issued is settled here and nowhere else.
fn choose(which: &Which, reader: &LedgerReader, order: &OrderRecord) -> Result<Chosen, Failure> {
    let most = which.quantity.unwrap_or(u64::MAX);
    if let Some(reason) = &which.again {
        let ids = reader.ahead_of(&order.name, AheadOf::CheckedOut, most)?;
        enough(which, ids.len(), "identities that are checked out")?;
        return Ok(Chosen { ids, cut_off: 0, supersedes: Some(reason.clone()) });
    }
    let mut ids = reader.ahead_of(&order.name, AheadOf::CutOff, most)?;
    let cut_off = ids.len();
    ids.extend(reader.ahead_of(&order.name, AheadOf::Open, most - cut_off as u64)?);
    enough(which, ids.len(), "open identities that no unit has")?;
    Ok(Chosen { ids, cut_off, supersedes: (cut_off > 0).then(|| "interrupted".to_owned()) })
}

fn enough(which: &Which, found: usize, what: &str) -> Result<(), Failure> {
    let wanted = which.quantity.unwrap_or(1);
    if found as u64 >= wanted {
        return Ok(());
    }
    let order = &which.order;
    let counted = match which.quantity {
        Some(wanted) => format!("{found} {what}, {wanted} are asked for"),
        None => format!("no {what}"),
    };
    Err(Failure::input(format!(
        "order {order} has {counted}: `station order show {order}` tells how it stands"
    )))
}

/// Asked before anything is signed; the ledger asks again for each.
fn within_budget(order: &OrderRecord, wanted: u64) -> Result<(), Failure> {
    let OrderRecord { name, issued, issue_budget: Some(budget), .. } = order else { return Ok(()) };
    let left = budget.saturating_sub(*issued);
    if wanted <= left {
        return Ok(());
    }
    let fewer = if left > 0 { format!("issue {left} with --quantity, or ") } else { String::new() };
    Err(Failure::station(format!(
        "the issue budget of order {name}: {issued} credentials were issued of at most {budget}, and {wanted} are asked for: \
         {fewer}raise it with `station order budget {name} N --reason …`"
    )))
}

const LEFT: &str = "the ledger says already that they left: issue them anew with --again";

/// The way out: announced first, then taken, then on record that they leave.
pub(super) struct OutDoor<'a> {
    ordered: &'a Ordered,
    vault: &'a Vault,
    stop: Arc<AtomicBool>,
}

impl OutDoor<'_> {
    /// Makes a credential for each identity, announces it, and gives what was made of it to `take`.
    pub(super) fn announce<F: Finish>(
        &self,
        source: Source,
        finish: F,
        mut take: impl FnMut(F::Finished) -> Result<(), AheadError>,
    ) -> Result<Announced, AheadError> {
        let Ordered { owner, order, chosen, .. } = self.ordered;
        let above = source.above_pem();
        let ledger = owner.ledger();
        let announcing = Announcing {
            ledger: &ledger,
            order,
            vault: self.vault,
            above: &above,
            supersedes: chosen.supersedes.as_deref(),
            now: clock::now,
            stop: &self.stop,
        };
        let progress = Progress::of_things(chosen.ids.len() as u64);
        let taken = |finished| {
            take(finished)?;
            progress.advance(1);
            Ok(())
        };
        let announced = announcing.announce(source.make(chosen.ids.clone(), finish), taken);
        progress.finish();
        announced
    }

    /// Fills a new folder beside its name, puts on record that it leaves, and gives it its name. `fill` gives what was
    /// announced, and the SHA-256 of the file that stands for all others, where there is one.
    pub(super) fn fill_folder(
        &self,
        path: &Path,
        fill: impl FnOnce(&Path) -> Result<(Announced, Option<String>), AheadError>,
    ) -> Result<(Announced, Option<String>), Failure> {
        let mut left = None;
        let placed = place::new_folder(path, |beside| {
            Files::close(beside).map_err(write_error(path))?;
            let (announced, sha256) = fill(beside)?;
            Files::sync(beside).map_err(write_error(path))?;
            self.record(announced, Door::Clear, &[], sha256.as_deref())?;
            left = Some((announced, sha256));
            Ok::<(), Failure>(())
        });
        placed.map_err(|failure| if left.is_some() { failure.and(LEFT) } else { failure })?;
        left.ok_or_else(|| Failure::usage("nothing was issued"))
    }

    /// The door's entry, before anything leaves by it.
    pub(super) fn record(
        &self,
        announced: Announced,
        door: Door,
        recipients: &[Recipient],
        sha256: Option<&str>,
    ) -> Result<(), Failure> {
        let fact = Fact::HandedOver {
            order: self.ordered.order.name.clone(),
            first: announced.first,
            credentials: announced.credentials,
            door,
            recipients: recipients.iter().map(ToString::to_string).collect(),
            sha256: sha256.map(str::to_owned),
        };
        self.ordered.owner.ledger().append(clock::now(), vec![fact])?;
        Ok(())
    }
}

/// Says of a failure behind the door's entry what that means.
pub(super) fn has_left(failure: Failure) -> Failure {
    failure.and(LEFT)
}

pub(super) fn write_error(path: &Path) -> impl Fn(std::io::Error) -> PlaceError {
    let path = path.to_owned();
    move |source| PlaceError::Write { path: path.clone(), source }
}

/// A signal ends it between two credentials, so that nothing of a folder is left.
fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let signalled = stop.clone();
    ctrlc::set_handler(move || signalled.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::new(Exit::Station, &error))?;
    Ok(stop)
}
