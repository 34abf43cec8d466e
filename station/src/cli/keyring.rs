//! What issuing takes out of the vault: the keys that credentials come from, the dialogue's secrets, a password for files.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use certkit::{DeviceKey, GroupKey, Kind, Profile, RegistrationId, SymmetricKeyError, Template};

use super::Failure;
use crate::authority::{self, Authority, AuthorityError};
use crate::clock;
use crate::config::{Config, StationFolder};
use crate::ledger::LedgerReader;
use crate::ledger::entry::{GroupEntry, Hold, IssuedCredential, KeyMaker, KeyOrigin, SecretKind};
use crate::line::{Attestation, Signs, Symmetric, SymmetricKeys, Tpms, X509};
use crate::link::{Variable, Variables};
use crate::product::{EkCertificate, Product, ProductAttestation, TpmRules};
use crate::profile;
use crate::tpm::{HierarchyAuths, read_makers, read_makers_if_any};
use crate::vault::{Secret, SecretName, SecretNameError, UnlockedVault};

/// The unlocked vault, and what says which of its secrets goes where.
pub(super) struct Keyring<'a> {
    pub(super) folder: &'a StationFolder,
    pub(super) config: &'a Config,
    pub(super) vault: &'a UnlockedVault,
    pub(super) reader: &'a LedgerReader,
}

