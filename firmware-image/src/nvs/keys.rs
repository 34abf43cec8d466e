//! The keys of encrypted NVS, their partition, and the cipher.
//!
//! Source: ESP-IDF Programming Guide, *NVS Encryption*. Each entry that is written is one XTS-AES-256 unit of 32 bytes
//! whose tweak is its offset in the partition; headers, states and free entries stay plain. The keys lie in a partition of
//! type `data`, subtype `nvs_keys`: 32 bytes of encryption key, 32 of tweak key, a CRC-32 of both. The flash encryption
//! protects that partition; without it the keys lie there for whoever can read the flash.

use std::fmt;

use aes::Aes256;
use aes::cipher::{Array, KeyInit};
use thiserror::Error;
use xts_mode::Xts128;
use zeroize::Zeroizing;

use super::entry::LENGTH;
use super::page::PAGE;
use crate::crc::esp_crc32;
use crate::plan::{Holding, Shown};

const KEY: usize = 32;
const KEYS: usize = 2 * KEY;
const CRC: usize = 4;

/// Why a partition holds no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeysError {
    /// Too short.
    #[error("a partition of NVS keys has {PAGE} bytes, this one has {bytes}")]
    Short {
        /// How many there are.
        bytes: usize,
    },
    /// Erased.
    #[error(
        "the partition of NVS keys is blank: the firmware makes keys at its first start, or the station \
         writes them"
    )]
    Blank,
    /// Changed. The CRCs are not told: they would tell of the keys.
    #[error("the partition of NVS keys is corrupt: its CRC is not that of the keys")]
    Crc,
}

/// The two keys of an encrypted NVS partition. They are never printed, and wiped.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys(Zeroizing<[u8; KEYS]>);

impl Keys {
    /// Takes 64 random bytes: encryption key, then tweak key.
    #[must_use]
    pub fn new(keys: Zeroizing<[u8; 64]>) -> Self {
        Self(keys)
    }

    /// The partition that holds them: one page.
    #[must_use]
    pub fn to_partition(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(vec![0xff; PAGE]);
        bytes[..KEYS].copy_from_slice(&*self.0);
        bytes[KEYS..KEYS + CRC].copy_from_slice(&esp_crc32(&[&*self.0]).to_le_bytes());
        bytes
    }

    /// Reads a partition of keys.
    ///
    /// # Errors
    /// [`KeysError`]: blank, corrupt or too short.
    ///
    /// ```
    /// use firmware_image::nvs::Keys;
    ///
    /// let keys = Keys::new([7; 64].into());
    /// assert!(Keys::from_partition(&keys.to_partition())? == keys);
    /// # Ok::<(), firmware_image::nvs::KeysError>(())
    /// ```
    pub fn from_partition(bytes: &[u8]) -> Result<Self, KeysError> {
        if bytes.len() < PAGE {
            return Err(KeysError::Short { bytes: bytes.len() });
        }
        if bytes[..KEYS + CRC].iter().all(|byte| *byte == 0xff) {
            return Err(KeysError::Blank);
        }
        let mut keys = Zeroizing::new([0; KEYS]);
        keys.copy_from_slice(&bytes[..KEYS]);
        if bytes[KEYS..KEYS + CRC] != esp_crc32(&[&*keys]).to_le_bytes() {
            return Err(KeysError::Crc);
        }
        Ok(Self(keys))
    }

    /// What a plan says about their partition.
    #[must_use]
    pub fn holding() -> Holding {
        Holding { name: "NVS keys".to_owned(), bytes: KEYS, shown: Shown::Secret }
    }

    pub(super) fn cipher(&self) -> Cipher {
        let (encryption, tweak) = self.0.split_at(KEY);
        let aes = |key: &[u8]| Aes256::new(&Array(std::array::from_fn(|index| key[index])));
        Cipher(Xts128::new(aes(encryption), aes(tweak)))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// XTS-AES-256 over single entries.
pub(super) struct Cipher(Xts128<Aes256>);

impl Cipher {
    /// `offset`: where the entry lies in its partition.
    pub(super) fn encrypt(&self, entry: &mut [u8; LENGTH], offset: usize) {
        self.0.encrypt_sector(entry, tweak(offset));
    }

    /// `offset`: where the entry lies in its partition.
    pub(super) fn decrypt(&self, entry: &mut [u8; LENGTH], offset: usize) {
        self.0.decrypt_sector(entry, tweak(offset));
    }
}

fn tweak(offset: usize) -> Array<u8, aes::cipher::consts::U16> {
    Array((offset as u128).to_le_bytes())
}
