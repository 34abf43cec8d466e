//! `station order`: what to build.

use std::fs::File;
use std::io;
use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use serde::Serialize;

use super::context::Context;
use super::set_up::random;
use super::{Exit, Failure, Output};
use crate::clock;
use crate::explain::{example, explain};
use crate::ledger::entry::Fact;
use crate::ledger::{AttemptRecord, Counts, LedgerReader, OrderRecord};
use crate::order::{Order, OrderError, OrderName, Pattern, Rows, check_ids, read_csv};
use crate::product::Product;
use crate::profile::load_for_devices;

/// Orders: take and show them, and set their issue budgets.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Take an order: from a CSV file, from a pattern and a quantity, or from a quantity where units bring their
    /// registration IDs.
    Add(Add),
    /// Set an order's issue budget: the most credentials that may ever be issued for it.
    Budget(Budget),
    /// Show all orders, or one with its attempts.
    Show {
        /// The order's name.
        name: Option<OrderName>,
    },
}

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("units").required(true).multiple(true).args(["csv", "pattern", "quantity"])))]
pub(super) struct Add {
    /// The order's name.
    name: OrderName,
    /// What is built: a file in products/, or a built-in one.
    #[arg(long, value_name = "FILE")]
    product: String,
    /// CSV with the column registration_id, and optionally name, serial_number, hardware_id; or IoT Central's export, with
    /// the devices' keys. `-` is standard input.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pattern", "quantity"])]
    csv: Option<PathBuf>,
    /// Registration IDs by number: gw-{:04} makes gw-0001, gw-0002 …
    #[arg(long, requires = "quantity")]
    pattern: Option<String>,
    /// How many. Alone where the product's units bring their registration IDs (assign = "from-ek").
    #[arg(long, value_name = "N")]
    quantity: Option<u64>,
    /// The first number.
    #[arg(long, requires = "pattern", default_value_t = 1)]
    first: u64,
    /// The most credentials that may ever be issued for it, replacements for failed and reworked units included; the run
    /// stops when they are used up. No limit without it.
    #[arg(long, value_name = "N")]
    issue_budget: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct Budget {
    /// The order's name.
    order: OrderName,
    /// The most credentials that may ever be issued for it, those that were issued already included.
    #[arg(value_name = "N")]
    issue_budget: u64,
    /// Why, for the ledger.
    #[arg(long, value_parser = super::context::reason)]
    reason: String,
}

#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    order: OrderRecord,
    #[serde(flatten)]
    counts: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptRecord>>,
}

pub(super) fn run(verb: Verb, context: &Context, output: &Output) -> Result<Exit, Failure> {
    match verb {
        Verb::Add(add) => take(&add, context, output),
        Verb::Budget(budget) => set_budget(&budget, context, output),
        Verb::Show { name: None } => {
            let reader = context.reader()?;
            for order in reader.orders()? {
                show(&reader, order, false, output)?;
            }
            Ok(Exit::Done)
        }
        Verb::Show { name: Some(name) } => {
            let reader = context.reader()?;
            let order = reader.order(&name.to_string())?.ok_or_else(|| unknown(&name))?;
            show(&reader, order, true, output)
        }
    }
}

pub(super) fn unknown(name: &OrderName) -> Failure {
    Failure::input(format!("the ledger has no order `{name}`: `station order show` lists them"))
}

fn take(add: &Add, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let owner = context.owner("order add")?;
    let reader = context.reader()?;
    let product = Product::load(context.folder.path(), &add.product)?;
    let profile = product.attestation.profile();
    let profile =
        profile.map(|(file, kind)| load_for_devices(context.folder.path(), file, kind)).transpose()?;
    let order = order(add, &product, &reader)?;
    // What its units cannot be given would be found out at the first of them, when its credential is spent.
    let identity = match order.longest(&product) {
        Some(identity) => identity,
        None => example(&product)?,
    };
    explain(&product, profile.as_ref(), &identity, (clock::now(), random))?;
    let quantity = order.quantity();
    let facts = order.facts(&product, add.issue_budget);
    match order.keys() {
        Some((name, keys)) => context.seal(&owner, (&name, keys), facts)?,
        None => {
            owner.ledger().append(clock::now(), facts)?;
        }
    }
    output.talk(format!("order {} is taken: {quantity} units of {}", add.name, product.file));
    let order = reader.order(&add.name.to_string())?.ok_or_else(|| unknown(&add.name))?;
    show(&reader, order, false, output)
}

