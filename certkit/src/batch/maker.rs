//! How a certificate of a batch is made, in three steps: all but the signature, the signature, and what makes it whole.

use time::OffsetDateTime;

use super::credential::BatchItem;
use super::error::BatchError;
use crate::issue::{Form, SignedForm, Template};
use crate::{IssueError, Issuer, PrivateKey, Profile, PublicKey, SoftwareSigner, Subject};

/// Makes certificates, each for a fresh key.
pub(super) trait Maker: Send + Sync + 'static {
    /// All but the signature.
    type Unsigned: Send;
    /// With the signature.
    type Signed: Send;

    /// Whether signing asks a token.
    fn asks_token(&self) -> bool;

    /// A fresh key, and what is to be signed.
    fn draft(&self, item: &BatchItem) -> Result<(PrivateKey, PublicKey, Self::Unsigned), BatchError>;

    /// Signs it, and does nothing else.
    fn sign(&self, unsigned: Self::Unsigned) -> Result<Self::Signed, IssueError>;

    /// The certificate, DER.
    fn complete(&self, signed: Self::Signed) -> Result<Vec<u8>, IssueError>;
}

impl Maker for Template {
    type Unsigned = Form;
    type Signed = SignedForm;

    fn asks_token(&self) -> bool {
        self.signs_in_token()
    }

    fn draft(&self, item: &BatchItem) -> Result<(PrivateKey, PublicKey, Form), BatchError> {
        let (private_key, public_key) =
            PrivateKey::generate(self.key()).map_err(|source| BatchError::key(item, source))?;
        let form = self.form(&item.registration_id, &public_key, &item.serial);
        Ok((private_key, public_key, form.map_err(|source| BatchError::issue(item, source))?))
    }

    fn sign(&self, form: Form) -> Result<SignedForm, IssueError> {
        Template::sign(self, form)
    }

    fn complete(&self, signed: SignedForm) -> Result<Vec<u8>, IssueError> {
        Template::complete(self, signed)
    }
}

/// Certificates that their own keys sign. The first step makes all of them: key and signature are of one library.
pub(super) struct SelfSigned {
    pub(super) profile: Profile,
    pub(super) now: OffsetDateTime,
}

impl Maker for SelfSigned {
    type Unsigned = Vec<u8>;
    type Signed = Vec<u8>;

    fn asks_token(&self) -> bool {
        false
    }

    fn draft(&self, item: &BatchItem) -> Result<(PrivateKey, PublicKey, Vec<u8>), BatchError> {
        let key = SoftwareSigner::generate(self.profile.own_key())
            .map_err(|source| BatchError::key(item, source))?;
        let subject = Subject::Device(item.registration_id.clone());
        let leaf = Issuer::self_signed(&self.profile, &subject, &key, &item.serial, self.now)
            .map_err(|source| BatchError::issue(item, source))?;
        Ok((key.private_key(), crate::Signer::public_key(&key).clone(), leaf.der().to_vec()))
    }

    fn sign(&self, leaf: Vec<u8>) -> Result<Vec<u8>, IssueError> {
        Ok(leaf)
    }

    fn complete(&self, leaf: Vec<u8>) -> Result<Vec<u8>, IssueError> {
        Ok(leaf)
    }
}
