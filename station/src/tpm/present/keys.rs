//! The endorsement key and the storage root key: where they lie, or made from their templates.

use certkit::EndorsementKey;
use tss_esapi::abstraction::AsymmetricAlgorithmSelection;
use tss_esapi::abstraction::ek::create_ek_public_from_default_template_2;
use tss_esapi::attributes::ObjectAttributesBuilder;
use tss_esapi::handles::{KeyHandle, PersistentTpmHandle};
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::dynamic_handles::Persistent;
use tss_esapi::interface_types::key_bits::RsaKeyBits;
use tss_esapi::interface_types::resource_handles::{Hierarchy as TssHierarchy, Provision};
use tss_esapi::structures::{
    Public, PublicBuffer, PublicBuilder, PublicKeyRsa, PublicRsaParametersBuilder, RsaExponent, RsaScheme,
    SymmetricDefinitionObject,
};
use tss_esapi::traits::{Marshall, UnMarshall};

use super::refusal::{Act, from_answer};
use super::{Hierarchy, KeyOrigin, Loaded, Tpm, TpmError};
use crate::tpm::{PrimaryKey, StorageRootKey};

/// Where DPS's clients and the TCG's provisioning guidance keep them.
const ENDORSEMENT_KEY: u32 = 0x8101_0001;
const STORAGE_ROOT_KEY: u32 = 0x8100_0001;
/// The maker's nonce and template for the RSA-2048 endorsement key (TCG EK Credential Profile, §2.2.1.4).
const NONCE: u32 = 0x01c0_0003;
const TEMPLATE: u32 = 0x01c0_0004;

const READ_ENDORSEMENT_KEY: &str = "reading its endorsement key";
const READ_STORAGE_ROOT_KEY: &str = "reading its storage root key";
const MAKE_ENDORSEMENT_KEY: &str = "making its endorsement key";
const MAKE_STORAGE_ROOT_KEY: &str = "making its storage root key";
const KEEP: &str = "keeping a key";

