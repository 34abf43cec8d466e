//! `station issue`: credentials for an order without devices, to be written elsewhere.

use std::path::{Path, PathBuf};

use certkit::KeyFormat;
use clap::{ArgGroup, Args as ClapArgs, ValueEnum};
use serde::Serialize;

use super::ahead::{self, Ordered, OutDoor, Which, write_error};
use super::context::{Context, Unlock, recipients};
use super::keyring::Keyring;
use super::{Exit, Failure, Output};
use crate::ahead::{Announced, Bundle, Encoding, FileForm, Files, Form, Source};
use crate::ledger::OrderRecord;
use crate::ledger::entry::Door;
use crate::vault::{Recipient, SecretName};

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
    #[command(flatten)]
    which: Which,
    /// A new age file of JSON lines, a credential each.
    #[arg(long, value_name = "FILE", requires = "recipient")]
    bundle: Option<PathBuf>,
    /// Who can open the bundle: an age recipient. Again for more.
    // Read later: clap would show a private key that was given by mistake.
    #[arg(long, value_name = "AGE1…", requires = "bundle")]
    recipient: Vec<String>,
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
    let recipients = recipients(&args.recipient)?;
    let ordered = Ordered::new(&args.which, "issue", context)?;
    let config = context.config()?;
    let vault = context.unlocked(args.unlock)?;
    let keyring =
        Keyring { folder: &context.folder, config: &config, vault: &vault, reader: &ordered.reader };
    let source = ahead::source(&keyring, &ordered.product, &ordered.order.name)?;
    let as_they_are = args.format == FormatName::Pkcs8 && args.encoding == Encoding::Pem && !args.leaf_only;
    if source.is_symmetric() && !as_they_are {
        return Err(Failure::usage(
            "--format, --encoding and --leaf-only are for certificates and their keys: this order's keys are symmetric",
        ));
    }
    let form = form(args, &keyring, &source, &ordered.order)?;
    let issuer = source.above().first().filter(|_| args.leaf_only);
    let verified_ca = issuer.map(certkit::Certificate::subject_name);
    let is_individual = source.is_individual();
    let door = ordered.door(vault.vault(), output)?;
    let (to, announced, sha256) = match (&args.bundle, &args.folder) {
        (Some(path), _) => as_bundle(path, &recipients, &door, source, form)?,
        (None, Some(path)) => as_folder(path, &door, source, form)?,
        (None, None) => return Err(Failure::usage("name a --bundle or a --folder")),
    };
    let handed = HandedOver {
        order: &ordered.order.name,
        credentials: announced.credentials,
        door: if args.bundle.is_some() { Door::Sealed } else { Door::Clear },
        to,
        recipients: recipients.iter().map(ToString::to_string).collect(),
        sha256,
        verified_ca,
    };
    ordered.talk_of_the_rest(is_individual, &keyring, output)?;
    told(&handed, &config.issuing_authority, output)?;
    Ok(Exit::Done)
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

/// Where it is, what was announced, and the file's SHA-256.
type Left<'a> = (&'a Path, Announced, Option<String>);

fn as_bundle<'a>(
    path: &'a Path,
    recipients: &[Recipient],
    door: &OutDoor<'_>,
    source: Source,
    form: Form,
) -> Result<Left<'a>, Failure> {
    let mut bundle = Bundle::begin(path, recipients)?;
    let announced = door.announce(source, form, |parts| {
        bundle.take(&parts).map_err(|error| write_error(path)(error).into())
    })?;
    let mut recorded = None;
    let finished: Result<(), Failure> = bundle.finish(|sha256| {
        door.record(announced, Door::Sealed, recipients, Some(sha256))?;
        recorded = Some(sha256.to_owned());
        Ok(())
    });
    finished.map_err(|failure| if recorded.is_some() { ahead::has_left(failure) } else { failure })?;
    Ok((path, announced, recorded))
}

fn as_folder<'a>(
    path: &'a Path,
    door: &OutDoor<'_>,
    source: Source,
    form: Form,
) -> Result<Left<'a>, Failure> {
    let (announced, sha256) = door.fill_folder(path, |beside| {
        let announced = door.announce(source, form, |parts| {
            Files::write(beside, parts).map_err(|error| write_error(path)(error).into())
        })?;
        Ok((announced, None))
    })?;
    Ok((path, announced, sha256))
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
