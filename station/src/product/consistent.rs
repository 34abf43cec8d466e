//! What a product must ask for, and what of that its link can do: checked as a whole when it is loaded.

use super::{
    Assign, Endpoint, Item, ItemContent, Presence, Product, ProductAttestation, ProductError, ProductLink,
    Variable, tpm,
};
use crate::ledger::entry::{Grade, KeyMaker};
use crate::link::{Section, ShownIn};

/// A value, the variables that bring it, and the first one's name.
type Needed = (&'static [Variable], &'static str);

const REGISTRATION_ID: Needed = (&[Variable::RegistrationId], "registration_id");
const ID_SCOPE: Needed = (&[Variable::IdScope], "id_scope");
const GLOBAL_ENDPOINT: Needed = (&[Variable::GlobalEndpoint], "global_endpoint");
const CERTIFICATE: Needed = (
    &[
        Variable::CertificateChain,
        Variable::CertificateChainDer,
        Variable::Certificate,
        Variable::CertificateDer,
    ],
    "certificate_chain",
);
const PRIVATE_KEY: Needed = (&[Variable::PrivateKey, Variable::PrivateKeyDer], "private_key");
const DEVICE_KEY: Needed = (&[Variable::DeviceKey, Variable::DeviceKeyBytes], "device_key");

/// Says what is wrong.
type Check = fn(&Product) -> Result<(), String>;

/// Checks the product as a whole.
pub(super) fn check(product: &Product) -> Result<(), ProductError> {
    let checks: [Check; 9] = [
        tpm::check,
        variables,
        names,
        own_key,
        way_onto_the_unit,
        identity,
        group_key_stays,
        evidence,
        dialogue_variables,
    ];
    checks
        .into_iter()
        .try_for_each(|check| check(product))
        .map_err(|what| ProductError::Impossible { file: product.file.clone(), what })
}

/// Device ID, credential and ID scope must reach the unit, or it cannot register.
fn variables(product: &Product) -> Result<(), String> {
    let written =
        |(any, _): &Needed| any.iter().any(|variable| product.items.iter().any(|item| item.uses(*variable)));
    let own_key = product.attestation.own_key_is_shown_in();
    if own_key.is_some() && written(&PRIVATE_KEY) {
        return Err("an item writes ${private_key}, and key = \"device\": the unit makes its key, which never leaves it; \
                    remove the item"
            .to_owned());
    }
    let (credential, foreign): (&[Needed], &[Needed]) = match product.attestation {
        ProductAttestation::X509Group { key: KeyMaker::Device, .. } => (&[CERTIFICATE], &[DEVICE_KEY]),
        // It has its certificate.
        ProductAttestation::X509Individual { key: KeyMaker::Device, .. } => (&[], &[DEVICE_KEY]),
        ProductAttestation::X509Group { .. } | ProductAttestation::X509Individual { .. } => {
            (&[CERTIFICATE, PRIVATE_KEY], &[DEVICE_KEY])
        }
        ProductAttestation::SymmetricGroup { .. }
        | ProductAttestation::SymmetricGiven
        | ProductAttestation::SymmetricIndividual { .. } => (&[DEVICE_KEY], &[CERTIFICATE, PRIVATE_KEY]),
        ProductAttestation::Tpm(_) => (&[], &[CERTIFICATE, PRIVATE_KEY, DEVICE_KEY]),
    };
    // Nothing can be written where nothing but the TPM is spoken to: who installs the unit's software names it.
    if matches!(product.link, ProductLink::Tpm) {
        return Ok(());
    }
    // A unit that made its certificate knows the name that stands in it.
    let names_itself = own_key == Some(ShownIn::Certificate);
    let has_endpoint = product.firmware.is_some() && product.global_endpoint == Endpoint::public();
    let mut needed = Vec::new();
    needed.extend((!names_itself).then_some(REGISTRATION_ID));
    needed.push(ID_SCOPE);
    needed.extend((!has_endpoint).then_some(GLOBAL_ENDPOINT));
    needed.extend(credential);
    if let Some((_, name)) = needed.iter().find(|needed| !written(needed)) {
        return Err(format!(
            "no item writes ${{{name}}}: a unit without it cannot register; add it to a document"
        ));
    }
    match foreign.iter().find(|foreign| written(foreign)) {
        Some((_, name)) => {
            Err(format!("an item writes ${{{name}}}, which units of this attestation do not have: remove it"))
        }
        None => Ok(()),
    }
}

