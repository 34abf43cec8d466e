//! Who a sealed delivery is for: an age recipient (age-encryption.org/v1, X25519).

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use age::x25519;
use thiserror::Error;

/// The public half of somebody's age key: `age1…`.
#[derive(Debug, Clone)]
pub struct Recipient(x25519::Recipient);

/// What is no recipient. What was given is not shown: it may be the private half.
#[derive(Debug, Error)]
pub enum RecipientError {
    /// An identity, the private half.
    #[error("this is an age identity, a private key: give its recipient, which `age-keygen -y FILE` prints")]
    Identity,
    /// Something else.
    #[error("this is no age recipient: give the line that begins with age1, as `age-keygen` prints it")]
    Other,
}

impl FromStr for Recipient {
    type Err = RecipientError;

    fn from_str(text: &str) -> Result<Self, RecipientError> {
        if text.to_ascii_uppercase().starts_with("AGE-SECRET-KEY-") {
            return Err(RecipientError::Identity);
        }
        text.parse().map(Self).map_err(|_| RecipientError::Other)
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Seals a text for every one of these recipients.
///
/// # Errors
/// Where nobody is named, or the system gives no randomness.
pub fn seal_for(recipients: &[Recipient], plain: &[u8]) -> io::Result<Vec<u8>> {
    let mut sealed = Vec::with_capacity(plain.len() + 1024);
    let mut writer = sealing(recipients, &mut sealed)?;
    writer.write_all(plain)?;
    writer.finish()?;
    Ok(sealed)
}

/// Seals for every one of these recipients what is written into it, however much, and passes it on to `to`. It must be
/// finished, or its end is missing and nobody can open it whole.
///
/// # Errors
/// Where nobody is named, or `to` takes no more.
pub fn sealing<W: Write>(recipients: &[Recipient], to: W) -> io::Result<age::stream::StreamWriter<W>> {
    let keys = recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient);
    age::Encryptor::with_recipients(keys).map_err(io::Error::other)?.wrap_output(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_recipient_is_refused_and_not_shown() {
        let identity = x25519::Identity::generate();
        let recipient: Recipient = identity.to_public().to_string().parse().unwrap();
        assert_eq!(recipient.to_string(), identity.to_public().to_string());
        let private = age::secrecy::ExposeSecret::expose_secret(&identity.to_string()).to_owned();
        for text in [private.clone(), private.to_lowercase()] {
            let error = text.parse::<Recipient>().unwrap_err();
            assert!(matches!(error, RecipientError::Identity), "{error}");
            assert!(!error.to_string().contains(&text));
        }
        for text in ["", "age1", "ssh-ed25519 AAAA", &recipient.to_string()[..60]] {
            assert!(matches!(text.parse::<Recipient>(), Err(RecipientError::Other)), "{text}");
        }
    }

    #[test]
    fn each_recipient_opens_it_alone() {
        let both = [x25519::Identity::generate(), x25519::Identity::generate()];
        let recipients: Vec<Recipient> = both.iter().map(|one| Recipient(one.to_public())).collect();
        let sealed = seal_for(&recipients, b"keys").unwrap();
        for identity in &both {
            assert_eq!(age::decrypt(identity, &sealed).unwrap(), b"keys");
        }
        assert!(age::decrypt(&x25519::Identity::generate(), &sealed).is_err());
        assert!(seal_for(&[], b"keys").is_err());
    }
}
