//! `station issue`: credentials for an order without devices, to be written elsewhere.

mod source;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use certkit::{KeyFormat, RegistrationId};
use clap::{ArgGroup, Args as ClapArgs, ValueEnum};
use serde::Serialize;

use super::context::{Context, Unlock};
use super::keyring::Keyring;
use super::progress::Progress;
use super::{Exit, Failure, Output};
use crate::ahead::{Announced, Announcing, Bundle, Encoding, FileForm, Files, Form, Made, Source};
use crate::clock;
use crate::ledger::entry::{Door, Fact};
use crate::ledger::{AheadOf, LedgerOwner, LedgerReader, OrderRecord};
use crate::order::OrderName;
use crate::place::{self, PlaceError};
use crate::vault::{Recipient, SecretName, Vault};
use source::source;

/// Issues credentials for an order's open identities that no unit has, and hands them over: as a bundle, sealed to those
/// who are named, or into a new folder in clear.
///
/// The identities are checked out from then on: no unit gets them here. The ledger holds each credential before it
/// leaves, and that all leave before the file or folder has its name. What was cut off before that entry never left, and
/// the next `issue` begins with its identities; cut off behind it, only --again issues them anew.
///
/// Devices with individual enrollments register once DPS has these: `station manifest dps ORDER --individual`.
#[derive(Debug, ClapArgs)]
#[command(group(ArgGroup::new("where").required(true).args(["bundle", "folder"])))]
pub(super) struct Args {
    /// The order.
    order: OrderName,
    /// Only so many, in the order's sequence.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    quantity: Option<u64>,
    /// Issue anew what is checked out, for this reason: its bundle was lost, say. What was handed over before is
    /// superseded in the ledger; the cloud takes it until it is told.
    #[arg(long, value_name = "REASON", value_parser = super::context::reason)]
    again: Option<String>,
    /// A new age file of JSON lines, a credential each.
    #[arg(long, value_name = "FILE", requires = "recipient")]
    bundle: Option<PathBuf>,
    /// Who can open the bundle: an age recipient. Again for more.
    #[arg(long, value_name = "AGE1…", requires = "bundle")]
    recipient: Vec<Recipient>,
    /// A new folder of files in clear, for their owner alone: ID.key.pem and ID.chain.pem, or ID.device-key, and
    /// ID.secondary-device-key where the keys are random.
    #[arg(long, value_name = "DIR", requires = "clear")]
    folder: Option<PathBuf>,
    /// Yes, let the keys leave in clear.
    #[arg(long, requires = "folder")]
    clear: bool,
    /// How private keys are written.
    #[arg(long, value_enum, default_value_t = FormatName::Pkcs8, requires = "folder")]
    format: FormatName,
    /// How keys and certificates are written, but for PKCS#12. A chain in DER is one certificate after the other.
    #[arg(long, value_enum, default_value = "pem", requires = "folder")]
    encoding: Encoding,
    /// For targets that cannot send a chain: leave out the certificates above the leaf.
    #[arg(long, requires = "folder")]
    leaf_only: bool,
    /// The password of PKCS#12 files, by its name in the vault.
    #[arg(long, value_name = "NAME", required_if_eq("format", "pkcs12"))]
    password: Option<SecretName>,
    #[command(flatten)]
    unlock: Unlock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// Any kind of key.
    Pkcs8,
    /// P-256 and P-384.
    Sec1,
    /// RSA.
    Pkcs1,
    /// Key and chain in one file, for .NET.
    Pkcs12,
}

#[derive(Serialize)]
struct HandedOver<'a> {
    order: &'a str,
    credentials: u64,
    door: Door,
    to: &'a Path,
    recipients: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// The CA that the cloud must have verified: targets send the leaf alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_ca: Option<String>,
}

