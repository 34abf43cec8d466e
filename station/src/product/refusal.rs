//! What a product must not ask for, and what it must: all checked when it is loaded.

use thiserror::Error;

use super::{Assign, Presence, Product, ProductAttestation, Variable};
use crate::data_file::DataFileError;
use crate::ledger::entry::{Grade, KeyMaker};
use crate::link::{DialogueError, Section, ShownIn};
use crate::template::TemplateError;

/// Why a product was refused.
#[derive(Debug, Error)]
pub enum ProductError {
    /// There is no such product, dialogue or document.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The file is wrong.
    #[error(transparent)]
    File(#[from] DataFileError),
    /// Its dialogue is wrong.
    #[error(transparent)]
    Dialogue(#[from] DialogueError),
    /// One of its documents is wrong.
    #[error("documents/{file}: {what}")]
    Document {
        /// Document's file name.
        file: String,
        /// What is wrong.
        what: String,
    },
    /// It would put a hub connection string into a unit.
    #[error(
        "product {file} asks for a hub connection string ({found}): a unit that keeps one is lost when its hub \
         changes. Give it ID scope, device ID and credential; it gets the connection string from DPS each time it \
         registers"
    )]
    ConnectionString {
        /// Product's file name.
        file: String,
        /// The key or value.
        found: String,
    },
    /// A unit would leave without something that it needs, or with evidence that cannot be had.
    #[error("product {file}: {what}")]
    Impossible {
        /// Product's file name.
        file: String,
        /// What is missing, and the next step.
        what: String,
    },
}

/// Refuses a product that would write a hub's connection string: by the name of a key, or by the look of a value.
pub(super) fn refuse_connection_strings(text: &str, file: &str) -> Result<(), ProductError> {
    let Ok(table) = text.parse::<toml::Table>() else {
        return Ok(()); // no TOML: the parser that follows says where
    };
    match find_connection_string(&toml::Value::Table(table)) {
        Some(found) => Err(ProductError::ConnectionString { file: file.to_owned(), found }),
        None => Ok(()),
    }
}

fn find_connection_string(value: &toml::Value) -> Option<String> {
    // "DPS connection string" is what the MXChip calls its DPS settings: that one is allowed.
    let names_one = |text: &str| {
        let plain: String =
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        plain.contains("connectionstring") && !plain.contains("dpsconnectionstring")
    };
    match value {
        toml::Value::String(text) => {
            let lower = text.to_ascii_lowercase();
            let is_one = lower.contains("hostname=") || lower.contains("sharedaccesskey=");
            (is_one || (names_one(text) && !text.contains(' '))).then(|| format!("value `{}`", elide(text)))
        }
        toml::Value::Array(values) => values.iter().find_map(find_connection_string),
        toml::Value::Table(table) => table.iter().find_map(|(key, value)| {
            if names_one(key) { Some(format!("key `{key}`")) } else { find_connection_string(value) }
        }),
        _ => None,
    }
}

/// A connection string holds a key: only its beginning is shown.
fn elide(text: &str) -> String {
    let start: String = text.chars().take(12).collect();
    if start.len() < text.len() { format!("{start}…") } else { start }
}

/// Checks the product as a whole.
pub(super) fn check(product: &Product) -> Result<(), ProductError> {
    let impossible = |what: String| ProductError::Impossible { file: product.file.clone(), what };
    needed_variables(product).map_err(impossible)?;
    own_key(product).map_err(impossible)?;
    identity(product).map_err(impossible)?;
    group_key_stays(product).map_err(impossible)?;
    evidence(product).map_err(impossible)?;
    dialogue_variables(product).map_err(impossible)
}

/// Device ID, credential and ID scope must reach the unit, or it cannot register.
fn needed_variables(product: &Product) -> Result<(), String> {
    let always = [
        (Variable::RegistrationId, "registration_id"),
        (Variable::IdScope, "id_scope"),
        (Variable::GlobalEndpoint, "global_endpoint"),
    ];
    let certificate =
        [(Variable::CertificateChain, "certificate_chain"), (Variable::PrivateKey, "private_key")];
    let key = [(Variable::DeviceKey, "device_key"), (Variable::DeviceKeyBytes, "device_key_bytes")];
    let written = |variable| product.items.iter().any(|item| item.uses(variable));
    if product.attestation.own_key_is_shown_in().is_some() && written(Variable::PrivateKey) {
        return Err("an item writes ${private_key}, and key = \"device\": the unit makes its key, which never leaves it; \
                    remove the item"
            .to_owned());
    }
    let (needed, foreign): (&[_], &[_]) = match product.attestation {
        ProductAttestation::X509Group { key: KeyMaker::Device, .. } => (&certificate[..1], &key),
        // It has its certificate.
        ProductAttestation::X509Individual { key: KeyMaker::Device, .. } => (&[], &key),
        ProductAttestation::X509Group { .. } | ProductAttestation::X509Individual { .. } => {
            (&certificate, &key)
        }
        ProductAttestation::SymmetricGroup { .. }
        | ProductAttestation::SymmetricGiven
        | ProductAttestation::SymmetricIndividual { .. } => (&[], &certificate),
    };
    let reads_certificate = product.attestation.own_key_is_shown_in() == Some(ShownIn::Certificate);
    // A unit that made its certificate knows the name that stands in it.
    let always = if reads_certificate { &always[1..] } else { &always[..] };
    if let Some((_, name)) = always.iter().chain(needed).find(|(variable, _)| !written(*variable)) {
        return Err(format!(
            "no item writes ${{{name}}}: a unit without it cannot register; add it to a document"
        ));
    }
    if !product.attestation.is_x509() && !key.iter().any(|(variable, _)| written(*variable)) {
        return Err("no item writes ${device_key} or ${device_key_bytes}: a unit without it cannot register; add it to a \
                    document"
            .to_owned());
    }
    if let Some((_, name)) = foreign.iter().find(|(variable, _)| written(*variable)) {
        return Err(format!(
            "an item writes ${{{name}}}, which units of this attestation do not have: remove it"
        ));
    }
    let mut names: Vec<&str> = product.items.iter().map(|item| item.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two items are called `{}`: give each its own name", pair[0])),
        None => Ok(()),
    }
}

