//! The owner lock: one process at a time writes a ledger. The system frees it when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;

use super::LedgerError;

/// Held for as long as this process may write.
#[derive(Debug)]
pub(super) struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    pub(super) fn take(ledger: &Path, purpose: &str) -> Result<Self, LedgerError> {
        let path = ledger.with_extension("lock");
        let failed = |source| LedgerError::Lock { path: path.clone(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {
                // The text only tells whoever finds the lock taken; the lock itself is the system's.
                file.set_len(0).map_err(failed)?;
                write!(file, "`station {purpose}`, process {}", std::process::id()).map_err(failed)?;
                Ok(Self { _file: file })
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(failed)?;
                Err(LedgerError::Held { path: ledger.to_owned(), holder })
            }
            Err(TryLockError::Error(source)) => Err(failed(source)),
        }
    }
}
