//! Key and chain in one file under a password (PKCS#12, RFC 7292), as .NET and Windows take them.
//!
//! PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC, MAC by HMAC-SHA256: read by .NET, Windows from 1809 on, openssl 1.1 and
//! later.

use p12_keystore::{EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12ImportPolicy};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::{
    Certificate, CertificateError, Chain, ChainError, PrivateKey, Signer, SignerError, SoftwareSigner,
};

/// What .NET 9 takes at most is 300,000 each, and a million together (`Pkcs12LoaderLimits.Defaults`).
const ITERATIONS: u32 = 100_000;

/// Why a PKCS#12 file could not be written or read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Pkcs12Error {
    /// No password.
    #[error("a PKCS#12 file without a password protects nothing: give one")]
    NoPassword,
    /// The library could not write it.
    #[error("the PKCS#12 file could not be written: report this")]
    Write(#[source] p12_keystore::error::Error),
    /// No PKCS#12, another password, or old ciphers.
    #[error(
        "the PKCS#12 file cannot be opened: it is none, the password is another, or it was written with old ciphers; write it \
         anew with `openssl pkcs12 -export`"
    )]
    Read(#[source] p12_keystore::error::Error),
    /// Not one key with its certificates.
    #[error("the PKCS#12 file holds no private key with its certificate: export both together")]
    NoKey,
    /// The key is of a kind that is not used here.
    #[error("the private key in the PKCS#12 file cannot be used")]
    Key(#[source] SignerError),
    /// A certificate is damaged.
    #[error("a certificate in the PKCS#12 file cannot be used")]
    Certificate(#[source] CertificateError),
    /// The certificates are no chain.
    #[error("the certificates in the PKCS#12 file are no chain")]
    Chain(#[source] ChainError),
    /// The key is another's.
    #[error(
        "the private key in the PKCS#12 file does not belong to the certificate of {subject:?}: export it again"
    )]
    KeyNotOwn {
        /// The leaf's subject.
        subject: String,
    },
}

/// Writes a private key and its chain, DER, leaf first. `name` is shown by programs that list what is inside. Salts and
/// initialisation vectors are the library's own.
///
/// # Errors
/// [`Pkcs12Error::NoPassword`]; [`Pkcs12Error::Write`].
pub fn to_pkcs12<'a>(
    key: &PrivateKey,
    chain: impl IntoIterator<Item = &'a [u8]>,
    name: &str,
    password: &str,
) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    if password.is_empty() {
        return Err(Pkcs12Error::NoPassword);
    }
    let certificates =
        chain.into_iter().map(p12_keystore::Certificate::from_der).collect::<Result<Vec<_>, _>>();
    let written = certificates.and_then(|certificates| {
        let own = p12_keystore::PrivateKey::from_der(key.pkcs8())?;
        // Joins the key to its certificate.
        let local_key_id = vec![1];
        let chain = p12_keystore::PrivateKeyChain::new(local_key_id, own, certificates);
        let mut store = KeyStore::new();
        store.add_entry(name, KeyStoreEntry::PrivateKeyChain(chain));
        store
            .writer(password)
            .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
            .encryption_iterations(ITERATIONS)
            .mac_algorithm(MacAlgorithm::HmacSha256)
            .mac_iterations(ITERATIONS)
            .write()
    });
    written.map(Zeroizing::new).map_err(Pkcs12Error::Write)
}

/// Reads a private key and its chain, and checks that they belong together.
///
/// # Errors
/// [`Pkcs12Error`].
pub fn from_pkcs12(der: &[u8], password: &str) -> Result<(PrivateKey, Chain), Pkcs12Error> {
    let store =
        KeyStore::from_pkcs12(der, password, Pkcs12ImportPolicy::Strict).map_err(Pkcs12Error::Read)?;
    let (_, found) = store.private_key_chain().ok_or(Pkcs12Error::NoKey)?;
    let signer = SoftwareSigner::from_pkcs8_der(found.key().as_der()).map_err(Pkcs12Error::Key)?;
    let certificates = found.certs().iter().map(|certificate| Certificate::from_der(certificate.as_der()));
    let certificates = certificates.collect::<Result<_, _>>().map_err(Pkcs12Error::Certificate)?;
    let chain = Chain::new(certificates).map_err(Pkcs12Error::Chain)?;
    if chain.leaf().public_key() != signer.public_key() {
        return Err(Pkcs12Error::KeyNotOwn { subject: chain.leaf().subject_name() });
    }
    Ok((signer.private_key(), chain))
}
