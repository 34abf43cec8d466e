//! Where the unlock secret comes from: a descriptor, a systemd credential, or a prompt. Never an argument or
//! the environment (which names at most the credential's *folder*).

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use thiserror::Error;
use zeroize::Zeroizing;

use super::{Secret, descriptor};

/// The systemd credential's name: `LoadCredentialEncrypted=station-unlock:…` in the unit file.
const CREDENTIAL: &str = "station-unlock";

/// An unlock secret longer than this is a mistake (a wrong file, an endless pipe).
const LONGEST: u64 = 4096;

/// Why there is no unlock secret.
#[derive(Debug, Error)]
pub enum UnlockError {
    /// The descriptor or credential cannot be read.
    #[error("cannot read the unlock secret from {from}: check that it is open and can be read")]
    Read {
        /// What was to be read.
        from: String,
        /// What the system said.
        source: io::Error,
    },
    /// Nothing was in it.
    #[error("the unlock secret from {0} is empty: give the one of this station")]
    Empty(String),
    /// More than any secret has.
    #[error("the unlock secret from {0} is longer than {LONGEST} bytes: is it the right file?")]
    TooLong(String),
    /// The two entries at the prompt differ.
    #[error("the two entries differ: nothing was made")]
    Mismatch,
    /// Neither descriptor nor credential, and nobody to ask.
    #[error(
        "the vault is locked and there is no terminal to ask: pass --unlock-fd N, or the systemd credential `{CREDENTIAL}`"
    )]
    NobodyToAsk,
}

/// Which way the secret comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnlockFrom {
    /// An open file descriptor of this process.
    Descriptor(u32),
    /// A descriptor that was named, and was not open.
    Closed(u32),
    /// A file that systemd laid ready.
    Credential(PathBuf),
    /// A person at the terminal.
    Prompt,
}

impl UnlockFrom {
    /// The descriptor where one was named; else the credential where systemd gives one; else the prompt.
    pub fn choose(descriptor: Option<u32>) -> Self {
        if let Some(number) = descriptor {
            return Self::Descriptor(number);
        }
        match std::env::var_os("CREDENTIALS_DIRECTORY").map(|folder| PathBuf::from(folder).join(CREDENTIAL)) {
            Some(path) if path.exists() => Self::Credential(path),
            _ => Self::Prompt,
        }
    }

    /// Whether a descriptor is open, or a credential's file there.
    pub fn is_there(&self) -> bool {
        match self {
            Self::Descriptor(number) => descriptor::is_open(*number),
            Self::Credential(path) => path.exists(),
            Self::Closed(_) | Self::Prompt => false,
        }
    }

    /// Obtains the secret; `twice` asks a person to type it twice (when it is being set).
    ///
    /// # Errors
    /// [`UnlockError`].
    pub fn obtain(&self, twice: bool) -> Result<Secret, UnlockError> {
        match self {
            Self::Descriptor(number) => read(descriptor::open(*number), format!("descriptor {number}")),
            Self::Closed(number) => Err(UnlockError::Read {
                from: format!("descriptor {number}"),
                source: io::ErrorKind::NotFound.into(),
            }),
            Self::Credential(path) => read(File::open(path), format!("credential {}", path.display())),
            Self::Prompt => prompt(twice),
        }
    }
}

fn read(opened: io::Result<File>, from: String) -> Result<Secret, UnlockError> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST as usize + 1));
    opened
        .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
        .map_err(|source| UnlockError::Read { from: from.clone(), source })?;
    if bytes.len() as u64 > LONGEST {
        return Err(UnlockError::TooLong(from));
    }
    // An editor or `echo` ends the line; the secret is what stands before.
    let end = bytes.iter().rposition(|byte| !matches!(byte, b'\n' | b'\r')).map_or(0, |last| last + 1);
    if end == 0 {
        return Err(UnlockError::Empty(from));
    }
    Ok(Secret::new(bytes[..end].to_vec()))
}

fn prompt(twice: bool) -> Result<Secret, UnlockError> {
    if !io::stdin().is_terminal() {
        return Err(UnlockError::NobodyToAsk);
    }
    let ask = |text: &str| {
        rpassword::prompt_password(text)
            .map(Zeroizing::new)
            .map_err(|source| UnlockError::Read { from: "the terminal".to_owned(), source })
    };
    let first = ask("Unlock secret: ")?;
    if first.is_empty() {
        return Err(UnlockError::Empty("the terminal".to_owned()));
    }
    if twice && *ask("Once more: ")? != *first {
        return Err(UnlockError::Mismatch);
    }
    Ok(first.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_end_is_no_part_of_the_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        crate::place::new_file(&path, b"open sesame\r\n", crate::place::Readers::Owner).unwrap();
        assert_eq!(read(File::open(path), "f".into()).unwrap().text(), Some("open sesame"));
    }

    #[test]
    fn nothing_and_too_much_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for (bytes, part) in [(vec![b'\n'], "empty"), (vec![b'x'; 5000], "longer")] {
            let path = folder.path().join(part);
            crate::place::new_file(&path, &bytes, crate::place::Readers::Owner).unwrap();
            let error = read(File::open(path), "f".into()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
