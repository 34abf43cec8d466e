//! `station keys`: secrets into the vault, which needs no unlocking; and device keys from a group key in a file.

mod derive;
mod ids;

use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use certkit::GroupKey;
use clap::Subcommand;
use serde::Serialize;
use zeroize::Zeroizing;

use super::context::Context;
use super::{Exit, Failure, Output};
use crate::ledger::entry::{Fact, SecretKind};
use crate::vault::{Secret, SecretName};

/// A secret longer than this is a wrong file.
const LONGEST: u64 = 64 * 1024;

/// Secrets: put them into the vault, or derive device keys.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Seal a secret (console password …) under a new name, from standard input or a file. The end of its last line
    /// is no part of it.
    Import {
        /// Its name in the vault, as products name it.
        name: SecretName,
        /// What it is. Group keys and PINs are checked, and never reach a device.
        #[arg(long, value_enum, default_value_t = Kind::Text)]
        kind: Kind,
        /// The file; `-` is standard input.
        #[arg(long, default_value = "-", value_name = "FILE")]
        from: PathBuf,
    },
    /// Derive the device keys of a list of registration IDs from an enrollment group's key. Works without a station.
    ///
    /// Prints CSV, `registration_id,device_key` in its first line; with --json, a document a line; an ID that is
    /// listed twice comes twice. The first ID that is none ends it with exit code 3: what was printed until then is not whole.
    Derive(derive::Args),
}

/// What can be imported by hand.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Kind {
    /// A password, or another text that a console or a unit takes.
    Text,
    /// An enrollment group's symmetric key, base64.
    GroupKey,
    /// The user PIN of a token (HSM) that holds a CA's key. It is told to the token alone.
    Pin,
}

#[derive(Serialize)]
struct Imported {
    secret: String,
}

pub(super) fn run(verb: Verb, context: &Context, output: &Output) -> Result<Exit, Failure> {
    match verb {
        Verb::Import { name, kind, from } => import(&name, kind, &from, context, output),
        Verb::Derive(args) => derive::run(&args, output),
    }
}

fn import(
    name: &SecretName,
    kind: Kind,
    from: &PathBuf,
    context: &Context,
    output: &Output,
) -> Result<Exit, Failure> {
    let owner = context.owner("keys import")?;
    let secret = read_secret(from)?;
    if secret.bytes().is_empty() {
        return Err(Failure::input("the secret is empty: nothing was imported"));
    }
    let secret_kind = match kind {
        Kind::Text => SecretKind::Text,
        Kind::GroupKey => {
            let text = secret.text().unwrap_or_default();
            GroupKey::parse(text).map_err(|error| Failure::new(Exit::Input, &error))?;
            SecretKind::GroupKey
        }
        Kind::Pin => {
            if secret.bytes().iter().any(u8::is_ascii_control) {
                return Err(Failure::input("a PIN is one line of text: nothing was imported"));
            }
            SecretKind::Pin
        }
    };
    let fact = Fact::SecretImported { name: name.to_string(), secret_kind };
    context.seal(&owner, (name, &secret), vec![fact])?;
    let imported = Imported { secret: name.to_string() };
    output.data(&imported, |out| writeln!(out, "{} is in the vault", imported.secret))?;
    Ok(Exit::Done)
}

/// A secret from a file; `-` is standard input. The end of its last line is no part of it.
pub(super) fn read_secret(from: &PathBuf) -> Result<Secret, Failure> {
    let standard_input = from.as_os_str() == "-";
    if standard_input && io::stdin().is_terminal() {
        let typed = rpassword::prompt_password("Secret: ").map(Zeroizing::new)?;
        if *rpassword::prompt_password("Once more: ").map(Zeroizing::new)? != *typed {
            return Err(Failure::input("the two entries differ: nothing was imported"));
        }
        return Ok(Secret::new(typed.as_bytes().to_vec()));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    let read = if standard_input {
        io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(from).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
    };
    if let Err(error) = read {
        return Err(Failure::input(format!(
            "cannot read the secret from {}: check the name and its permissions: {error}",
            from.display()
        )));
    }
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::input(format!(
            "{} is longer than {LONGEST} bytes: is it the right file?",
            from.display()
        )));
    }
    let end =
        bytes.strip_suffix(b"\n").map_or(bytes.as_slice(), |line| line.strip_suffix(b"\r").unwrap_or(line));
    Ok(Secret::new(end.to_vec()))
}
