//! The `esp_secure_cert` partition: certificates and keys where Espressif's `esp_secure_cert_mgr` looks for them.
//!
//! Source: `esp_secure_cert_mgr`, *esp_secure_cert TLV* (`esp_secure_cert_tlv_config.h`); what is written is what
//! `esp-secure-cert-tool` writes as `cust_flash_tlv`, byte for byte. Entries lie one behind the other (little-endian):
//!
//! | bytes | what |
//! |---|---|
//! | 4 | magic 0xba5eba11; anything else ends the entries |
//! | 1 | flags: how a private key is protected |
//! | 3 | 0 |
//! | 1 | type |
//! | 1 | subtype: which one of that type |
//! | 2 | length of the data |
//! | length | the data |
//! | 0 to 15 | 0, so that data and padding are a multiple of 16 |
//! | 4 | CRC-32 of all of the entry before |

mod entry;
mod tlv;

pub use entry::{Entry, EntryType, KeyProtection};
pub use tlv::{SecureCertError, read, with_integrity, write};
