//! The products: those of the station's own folder and those of its orders load, and the secrets that they name are
//! in the vault.

use std::collections::BTreeSet;

use certkit::{IssueError, Profile};

use super::{Finding, SOON, Scene, tpms};
use crate::authority;
use crate::clock::rfc3339;
use crate::error_text::with_causes;
use crate::explain::{ExplainError, example, explain};
use crate::ledger::entry::Hold;
use crate::ledger::{LedgerReader, OrderRecord};
use crate::product::{Product, ProductAttestation, ProductLink, Variable};
use crate::profile;
use crate::template::Kind;
use crate::vault::{SecretName, Vault};

/// What the built-in products carry in place of an ID scope of the customer's.
const TEMPLATE_ID_SCOPE: &str = "0ne00ABCDEF";

pub(super) fn check(scene: &Scene<'_>) -> Vec<Finding> {
    let files = product_files(scene);
    if files.is_empty() {
        return vec![Finding::skipped(
            "products",
            "no order and no product of the station's own",
            "add an order",
        )];
    }
    files.iter().flat_map(|file| check_product(scene, file)).collect()
}

/// Orders that were taken for another DPS instance than their product names now: they cannot be run.
fn orders_of_another_scope(scene: &Scene<'_>, product: &Product) -> Vec<Finding> {
    let id_scope = product.id_scope.to_string();
    let other =
        orders(scene).into_iter().filter(|order| order.product == product.file && order.id_scope != id_scope);
    let finding = |order: OrderRecord| {
        let seen =
            format!("was taken for ID scope {}, and {} now says {id_scope}", order.id_scope, product.file);
        Finding::failed(format!("order/{}", order.name), seen, "correct the product, or take a new order")
    };
    other.map(finding).collect()
}

/// A ledger that cannot be asked is found by its own checker.
fn orders(scene: &Scene<'_>) -> Vec<OrderRecord> {
    LedgerReader::open(&scene.folder.ledger()).and_then(|reader| reader.orders()).unwrap_or_default()
}

fn product_files(scene: &Scene<'_>) -> BTreeSet<String> {
    let own = std::fs::read_dir(scene.folder.path().join(Kind::Product.folder()));
    let own = own.into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    orders(scene)
        .into_iter()
        .map(|order| order.product)
        .chain(own.filter(|name| name.ends_with(".toml")))
        .collect()
}

/// Whether any product issues certificates.
pub(super) fn any_issues_certificates(scene: &Scene<'_>) -> bool {
    product_files(scene).iter().any(|file| {
        Product::load(scene.folder.path(), file)
            .is_ok_and(|product| matches!(product.attestation, ProductAttestation::X509Group { .. }))
    })
}

/// Units that send no chain need more of DPS.
fn leaf_alone(scene: &Scene<'_>, product: &Product, id: &str) -> Option<Finding> {
    let chain = [Variable::CertificateChain, Variable::CertificateChainDer];
    let sends_chain = product.items.iter().any(|item| chain.iter().any(|variable| item.uses(*variable)));
    if sends_chain || !matches!(product.attestation, ProductAttestation::X509Group { .. }) {
        return None;
    }
    let authority = &scene.config.issuing_authority;
    let seen = "its units send their leaf alone";
    let todo =
        format!("have the CA {authority} itself verified in DPS: `station ca show {authority}` prints it");
    Some(Finding::warning(format!("{id}/leaf-alone"), seen, todo))
}

/// What the firmware changes cannot be verified again.
fn written_by_firmware<'p>(product: &'p Product, id: &'p str) -> impl Iterator<Item = Finding> + 'p {
    product.slots().filter(|slot| slot.firmware_writes).map(move |slot| {
        let name = &slot.place.name;
        let seen = format!(
            "the firmware may write to {name}: a unit that ran it may not be known again, and goes on hold"
        );
        let todo = "give the identity a partition of its own, marked `readonly` in the partition table";
        Finding::warning(format!("{id}/slot/{name}"), seen, todo)
    })
}

/// Whether the group key is retired, or on its way out.
fn group_key_roll_over(scene: &Scene<'_>, file: &str, group_key: &SecretName) -> Option<Finding> {
    let hold = Hold::GroupKey(group_key.to_string());
    let reader = LedgerReader::open(&scene.folder.ledger()).ok()?;
    let id = format!("product/{file}/group-key");
    if let Some(retired) = reader.retired(&hold).ok()? {
        let todo =
            format!("say group_key = \"{}\" and its group_entry in products/{file}", retired.successor);
        return Some(Finding::failed(id, format!("{group_key} was retired ({})", retired.state), todo));
    }
    let next = reader.roll_over(&hold).ok()??.successor;
    let todo =
        format!("once DPS has both, say group_key = \"{next}\" and its group_entry in products/{file}");
    Some(Finding::warning(id, format!("{group_key} is being rolled over to {next}"), todo))
}