fn set_budget(budget: &Budget, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let Budget { order: name, issue_budget, reason } = budget;
    let owner = context.owner("order budget")?;
    let reader = context.reader()?;
    let order = reader.order(&name.to_string())?.ok_or_else(|| unknown(name))?;
    if *issue_budget < order.issued {
        return Err(Failure::input(format!(
            "order {name} has {} credentials already: a budget of {issue_budget} is below that; give at least {}",
            order.issued, order.issued
        )));
    }
    let fact = Fact::BudgetSet { order: order.name, issue_budget: *issue_budget, reason: reason.clone() };
    owner.ledger().append(clock::now(), vec![fact])?;
    let order = reader.order(&name.to_string())?.ok_or_else(|| unknown(name))?;
    show(&reader, order, false, output)
}

fn order(add: &Add, product: &Product, reader: &LedgerReader) -> Result<Order, OrderError> {
    let (name, ids_are_given) = (add.name.clone(), add.csv.is_some() || add.pattern.is_some());
    // Before a file is read that nobody wants.
    check_ids(product, ids_are_given)?;
    if ids_are_given {
        Order::check(name, rows(add)?, product, reader)
    } else {
        Order::of_units(name, add.quantity.unwrap_or_default(), product, reader)
    }
}

fn rows(add: &Add) -> Result<Rows, OrderError> {
    match (&add.csv, &add.pattern) {
        (Some(path), _) if path.as_os_str() == "-" => Ok(read_csv(io::stdin().lock())?),
        (Some(path), _) => {
            let file = File::open(path).map_err(|source| OrderError::File { path: path.clone(), source })?;
            Ok(read_csv(io::BufReader::new(file))?)
        }
        (None, pattern) => {
            let pattern = Pattern::parse(pattern.as_deref().unwrap_or_default())?;
            Ok(pattern.rows(add.first, add.quantity.unwrap_or_default())?)
        }
    }
}

fn show(
    reader: &LedgerReader,
    order: OrderRecord,
    with_attempts: bool,
    output: &Output,
) -> Result<Exit, Failure> {
    let counts = reader.counts(&order.name)?;
    let attempts = if with_attempts { Some(reader.attempts(&order.name)?) } else { None };
    let shown = Shown { order, counts, attempts };
    output.data(&shown, |out| {
        let Shown { order, counts, attempts } = &shown;
        writeln!(
            out,
            "{}: {} units of {}, ID scope {}",
            order.name, counts.ordered, order.product, order.id_scope
        )?;
        writeln!(
            out,
            "  ordered {} = accepted {} + open {} + on hold {}{}{}",
            counts.ordered,
            counts.accepted,
            counts.open,
            counts.on_hold,
            checked_out_text(counts),
            burnt_text(counts)
        )?;
        let budget = order.issue_budget.map_or("no limit".to_owned(), |budget| format!("at most {budget}"));
        writeln!(out, "  credentials issued {} ({budget})", order.issued)?;
        for attempt in attempts.iter().flatten() {
            writeln!(out, "  {}", super::unit::attempt_line(attempt))?;
        }
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// What was issued ahead, where anything was.
pub(super) fn checked_out_text(counts: &Counts) -> String {
    match counts.checked_out {
        0 => String::new(),
        checked_out => format!(" + checked out {checked_out}"),
    }
}

/// What of the open units this order can no longer build.
pub(super) fn burnt_text(counts: &Counts) -> String {
    match counts.burnt {
        0 => String::new(),
        burnt => format!("; {burnt} of the open ones were scrapped: take an order for as many replacements"),
    }
}