/// Each item has a name of its own.
fn names(product: &Product) -> Result<(), String> {
    let mut names: Vec<&str> = product.items.iter().map(|item| item.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("two items are called `{}`: give each its own name", pair[0])),
        None => Ok(()),
    }
}

/// The key that a unit makes has one item, which has no document, and its link has a way to ask for it.
fn own_key(product: &Product) -> Result<(), String> {
    if product.attestation.tpm().is_some() {
        return Ok(());
    }
    let own: Vec<&str> =
        product.items.iter().filter(|item| item.is_own_key()).map(|item| item.name.as_str()).collect();
    match (product.attestation.own_key_is_shown_in(), own.as_slice()) {
        (None, []) => Ok(()),
        (None, [name, ..]) => {
            Err(format!("item `{name}` has no `document`: name the file in documents/ that it holds"))
        }
        (Some(shown_in), _) if !product.link.shows_own_key(shown_in) => {
            let section = Section::showing_key_in(shown_in).name();
            Err(match product.link.dialogue() {
                Some(dialogue) => format!(
                    "key = \"device\", and dialogue {} has no [[{section}]] steps: add them, or let the station make the key",
                    dialogue.file
                ),
                None => format!(
                    "key = \"device\", and {} asks no unit for its key: let the station make it",
                    product.link
                ),
            })
        }
        (Some(_), []) => {
            Err("key = \"device\", and no item stands for that key: add an [[item]] with a name, its place \
                              and its evidence, and without a `document`"
                .to_owned())
        }
        (Some(_), [_]) => Ok(()),
        (Some(_), [one, other, ..]) => {
            Err(format!("items `{one}` and `{other}` have no `document`: a unit makes one key"))
        }
    }
}

/// Items go over a console, slots into an image.
fn way_onto_the_unit(product: &Product) -> Result<(), String> {
    if matches!(product.link, ProductLink::Tpm) {
        return Ok(());
    }
    let is_console = matches!(product.link, ProductLink::Console { .. });
    for item in &product.items {
        match (&item.content, is_console) {
            (ItemContent::Slot(_), true) => {
                return Err(format!(
                    "slot `{}` is written by a loader or a programmer, and [link] names a dialogue",
                    item.name
                ));
            }
            (ItemContent::Document { .. } | ItemContent::OwnKey { .. }, false) => {
                return Err(format!(
                    "item `{}` goes over a console, and [link] names no dialogue: make it an entry of a [[slot]]",
                    item.name
                ));
            }
            _ => {}
        }
    }
    match (&product.firmware, is_console) {
        (Some(_), true) => {
            Err("[flash] names firmware, which no console writes: remove it, or [link] dialogue".to_owned())
        }
        (None, false) => {
            Err("no [flash] says which firmware it is for: add it, or name [link] dialogue".to_owned())
        }
        (None, true) | (Some(_), false) => Ok(()),
    }
}

/// How a unit is known must fit how it is assigned an identity.
fn identity(product: &Product) -> Result<(), String> {
    match (&product.link, product.assign, product.presence) {
        (ProductLink::Programmer, _, _) | (_, Assign::ByScan, Presence::Scan) => Ok(()),
        (ProductLink::Loader { .. }, _, Presence::Poll) => Err(
            "presence = \"poll\" asks again and again who is there, and a loader is asked by resetting its unit: one that passed \
             would be stopped each time; set \"usb\" where the port goes with the unit, else \"scan\""
                .to_owned(),
        ),
        (_, Assign::ByScan, _) => {
            Err("assign = \"by-scan\" needs presence = \"scan\": nothing else tells which label a unit has"
                .to_owned())
        }
        (link, _, _) if link.tells_hardware_id() => Ok(()),
        (link, _, _) => Err(format!(
            "{link} has no [[identify]] steps, so nothing tells one unit from another: set assign = \"by-scan\" and presence = \
             \"scan\""
        )),
    }
}