/// Whether certificates of this profile would outlive the issuing authority, today or soon. That it expired is found by its
/// own checker.
fn outliving(scene: &Scene<'_>, profile: &Profile, id: &str) -> Option<Finding> {
    let label = &scene.config.issuing_authority;
    let record = LedgerReader::open(&scene.folder.ledger()).ok()?.authority(label).ok()??;
    let issuer = authority::certificate_of(&record).ok()?;
    let seen = |at| match profile.check_period(&issuer, at) {
        Err(IssueError::OutlivesIssuer { not_after, issuer_not_after, .. }) => Some(format!(
            "a certificate issued on {} would be valid until {}, and {label} only until {}",
            rfc3339(at),
            rfc3339(not_after),
            rfc3339(issuer_not_after)
        )),
        _ => None,
    };
    let (id, todo) = (
        format!("{id}/validity"),
        "shorten `validity` in its certificate profile, set `outliving_issuer` to \"clamped\" there, or make a new \
         authority, enrol it, and name it in station.toml",
    );
    let now = seen(scene.now).map(|seen| Finding::failed(&id, seen, todo));
    now.or_else(|| seen(scene.now + SOON).map(|seen| Finding::warning(&id, seen, todo)))
}

/// Makes all that a unit would get, with a credential that stands in for its own.
fn try_out(scene: &Scene<'_>, product: &Product, profile: Option<&Profile>) -> Result<(), ExplainError> {
    explain(product, profile, &example(product)?, (scene.now, scene.random)).map(|_| ())
}

fn check_product(scene: &Scene<'_>, file: &str) -> Vec<Finding> {
    let id = format!("product/{file}");
    let loaded = Product::load(scene.folder.path(), file);
    let product = match loaded {
        Ok(product) => product,
        Err(error) => return vec![Finding::failed(id, with_causes(&error), "correct the product's files")],
    };
    let profile = product.attestation.profile();
    let profile = profile.map(|(file, kind)| profile::load_for_devices(scene.folder.path(), file, kind));
    let profile = match profile.transpose() {
        Ok(profile) => profile,
        Err(error) => {
            return vec![Finding::failed(id, with_causes(&error), "correct the certificate profile")];
        }
    };
    if let Err(error) = try_out(scene, &product, profile.as_ref()) {
        return vec![Finding::failed(id, with_causes(&error), "correct the product's items and slots")];
    }
    let mut findings =
        vec![Finding::ok(id.clone(), format!("loads; its units are written by {}", product.link))];
    if product.id_scope.to_string() == TEMPLATE_ID_SCOPE {
        let seen =
            format!("has the ID scope of the template, {TEMPLATE_ID_SCOPE}: units would register nowhere");
        let todo = if scene.folder.path().join(Kind::Product.folder()).join(file).exists() {
            "set your own id_scope and model_id in it, before any order is taken"
        } else {
            "copy it to products/ in the station's folder, set id_scope and model_id there, and order that"
        };
        findings.push(Finding::warning(format!("{id}/id-scope"), seen, todo));
    }
    findings.extend(orders_of_another_scope(scene, &product));
    if !product.writes_model_id() && !matches!(product.link, ProductLink::Tpm) {
        let seen = format!("{} is written by no item: the firmware carries it", product.model_id);
        findings.push(Finding::ok(format!("{id}/model-id"), seen));
    }
    if let (Some(profile), ProductAttestation::X509Group { .. }) = (&profile, &product.attestation) {
        findings.extend(outliving(scene, profile, &id));
    }
    findings.extend(leaf_alone(scene, &product, &id));
    findings.extend(written_by_firmware(&product, &id));
    findings.extend(tpms::check(scene, &product, &id));
    if let ProductAttestation::SymmetricGroup { group_key, .. } = &product.attestation {
        findings.extend(group_key_roll_over(scene, file, group_key));
    }
    if let Ok(vault) = Vault::open(&scene.folder.vault()) {
        let group_key = match &product.attestation {
            ProductAttestation::SymmetricGroup { group_key, .. } => Some(group_key),
            _ => None,
        };
        let rules = product.attestation.tpm();
        let auths =
            rules.into_iter().flat_map(|rules| rules.endorsement_auth.iter().chain(&rules.owner_auth));
        let texts = product.secrets.values().chain(auths).map(|name| (name, ""));
        let needed = texts.chain(group_key.map(|name| (name, " --kind group-key")));
        findings.extend(needed.filter(|(name, _)| !vault.holds(name)).map(|(name, kind)| {
            let todo = format!("import it with `station keys import {name}{kind}`");
            Finding::failed(format!("{id}/secret/{name}"), "is not in the vault", todo)
        }));
    }
    findings
}