impl Tpm {
    /// Its endorsement key: the one at 0x81010001; where nothing lies there, one made from the maker's template or the
    /// TCG's (L-1), for as long as this TPM is open.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn endorsement_key(&mut self) -> Result<PrimaryKey<EndorsementKey>, TpmError> {
        let Loaded { key, origin, .. } = self.loaded_endorsement_key()?;
        Ok(PrimaryKey { key, origin })
    }

    /// Its storage root key: the one at 0x81000001; where nothing lies there, one made from the TCG's template.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn storage_root_key(&mut self) -> Result<PrimaryKey<StorageRootKey>, TpmError> {
        let Loaded { key, origin, .. } = self.loaded_storage_root_key()?;
        Ok(PrimaryKey { key: StorageRootKey::from_tpm2b_public(key), origin })
    }

    /// Puts both keys at their handles where nothing lies there, so that the unit's software finds the same ones. What
    /// lies there stays.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn keep_keys(&mut self) -> Result<(), TpmError> {
        let endorsement_key = self.loaded_endorsement_key()?;
        if endorsement_key.origin != KeyOrigin::Persistent {
            self.keep(endorsement_key.handle, ENDORSEMENT_KEY)?;
            self.endorsement_key = Some(Loaded { origin: KeyOrigin::Persistent, ..endorsement_key });
        }
        let storage_root_key = self.loaded_storage_root_key()?;
        if storage_root_key.origin != KeyOrigin::Persistent {
            self.keep(storage_root_key.handle, STORAGE_ROOT_KEY)?;
            self.storage_root_key = Some(Loaded { origin: KeyOrigin::Persistent, ..storage_root_key });
        }
        Ok(())
    }

    fn keep(&mut self, key: KeyHandle, handle: u32) -> Result<(), TpmError> {
        let act = Act::of(Hierarchy::Owner, KEEP);
        let handle = PersistentTpmHandle::new(handle).map_err(|error| from_answer(error, act))?;
        let persistent = Persistent::Persistent(handle);
        self.in_session(act, |context| context.evict_control(Provision::Owner, key.into(), persistent))?;
        Ok(())
    }

    pub(super) fn loaded_endorsement_key(&mut self) -> Result<Loaded<EndorsementKey>, TpmError> {
        if let Some(loaded) = &self.endorsement_key {
            return Ok(loaded.clone());
        }
        let (handle, public, origin) = if self.has(ENDORSEMENT_KEY)? {
            let (handle, public) = self.persistent(ENDORSEMENT_KEY, READ_ENDORSEMENT_KEY)?;
            (handle, public, KeyOrigin::Persistent)
        } else {
            let (template, origin) = self.endorsement_template()?;
            let act = Act::of(Hierarchy::Endorsement, MAKE_ENDORSEMENT_KEY);
            let (handle, public) = self.primary(TssHierarchy::Endorsement, template, act)?;
            (handle, public, origin)
        };
        let key = EndorsementKey::from_tpm2b_public(&public).map_err(TpmError::EndorsementKey)?;
        let loaded = Loaded { key, origin, handle };
        self.endorsement_key = Some(loaded.clone());
        Ok(loaded)
    }

    pub(super) fn loaded_storage_root_key(&mut self) -> Result<Loaded<Vec<u8>>, TpmError> {
        if let Some(loaded) = &self.storage_root_key {
            return Ok(loaded.clone());
        }
        let (handle, key, origin) = if self.has(STORAGE_ROOT_KEY)? {
            let (handle, key) = self.persistent(STORAGE_ROOT_KEY, READ_STORAGE_ROOT_KEY)?;
            (handle, key, KeyOrigin::Persistent)
        } else {
            let act = Act::of(Hierarchy::Owner, MAKE_STORAGE_ROOT_KEY);
            let template = storage_template().map_err(|error| from_answer(error, act))?;
            let (handle, key) = self.primary(TssHierarchy::Owner, template, act)?;
            (handle, key, KeyOrigin::Template)
        };
        let loaded = Loaded { key, origin, handle };
        self.storage_root_key = Some(loaded.clone());
        Ok(loaded)
    }

    /// The key at a handle, and its TPM2B_PUBLIC.
    fn persistent(&mut self, handle: u32, what: &'static str) -> Result<(KeyHandle, Vec<u8>), TpmError> {
        let refused = |error| from_answer(error, Act::plain(what));
        let handle = PersistentTpmHandle::new(handle).map_err(refused)?;
        let object = KeyHandle::from(self.context.tr_from_tpm_public(handle.into()).map_err(refused)?);
        let (public, ..) = self.context.read_public(object).map_err(refused)?;
        Ok((object, tpm2b(public).map_err(refused)?))
    }

    /// A key made from a template, and its TPM2B_PUBLIC.
    fn primary(
        &mut self,
        hierarchy: TssHierarchy,
        template: Public,
        act: Act,
    ) -> Result<(KeyHandle, Vec<u8>), TpmError> {
        let made = self
            .in_session(act, |context| context.create_primary(hierarchy, template, None, None, None, None))?;
        Ok((made.key_handle, tpm2b(made.out_public).map_err(|error| from_answer(error, act))?))
    }

    /// The maker's template where there is one, else the TCG's; the maker's nonce put in where there is one.
    fn endorsement_template(&mut self) -> Result<(Public, KeyOrigin), TpmError> {
        let refused = |error| from_answer(error, Act::plain(MAKE_ENDORSEMENT_KEY));
        let (template, nonce) = (self.nv(TEMPLATE)?, self.nv(NONCE)?);
        let origin = if template.is_none() && nonce.is_none() {
            KeyOrigin::Template
        } else {
            KeyOrigin::MakersTemplate
        };
        let public = match template {
            Some(bytes) => Public::unmarshall(&bytes),
            None => {
                let rsa = AsymmetricAlgorithmSelection::Rsa(RsaKeyBits::Rsa2048);
                create_ek_public_from_default_template_2(rsa, None)
            }
        };
        let public = public.map_err(refused)?;
        let public = match nonce {
            Some(nonce) => with_nonce(public, nonce).map_err(refused)?,
            None => public,
        };
        Ok((public, origin))
    }
}

/// The nonce goes where the modulus will be, filled up with zeros to its length.
fn with_nonce(public: Public, mut nonce: Vec<u8>) -> Result<Public, tss_esapi::Error> {
    let Public::Rsa { object_attributes, name_hashing_algorithm, auth_policy, parameters, .. } = public
    else {
        return Ok(public);
    };
    nonce.resize(nonce.len().max(usize::from(u16::from(parameters.key_bits())) / 8), 0);
    let unique = PublicKeyRsa::try_from(nonce)?;
    Ok(Public::Rsa { object_attributes, name_hashing_algorithm, auth_policy, parameters, unique })
}

/// The TCG's template of a storage root key (TPM v2.0 Provisioning Guidance, §7.5.1), RSA-2048.
fn storage_template() -> Result<Public, tss_esapi::Error> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_restricted(true)
        .with_decrypt(true)
        .build()?;
    let parameters = PublicRsaParametersBuilder::new()
        .with_symmetric(SymmetricDefinitionObject::AES_128_CFB)
        .with_scheme(RsaScheme::Null)
        .with_key_bits(RsaKeyBits::Rsa2048)
        .with_exponent(RsaExponent::default())
        .with_is_decryption_key(true)
        .with_restricted(true)
        .build()?;
    PublicBuilder::new()
        .with_public_algorithm(PublicAlgorithm::Rsa)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_rsa_parameters(parameters)
        .with_rsa_unique_identifier(PublicKeyRsa::new_empty_with_size(RsaKeyBits::Rsa2048))
        .build()
}

fn tpm2b(public: Public) -> Result<Vec<u8>, tss_esapi::Error> {
    PublicBuffer::try_from(public)?.marshall()
}
