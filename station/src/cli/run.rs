//! `station run`: builds an order, unattended, until it is done or no fixture can go on.

mod screen;

use std::path::PathBuf;
use std::time::Duration;

use clap::Args as ClapArgs;

use super::by_hand::ready_for;
use super::context::{Context, Unlock};
use super::keyring::Keyring;
use super::set_up::SetUp;
use super::{Exit, Failure, Output};
use crate::config::{Config, Fixture};
use crate::event::Event;
use crate::ledger::OrderRecord;
use crate::line::{Run, RunOptions, Summary, Until, Ways};
use crate::link::{Stop, StopSignal};
use crate::order::OrderName;
use crate::product::{Presence, Product, ProductLink};
use crate::scan::{self, Scans};
pub(super) use screen::Screen;

/// Builds an order: every unit that comes into a fixture is taken to its verdict.
///
/// Ends when no identity of the order waits for a verdict, when no fixture can go on, or when the order came no further
/// for the time of --patience. Ctrl-C finishes the units in hand; Ctrl-C again abandons them, and they are finished when
/// they are put back in.
#[derive(Debug, ClapArgs)]
pub(super) struct Args {
    /// The order.
    order: OrderName,
    /// Only this fixture; again for more. All of station.toml without it.
    #[arg(long, value_name = "NAME")]
    fixture: Vec<String>,
    /// End the run when the order came no further for so many seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    patience: u64,
    /// Take scans from standard input as well: a line `FIXTURE VALUE` each.
    #[arg(long)]
    scans: bool,
    #[command(flatten)]
    unlock: Unlock,
}

pub(super) fn run(args: Args, context: &Context, output: &Output) -> Result<Exit, Failure> {
    let config = context.config()?;
    let fixtures = fixtures(&config, &args.fixture)?;
    let reader = context.reader()?;
    let name = args.order.to_string();
    let order = reader.order(&name)?.ok_or_else(|| super::order::unknown(&args.order))?;
    let product = product(context, &order)?;
    if matches!(product.link, ProductLink::Programmer) {
        return Err(Failure::input(format!(
            "product {} names no dialogue and no loader: nothing speaks to its units here; another program writes the images that \
             `station image {name} --folder DIR --clear` makes",
            product.file
        )));
    }
    ready_for(&product)?;
    for fixture in &fixtures {
        Ways::of(&product, fixture)?;
    }
    let owner = context.owner("run")?;
    let vault = context.unlocked(args.unlock)?;
    let keyring = Keyring { folder: &context.folder, config: &config, vault: &vault, reader: &reader };
    let attestation = keyring.attestation(&product, &name)?;
    let set_up = SetUp::of(&keyring, product)?;
    let scans = scans(&args, &set_up.product, &fixtures, output)?;

    let ledger_file = context.folder.ledger();
    let line = set_up.line(&name, &attestation, &ledger_file);
    let stop = stop_on_signals(output)?;
    let transcripts: PathBuf = context.folder.transcripts();
    let options = RunOptions {
        fixtures: &fixtures,
        transcripts: &transcripts,
        until: Until::OrderDone,
        patience: Duration::from_secs(args.patience),
        stop,
        scans,
    };
    let mut screen = Screen::new(output, &fixtures);
    let ended = Run::new(line, options).run(&owner.ledger(), |event| screen.show(event))?;
    let some_unit_failed = screen.some_unit_failed();
    // Whoever read standard output may have gone; the exit code still tells.
    let _ = screen.end(&ended.summary);
    Ok(exit(&ended.summary, some_unit_failed))
}

/// 0 only where every unit of the order is accepted, or its credential left for another station, and none was left failed on the bench.
fn exit(summary: &Summary, some_unit_failed: bool) -> Exit {
    let counts = &summary.counts;
    let complete = counts.accepted + counts.checked_out == counts.ordered;
    if complete && !some_unit_failed { Exit::Done } else { Exit::UnitFailed }
}

fn fixtures(config: &Config, wanted: &[String]) -> Result<Vec<Fixture>, Failure> {
    if config.fixtures.is_empty() {
        return Err(Failure::input("station.toml names no fixture: add a [[fixture]] for each socket"));
    }
    if wanted.is_empty() {
        return Ok(config.fixtures.clone());
    }
    if let Some(name) =
        wanted.iter().enumerate().find_map(|(at, name)| wanted[..at].contains(name).then_some(name))
    {
        return Err(Failure::usage(format!(
            "--fixture {name} is given twice: a fixture takes one unit at a time"
        )));
    }
    wanted.iter().map(|name| Ok(config.fixture(name)?.clone())).collect()
}

pub(super) fn product(context: &Context, order: &OrderRecord) -> Result<Product, Failure> {
    let product = Product::load(context.folder.path(), &order.product)?;
    let id_scope = product.id_scope.to_string();
    if id_scope != order.id_scope {
        return Err(Failure::input(format!(
            "order {} was taken for ID scope {}, and product {} now says {id_scope}: its identities belong to the first; \
             correct the product, or take a new order",
            order.name, order.id_scope, product.file
        )));
    }
    Ok(product)
}

/// Where the labels of a product whose units are scanned arrive, for each fixture.
fn scans(
    args: &Args,
    product: &Product,
    fixtures: &[Fixture],
    output: &Output,
) -> Result<Vec<Scans>, Failure> {
    if product.presence != Presence::Scan {
        if args.scans {
            return Err(Failure::usage(format!(
                "product {} scans no labels: leave --scans out",
                product.file
            )));
        }
        return Ok(Vec::new());
    }
    if args.scans && args.unlock.takes_standard_input() {
        return Err(Failure::usage(
            "--scans and --unlock-fd 0 both want standard input: unlock from another descriptor",
        ));
    }
    if let Some(fixture) = fixtures.iter().find(|fixture| fixture.scanner.is_none() && !args.scans) {
        return Err(Failure::input(format!(
            "fixture {} has no scanner, and product {} needs each unit's label scanned: name its scanner in station.toml, or \
             pass --scans and type them",
            fixture.name, product.file
        )));
    }
    let typed = args.scans.then(|| Box::new(std::io::stdin()) as Box<_>);
    let output = *output;
    Ok(scan::listen(fixtures, typed, move |mistake| output.talk(mistake))?)
}

/// Each signal makes the wish to stop one step more urgent.
pub(super) fn stop_on_signals(output: &Output) -> Result<StopSignal, Failure> {
    let stop = StopSignal::default();
    let (signalled, output) = (stop.clone(), *output);
    ctrlc::set_handler(move || {
        output.talk(match signalled.ask() {
            Stop::Now => "stopping now: the units in hand are finished when they are put back in",
            _ => "finishing the units in hand; once more to stop at once",
        });
    })
    .map_err(|error| Failure::new(Exit::Station, &error))?;
    Ok(stop)
}

/// Whether an event is a verdict of this kind.
fn unit_of(event: &Event) -> Option<(String, bool)> {
    use crate::event::Outcome;
    let Event::Verdict(verdict) = event else { return None };
    let unit = verdict.hardware_id.clone().unwrap_or_else(|| format!("fixture {}", verdict.fixture));
    match verdict.outcome {
        Outcome::Accepted { .. } => Some((unit, false)),
        Outcome::Failed { .. } => Some((unit, true)),
        Outcome::NotNeeded { .. } => None,
    }
}
