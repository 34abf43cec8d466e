//! TPM2_ActivateCredential: the TPM opens what was sealed to its endorsement key.

use certkit::{TpmCredential, TpmObjectName};
use tss_esapi::constants::SessionType;
use tss_esapi::constants::response_code::Tss2ResponseCodeKind as Kind;
use tss_esapi::handles::AuthHandle;
use tss_esapi::interface_types::session_handles::{AuthSession, PolicySession};
use tss_esapi::structures::{EncryptedSecret, IdObject};

use super::refusal::{Act, from_answer};
use super::{Hierarchy, Tpm, TpmError};
use crate::vault::Secret;

const ACTIVATE: &str = "opening a challenge";

impl Tpm {
    /// The object that a credential must name to be opened here: the storage root key, as DPS's clients take it.
    ///
    /// # Errors
    /// [`TpmError`].
    pub fn activation_object(&mut self) -> Result<TpmObjectName, TpmError> {
        let handle = self.loaded_storage_root_key()?.handle;
        self.name(handle, Act::plain(ACTIVATE))
    }

    /// Opens a credential and gives its secret.
    ///
    /// # Errors
    /// [`TpmError::NotHeld`] where it was sealed to another key or names another object; [`TpmError`].
    pub fn activate(&mut self, credential: &TpmCredential) -> Result<Secret, TpmError> {
        let act = Act::plain(ACTIVATE);
        let policy = self.endorsement_policy()?;
        let opened = self.opened_by(policy, credential, act);
        self.flush(policy.into());
        opened
    }

    fn opened_by(
        &mut self,
        policy: PolicySession,
        credential: &TpmCredential,
        act: Act,
    ) -> Result<Secret, TpmError> {
        let refused = |error| from_answer(error, act);
        let object = self.loaded_storage_root_key()?.handle;
        let key = self.loaded_endorsement_key()?.handle;
        // The library puts the sizes before them itself.
        let id_object = IdObject::try_from(&credential.id_object()[2..]).map_err(refused)?;
        let secret = EncryptedSecret::try_from(&credential.encrypted_secret()[2..]).map_err(refused)?;
        let session = self.session(SessionType::Hmac, act)?;
        let sessions = (Some(session), Some(AuthSession::from(policy)), None);
        let opened = self.context.execute_with_sessions(sessions, |context| {
            context.activate_credential(object, key, id_object, secret)
        });
        self.flush(session);
        match opened {
            Ok(secret) => Ok(Secret::new(secret.value().to_vec())),
            Err(error) if self.cannot_open(error)? => Err(TpmError::NotHeld),
            Err(error) => Err(refused(error)),
        }
    }

    /// A session that fulfils the TCG's policy of endorsement keys: the endorsement hierarchy's authorisation is known.
    fn endorsement_policy(&mut self) -> Result<PolicySession, TpmError> {
        let act = Act::of(Hierarchy::Endorsement, ACTIVATE);
        let session = self.session(SessionType::Policy, act)?;
        let policy = PolicySession::try_from(session).map_err(|error| from_answer(error, act));
        let fulfilled = policy.and_then(|policy| {
            let empty = (Default::default(), Default::default(), Default::default());
            self.in_session(act, |context| {
                context.policy_secret(policy, AuthHandle::Endorsement, empty.0, empty.1, empty.2, None)
            })?;
            Ok(policy)
        });
        if fulfilled.is_err() {
            self.flush(session);
        }
        fulfilled
    }

    /// Whether the credential is at fault: its own check failed, or the key cannot decrypt it at all.
    fn cannot_open(&mut self, error: tss_esapi::Error) -> Result<bool, TpmError> {
        let tss_esapi::Error::Tss2Error(code) = error else { return Ok(false) };
        match code.kind() {
            Some(Kind::Integrity | Kind::Value | Kind::Size | Kind::EccPoint) => Ok(true),
            // swtpm's word for it; a TPM that has really failed refuses everything from then on.
            Some(Kind::Failure) => self.has(0).map(|_| true),
            _ => Ok(false),
        }
    }
}