pub(super) fn run(args: &Args, context: &Context, output: &Output) -> Result<Exit, Failure> {
    if args.password.is_some() && args.format != FormatName::Pkcs12 {
        return Err(Failure::usage("--password is for --format pkcs12: no other file here has one"));
    }
    let owner = context.owner("issue")?;
    let reader = context.reader()?;
    let order = reader.order(&args.order.to_string())?.ok_or_else(|| super::order::unknown(&args.order))?;
    let product = super::run::product(context, &order)?;
    let chosen = choose(args, &reader, &order)?;
    within_budget(&order, chosen.ids.len() as u64)?;
    let config = context.config()?;
    let vault = context.unlocked(args.unlock)?;
    let keyring = Keyring { folder: &context.folder, config: &config, vault: &vault, reader: &reader };
    let source = source(&keyring, &product, &order.name)?;
    let as_they_are = args.format == FormatName::Pkcs8 && args.encoding == Encoding::Pem && !args.leaf_only;
    if source.is_symmetric() && !as_they_are {
        return Err(Failure::usage(
            "--format, --encoding and --leaf-only are for certificates and their keys: this order's keys are symmetric",
        ));
    }
    let form = form(args, &keyring, &source, &order)?;
    let issuer = source.above().first().filter(|_| args.leaf_only);
    let verified_ca = issuer.map(certkit::Certificate::subject_name);
    if chosen.cut_off > 0 {
        output.talk(format!(
            "an earlier `station issue` was cut off: what was announced for {} of these identities did not leave, and is \
             superseded. A folder .station-… that it may have left beside its own holds keys in clear: delete it",
            chosen.cut_off
        ));
    }
    let is_individual = source.is_individual();
    let vault = vault.vault();
    let issue = Issue { args, owner: &owner, order: &order, vault, stop: stop_on_signals()? };
    let handed = issue.hand_over(source, form, chosen, verified_ca)?;
    if is_individual {
        output.talk(format!(
            "these devices register once DPS has their enrollments: `station manifest dps {} --individual`",
            order.name
        ));
    }
    told(&handed, &config.issuing_authority, output)?;
    talk_of_unknown(&keyring.sweep_keys_ahead()?, output);
    Ok(Exit::Done)
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

/// The identities, and why new credentials take the place of earlier ones, where there are some.
struct Chosen {
    ids: Vec<RegistrationId>,
    /// So many of them were announced by an earlier command, and did not leave.
    cut_off: usize,
    supersedes: Option<String>,
}

/// How many are issued is settled here and nowhere else.
fn choose(args: &Args, reader: &LedgerReader, order: &OrderRecord) -> Result<Chosen, Failure> {
    let most = args.quantity.unwrap_or(u64::MAX);
    if let Some(reason) = &args.again {
        let ids = reader.ahead_of(&order.name, AheadOf::CheckedOut, most)?;
        enough(args, ids.len(), "identities that are checked out")?;
        return Ok(Chosen { ids, cut_off: 0, supersedes: Some(reason.clone()) });
    }
    let mut ids = reader.ahead_of(&order.name, AheadOf::CutOff, most)?;
    let cut_off = ids.len();
    ids.extend(reader.ahead_of(&order.name, AheadOf::Open, most - cut_off as u64)?);
    enough(args, ids.len(), "open identities that no unit has")?;
    Ok(Chosen { ids, cut_off, supersedes: (cut_off > 0).then(|| "interrupted".to_owned()) })
}

fn enough(args: &Args, found: usize, what: &str) -> Result<(), Failure> {
    let wanted = args.quantity.unwrap_or(1);
    if found as u64 >= wanted {
        return Ok(());
    }
    let order = &args.order;
    Err(Failure::input(format!(
        "order {order} has {found} {what}, {wanted} are asked for: `station order show {order}` tells how it stands"
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

fn form(args: &Args, keyring: &Keyring<'_>, source: &Source, order: &OrderRecord) -> Result<Form, Failure> {
    let above_pem = source.above_pem();
    if args.folder.is_none() {
        return Ok(Form::Line { id_scope: order.id_scope.clone(), above: above_pem });
    }
    let apart = |format| FileForm::Apart(format, args.encoding);
    let form = match (args.format, &args.password) {
        (FormatName::Pkcs8, _) => apart(KeyFormat::Pkcs8),
        (FormatName::Sec1, _) => apart(KeyFormat::Sec1),
        (FormatName::Pkcs1, _) => apart(KeyFormat::Pkcs1),
        (FormatName::Pkcs12, Some(name)) => FileForm::Pkcs12(keyring.password(name)?),
        (FormatName::Pkcs12, None) => {
            return Err(Failure::usage("--format pkcs12 needs --password, a name in the vault"));
        }
    };
    let above = source.above().iter().map(|certificate| certificate.der().to_vec()).collect();
    Ok(Form::Files(Files { form, leaf_only: args.leaf_only, above, above_pem }))
}

const LEFT: &str = "the ledger says already that they left: issue them anew with --again";

struct Issue<'a> {
    args: &'a Args,
    owner: &'a LedgerOwner,
    order: &'a OrderRecord,
    vault: &'a Vault,
    stop: Arc<AtomicBool>,
}

impl<'a> Issue<'a> {
    fn hand_over(
        &self,
        source: Source,
        form: Form,
        chosen: Chosen,
        verified_ca: Option<String>,
    ) -> Result<HandedOver<'a>, Failure> {
        let above = source.above_pem();
        let progress = Progress::of_things(chosen.ids.len() as u64);
        let ledger = self.owner.ledger();
        let announcing = Announcing {
            ledger: &ledger,
            order: self.order,
            vault: self.vault,
            above: &above,
            supersedes: chosen.supersedes.as_deref(),
            now: clock::now,
            stop: &self.stop,
        };
        let bar = progress.clone();
        let made = source.make(chosen.ids, form).inspect(move |_: &Result<Made, _>| bar.advance(1));
        let handed = match (&self.args.bundle, &self.args.folder) {
            (Some(path), _) => self.as_bundle(path, &announcing, made),
            (None, Some(path)) => self.as_folder(path, &announcing, made),
            (None, None) => Err(Failure::usage("name a --bundle or a --folder")),
        };
        progress.finish();
        handed.map(|handed| HandedOver { verified_ca, ..handed })
    }

    fn as_bundle(
        &self,
        path: &'a Path,
        announcing: &Announcing<'_>,
        made: impl Iterator<Item = Result<Made, crate::ahead::AheadError>>,
    ) -> Result<HandedOver<'a>, Failure> {
        let mut bundle = Bundle::begin(path, &self.args.recipient)?;
        let announced = announcing.announce(made, |parts| bundle.take(&parts), write_error(path))?;
        let mut handed = self.handed(path, announced, Door::Sealed, None);
        let mut recorded = false;
        let finished: Result<(), Failure> = bundle.finish(|sha256| {
            handed.sha256 = Some(sha256.to_owned());
            self.record(announced, &handed)?;
            recorded = true;
            Ok(())
        });
        finished.map_err(|failure| if recorded { failure.and(LEFT) } else { failure })?;
        Ok(handed)
    }

    fn as_folder(
        &self,
        path: &'a Path,
        announcing: &Announcing<'_>,
        made: impl Iterator<Item = Result<Made, crate::ahead::AheadError>>,
    ) -> Result<HandedOver<'a>, Failure> {
        let mut handed = None;
        let placed = place::new_folder(path, |beside| {
            Files::close(beside).map_err(write_error(path))?;
            let announced =
                announcing.announce(made, |parts| Files::write(beside, parts), write_error(path))?;
            Files::sync(beside).map_err(write_error(path))?;
            let own = self.handed(path, announced, Door::Clear, None);
            self.record(announced, &own)?;
            handed = Some(own);
            Ok::<(), Failure>(())
        });
        placed.map_err(|failure: Failure| if handed.is_some() { failure.and(LEFT) } else { failure })?;
        handed.ok_or_else(|| Failure::usage("nothing was issued"))
    }

    fn handed(
        &self,
        path: &'a Path,
        announced: Announced,
        door: Door,
        sha256: Option<String>,
    ) -> HandedOver<'a> {
        HandedOver {
            order: &self.order.name,
            credentials: announced.credentials,
            door,
            to: path,
            recipients: self.args.recipient.iter().map(ToString::to_string).collect(),
            sha256,
            verified_ca: None,
        }
    }

    /// The door's entry, before anything leaves by it.
    fn record(&self, announced: Announced, handed: &HandedOver<'_>) -> Result<(), Failure> {
        let fact = Fact::HandedOver {
            order: self.order.name.clone(),
            first: announced.first,
            credentials: announced.credentials,
            door: handed.door,
            recipients: handed.recipients.clone(),
            sha256: handed.sha256.clone(),
        };
        self.owner.ledger().append(clock::now(), vec![fact])?;
        Ok(())
    }
}

fn write_error(path: &Path) -> impl Fn(std::io::Error) -> PlaceError {
    let path = path.to_owned();
    move |source| PlaceError::Write { path: path.clone(), source }
}

/// A signal ends it between two segments, so that nothing of a folder is left.
fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    let signalled = stop.clone();
    ctrlc::set_handler(move || signalled.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::new(Exit::Station, &error))?;
    Ok(stop)
}

fn told(handed: &HandedOver<'_>, authority: &str, output: &Output) -> Result<(), Failure> {
    if let Some(ca) = &handed.verified_ca {
        output.talk(format!(
            "the targets send their leaf alone: DPS must have the CA {ca} itself, uploaded and verified \
             (`station ca show {authority}` prints it)"
        ));
    }
    output.data(handed, |out| {
        write!(
            out,
            "{} credentials of order {} are in {}",
            handed.credentials,
            handed.order,
            handed.to.display()
        )?;
        match handed.door {
            Door::Sealed => writeln!(out, ", sealed to {}", handed.recipients.join(", ")),
            Door::Clear => writeln!(out, ", in clear"),
        }
    })?;
    Ok(())
}