/// Every grade that is asked for must be one that the link can give.
fn evidence(product: &Product) -> Result<(), String> {
    match (&product.link, product.firmware.as_ref().map(|firmware| firmware.evidence)) {
        (ProductLink::Programmer, Some(Some(_))) => {
            return Err(
                "[flash]: another program writes it, and gives no evidence: remove `evidence`".to_owned()
            );
        }
        (ProductLink::Loader { .. }, Some(None)) => {
            return Err("[flash]: the key `evidence` is missing: add it".to_owned());
        }
        (link, Some(Some(grade))) if !link.gives(grade) => {
            return Err(format!(
                "[flash] asks for {grade}, which {link} cannot give: ask for device-digest or read-back"
            ));
        }
        _ => {}
    }
    if matches!(product.link, ProductLink::Programmer) {
        return Ok(());
    }
    // A TPM proves its key, whatever the link can do.
    let in_tpm = |item: &&Item| product.attestation.tpm().is_some() && item.is_own_key();
    let asked_over_the_link = product.items.iter().filter(|item| !in_tpm(item));
    asked_over_the_link.into_iter().try_for_each(|item| evidence_of(item, &product.link))
}

fn evidence_of(item: &Item, link: &ProductLink) -> Result<(), String> {
    let (name, grade) = (&item.name, item.evidence);
    match (grade, item.holds_key(), &item.content) {
        (Grade::Challenge, false, _) => Err(format!(
            "item `{name}` asks for a challenge and holds no key: ask for device-digest or read-back"
        )),
        (
            Grade::ReadBack | Grade::DeviceDigest,
            true,
            ItemContent::Document { .. } | ItemContent::OwnKey { .. },
        ) => Err(format!(
            "item `{name}` holds the unit's key and asks for {grade}: ask for challenge, which shows that the unit can use \
                 its key, also when it comes back"
        )),
        _ if link.gives(grade) => Ok(()),
        _ => Err(format!(
            "item `{name}` asks for {grade}, which {link} cannot give{}",
            missing_steps(grade, link)
        )),
    }
}

fn missing_steps(grade: Grade, link: &ProductLink) -> String {
    let section = match grade {
        Grade::Challenge => Section::Challenge,
        Grade::DeviceDigest => Section::Observe,
        Grade::ReadBack => Section::ReadBack,
        Grade::Acknowledged => return String::new(),
    };
    match link {
        ProductLink::Console { .. } => format!(": it has no [[{}]] steps", section.name()),
        _ => ": ask for device-digest or read-back".to_owned(),
    }
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
    let Some(dialogue) = product.link.dialogue() else { return Ok(()) };
    let known: Vec<&str> = product.values.keys().chain(product.secrets.keys()).map(String::as_str).collect();
    let own_key = product.own_key();
    let in_tpm = |item: &Item| product.attestation.tpm().is_some() && item.is_own_key();
    let placed =
        |item: &Item, variable| item.console_place().is_some_and(|place| place.contains_key(variable));
    let challenges = product.items.iter().any(|item| item.evidence == Grade::Challenge && !in_tpm(item));
    for (section, variable) in dialogue.variables() {
        if section == Section::Challenge && !challenges {
            continue;
        }
        let of_own_key = match own_key.filter(|(_, shown_in)| Section::showing_key_in(*shown_in) == section) {
            Some((item, _)) => placed(item, variable),
            // This product's units are never asked for a key of their own, or not in this way.
            None if section.speaks_of_the_own_key() => continue,
            None => false,
        };
        let given = known.contains(&variable)
            || section.own_variables().contains(&variable)
            || of_own_key
            || (section.speaks_of_an_item()
                && product.items.iter().filter(|item| !in_tpm(item)).all(|item| placed(item, variable)));
        if !given {
            return Err(format!(
                "dialogue {} sends ${{{variable}}} in [[{}]], and nothing sets it: add it to [link.values], \
                 [link.secrets] or each item's `place`",
                dialogue.file,
                section.name()
            ));
        }
    }
    Ok(())
}