impl Keyring<'_> {
    /// How the units of this order get their credentials.
    pub(super) fn attestation(&self, product: &Product, order: &str) -> Result<Attestation, Failure> {
        match &product.attestation {
            ProductAttestation::X509Group { profile, key } => {
                let profile = profile::load_for_devices(self.folder.path(), profile, Kind::Device)?;
                self.issued(profile, *key)
            }
            ProductAttestation::X509Individual { profile, key } => {
                let profile = profile::load_for_devices(self.folder.path(), profile, Kind::Individual)?;
                Ok(Attestation::X509(Box::new(X509 { signs: Signs::Itself, key: *key, profile })))
            }
            ProductAttestation::SymmetricGroup { group_key, entry } => {
                self.derived(group_key, *entry, &product.file)
            }
            ProductAttestation::SymmetricGiven => Ok(Attestation::Symmetric(self.given(order)?)),
            ProductAttestation::Tpm(rules) => Ok(Attestation::Tpm(self.tpms(rules)?)),
            ProductAttestation::SymmetricIndividual { key_bytes } => {
                self.sweep_unit_keys()?;
                Ok(Attestation::Symmetric(self.random(*key_bytes)?))
            }
        }
    }

    /// Where a credential's key came from, so that it can be had again; none of a certificate, nor where the product no longer
    /// attests in that way. Writes nothing.
    pub(super) fn keys_behind(
        &self,
        credential: &IssuedCredential,
        product: &Product,
        order: &str,
    ) -> Result<Option<Symmetric>, Failure> {
        let IssuedCredential::DeviceKey { origin, .. } = credential else { return Ok(None) };
        match (origin, &product.attestation) {
            // A retired group key still tells what its units hold.
            (KeyOrigin::Derived { group_key, group_entry }, _) => {
                let name = group_key.parse().map_err(|error: SecretNameError| Failure::input(error))?;
                self.of_group(&name, *group_entry).map(Some)
            }
            (KeyOrigin::Given, _) => self.given(order).map(Some),
            (KeyOrigin::Random { .. }, ProductAttestation::SymmetricIndividual { key_bytes }) => {
                self.random(*key_bytes).map(Some)
            }
            (KeyOrigin::Random { .. }, _) => Ok(None),
        }
    }

    /// Which TPMs are taken. Without makers no certificate is right: then every TPM must do without.
    fn tpms(&self, rules: &TpmRules) -> Result<Tpms, Failure> {
        let read = match rules.ek_certificate {
            EkCertificate::Required => read_makers,
            EkCertificate::AbsentOk => read_makers_if_any,
        };
        Ok(Tpms { rules: rules.clone(), makers: read(&self.folder.makers())? })
    }

    /// Authorisations of the units' TPMs.
    pub(super) fn tpm_auths(&self, product: &Product) -> Result<HierarchyAuths, Failure> {
        let auth = |name: &Option<SecretName>| {
            let Some(name) = name else { return Ok(None) };
            self.must_be(name, SecretKind::Text, "a TPM's authorisation is a text of its own")?;
            self.vault.get(name).map(Some).map_err(Failure::from)
        };
        let Some(rules) = product.attestation.tpm() else { return Ok(HierarchyAuths::default()) };
        Ok(HierarchyAuths { endorsement: auth(&rules.endorsement_auth)?, owner: auth(&rules.owner_auth)? })
    }

    fn issued(&self, profile: Profile, key: KeyMaker) -> Result<Attestation, Failure> {
        let label = &self.config.issuing_authority;
        let Authority { issuer, intermediates } =
            authority::load(label, self.folder, self.vault, self.reader)?;
        // This also shows whether the authority may issue such certificates now.
        let template = Template::new(Arc::new(issuer), &profile, profile.own_key(), clock::now())
            .map_err(|error| AuthorityError::Issue { label: label.clone(), source: Box::new(error) })?;
        let signs = Signs::Authority { template: Box::new(template), label: label.clone(), intermediates };
        Ok(Attestation::X509(Box::new(X509 { signs, key, profile })))
    }

    fn derived(&self, name: &SecretName, entry: GroupEntry, file: &str) -> Result<Attestation, Failure> {
        if let Some(retired) = self.reader.retired(&Hold::GroupKey(name.to_string()))? {
            let (reason, next) = (retired.state, retired.successor);
            return Err(Failure::input(format!(
                "group key `{name}` was retired ({reason}), and no key is derived from it any more: say group_key = \
                 \"{next}\", and which of the group's two it is as group_entry, in products/{file}"
            )));
        }
        let symmetric = self.of_group(name, entry)?;
        if let SymmetricKeys::Derived { group_key, .. } = &symmetric.keys {
            self.refuse_retired_again(name, group_key)?;
        }
        Ok(Attestation::Symmetric(symmetric))
    }

    /// Refuses a key that was retired under another name. What is no longer in the vault cannot be told.
    fn refuse_retired_again(&self, name: &SecretName, group_key: &GroupKey) -> Result<(), Failure> {
        let all = self.reader.roll_overs(Hold::GroupKey(String::new()).kind())?;
        for one in all.into_iter().filter(|one| one.state.is_retired()) {
            let retiring = one.retiring.parse().map_err(|error: SecretNameError| Failure::input(error))?;
            if self.vault.vault().holds(&retiring) && self.group_key(&retiring)?.is_same(group_key) {
                return Err(Failure::input(format!(
                    "group key `{name}` is the same key as `{retiring}`, which was retired ({}): have the service make a \
                     new one, import it, and roll over to that",
                    one.state
                )));
            }
        }
        Ok(())
    }

    fn of_group(&self, name: &SecretName, entry: GroupEntry) -> Result<Symmetric, Failure> {
        self.must_be(
            name,
            SecretKind::GroupKey,
            "import the group key under another name with `station keys import NAME --kind group-key`, and let the \
             product name that",
        )?;
        let group_key = self.group_key(name)?;
        let keys = SymmetricKeys::Derived { group_key, name: name.to_string(), entry };
        Ok(Symmetric { keys, ledger_key: self.ledger_key()? })
    }

    fn group_key(&self, name: &SecretName) -> Result<GroupKey, Failure> {
        GroupKey::parse(text(&self.vault.get(name)?)).map_err(|error| damaged(name, error))
    }

    fn given(&self, order: &str) -> Result<Symmetric, Failure> {
        let name = SecretName::of_order_keys(order);
        let sealed = self.vault.get(&name)?;
        let parse = |line: &str| -> Option<(RegistrationId, DeviceKey)> {
            let (id, key) = line.split_once(',')?;
            Some((RegistrationId::parse(id).ok()?, DeviceKey::parse(key).ok()?))
        };
        let keys: Option<HashMap<_, _>> = text(&sealed).lines().map(parse).collect();
        let keys = keys.ok_or_else(|| {
            Failure::input(format!(
                "the vault's `{name}` holds no device keys: restore the vault from its backup"
            ))
        })?;
        let keys = SymmetricKeys::Given(keys);
        Ok(Symmetric { keys, ledger_key: self.ledger_key()? })
    }

    fn random(&self, key_bytes: usize) -> Result<Symmetric, Failure> {
        let keys = SymmetricKeys::Random { vault: self.vault.clone(), key_bytes };
        Ok(Symmetric { keys, ledger_key: self.ledger_key()? })
    }

    /// Withdraws random keys that were made without units, where the identities of a file were all issued anew, or
    /// scrapped. Gives the numbers of files that no entry names: an `issue` left them that was cut off, or the ledger is
    /// older than the vault, and then they are not for the station to judge.
    pub(super) fn sweep_keys_ahead(&self) -> Result<Vec<u64>, Failure> {
        let vault = self.vault.vault();
        let mut lying = vault.keys_ahead()?;
        if lying.is_empty() {
            return Ok(lying);
        }
        let announced = self.reader.all_keys_ahead()?;
        for number in lying.iter().filter(|number| announced.get(number) == Some(&false)) {
            vault.withdraw(&SecretName::of_keys_ahead(*number))?;
        }
        lying.retain(|number| !announced.contains_key(number));
        Ok(lying)
    }

    /// Withdraws the keys of attempts that were cut off before they announced them, and those that were superseded: no
    /// unit has them. Only a run writes such keys, and it holds the ledger.
    fn sweep_unit_keys(&self) -> Result<(), Failure> {
        let vault = self.vault.vault();
        let useless: BTreeSet<u64> = self.reader.attempts_without_credential()?.into_iter().collect();
        for attempt in vault.attempts_with_unit_keys()?.into_iter().filter(|it| useless.contains(it)) {
            vault.withdraw(&SecretName::of_unit_keys(attempt))?;
        }
        Ok(())
    }

    /// Of what the ledger must not hold, it holds a MAC under this key.
    pub(super) fn ledger_key(&self) -> Result<DeviceKey, Failure> {
        let name = SecretName::ledger_key();
        DeviceKey::parse(text(&self.vault.get(&name)?)).map_err(|error| damaged(&name, error))
    }

    /// A password for files, which must be a text that was imported as one.
    pub(super) fn password(&self, name: &SecretName) -> Result<Secret, Failure> {
        self.must_be(name, SecretKind::Text, "a password of files is a text of its own")?;
        let password = self.vault.get(name)?;
        match password.text() {
            Some(_) => Ok(password),
            None => Err(Failure::input(format!(
                "the vault's `{name}` is no UTF-8 text, and cannot be a password of files: import another"
            ))),
        }
    }

    /// The dialogue's variables: the product's own, and its secrets out of the vault.
    pub(super) fn variables(&self, product: &Product) -> Result<Variables, Failure> {
        let open = product.values.iter().map(|(name, value)| Ok((name.clone(), Variable::open(value))));
        let secret = product.secrets.iter().map(|(name, secret)| {
            self.must_be(
                secret,
                SecretKind::Text,
                "[link.secrets] takes what units and consoles are told, and no key of the station's",
            )?;
            Ok((name.clone(), Variable::secret(self.vault.get(secret)?)))
        });
        open.chain(secret).collect()
    }

    /// Refuses a secret that was imported as something else: a group key must never be sent to a unit.
    fn must_be(&self, name: &SecretName, kind: SecretKind, todo: &str) -> Result<(), Failure> {
        match self.reader.secret_kind(&name.to_string())? {
            Some(known) if known == kind => Ok(()),
            Some(_) => {
                Err(Failure::input(format!("the vault's `{name}` was imported as something else: {todo}")))
            }
            None if kind == SecretKind::GroupKey => Err(Failure::input(format!(
                "the vault holds no group key `{name}`: import it with `station keys import {name} --kind group-key`"
            ))),
            None => Err(crate::vault::VaultError::Unknown(name.clone()).into()),
        }
    }
}

fn text(secret: &Secret) -> &str {
    secret.text().unwrap_or_default()
}

fn damaged(name: &SecretName, error: SymmetricKeyError) -> Failure {
    Failure::input(format!("the vault's `{name}`: {error}"))
}