/// The key that a unit makes has one item, which has no document, and its dialogue has a way to ask for it.
fn own_key(product: &Product) -> Result<(), String> {
    let bare: Vec<&str> =
        product.items.iter().filter(|item| item.document.is_none()).map(|item| item.name.as_str()).collect();
    match (product.attestation.own_key_is_shown_in(), bare.as_slice()) {
        (None, []) => Ok(()),
        (None, [name, ..]) => {
            Err(format!("item `{name}` has no `document`: name the file in documents/ that it holds"))
        }
        (Some(_), []) => {
            Err("key = \"device\", and no item stands for that key: add an [[item]] with a name, its place \
                              and its evidence, and without a `document`"
                .to_owned())
        }
        (Some(shown_in), [_]) => {
            let section = Section::showing_key_in(shown_in);
            if product.dialogue.has(section) {
                return Ok(());
            }
            Err(format!(
                "key = \"device\", and dialogue {} has no [[{}]] steps: add them, or let the station make the key",
                product.dialogue.file,
                section.name()
            ))
        }
        (Some(_), [one, other, ..]) => {
            Err(format!("items `{one}` and `{other}` have no `document`: a unit makes one key"))
        }
    }
}

/// How a unit is known must fit how it is assigned an identity.
fn identity(product: &Product) -> Result<(), String> {
    match (product.tells_hardware_id(), product.assign, product.presence) {
        (false, Assign::ByScan, Presence::Scan) | (true, Assign::ByScan, Presence::Scan) => Ok(()),
        (_, Assign::ByScan, _) => {
            Err("assign = \"by-scan\" needs presence = \"scan\": nothing else tells which label a unit has"
                .to_owned())
        }
        (true, _, _) => Ok(()),
        (false, _, _) => Err(format!(
            "dialogue {} has no [[identify]] steps, so nothing tells one unit from another: set assign = \"by-scan\" and \
             presence = \"scan\"",
            product.dialogue.file
        )),
    }
}

/// Every grade that is asked for must be one that the link can give.
fn evidence(product: &Product) -> Result<(), String> {
    for item in &product.items {
        let holds_key = item.holds_key();
        let section = match item.evidence {
            Grade::Challenge if !holds_key => {
                return Err(format!(
                    "item `{}` asks for a challenge and holds no key: ask for device-digest or read-back",
                    item.name
                ));
            }
            Grade::ReadBack | Grade::DeviceDigest if holds_key => {
                return Err(format!(
                    "item `{}` holds the unit's key and asks for {}: ask for challenge, which shows that the unit can use \
                     its key, also when it comes back",
                    item.name, item.evidence
                ));
            }
            Grade::Acknowledged => continue,
            Grade::Challenge => Section::Challenge,
            Grade::DeviceDigest => Section::Observe,
            Grade::ReadBack => Section::ReadBack,
        };
        if !product.dialogue.has(section) {
            return Err(format!(
                "item `{}` asks for {}, which dialogue {} cannot give: it has no [[{}]] steps",
                item.name,
                item.evidence,
                product.dialogue.file,
                section.name()
            ));
        }
    }
    Ok(())
}

/// A group key is for the station alone.
fn group_key_stays(product: &Product) -> Result<(), String> {
    let ProductAttestation::SymmetricGroup { group_key, .. } = &product.attestation else { return Ok(()) };
    match product.secrets.iter().find(|(_, secret)| *secret == group_key) {
        Some((name, _)) => Err(format!(
            "[link.secrets] gives `{name}` the group key `{group_key}`: a group key never reaches a device; remove it"
        )),
        None => Ok(()),
    }
}

/// Every variable that the dialogue sends must have a value from somewhere.
fn dialogue_variables(product: &Product) -> Result<(), String> {
    let known: Vec<&str> = product.values.keys().chain(product.secrets.keys()).map(String::as_str).collect();
    let own_key = product.own_key();
    for (section, variable) in product.dialogue.variables() {
        let of_own_key = match own_key.filter(|(_, shown_in)| Section::showing_key_in(*shown_in) == section) {
            Some((item, _)) => item.place.contains_key(variable),
            // This product's units are never asked for a key of their own, or not in this way.
            None if section.speaks_of_the_own_key() => continue,
            None => false,
        };
        let given = known.contains(&variable)
            || section.own_variables().contains(&variable)
            || of_own_key
            || (section.speaks_of_an_item()
                && product.items.iter().all(|item| item.place.contains_key(variable)));
        if !given {
            return Err(format!(
                "dialogue {} sends ${{{variable}}} in [[{}]], and nothing sets it: add it to [link.values], \
                 [link.secrets] or each item's `place`",
                product.dialogue.file,
                section.name()
            ));
        }
    }
    Ok(())
}
