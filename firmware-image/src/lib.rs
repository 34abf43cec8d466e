//! Firmware images and partitions: bytes to bytes. Knows nothing of certificates, devices or files.
//!
//! A [`Base`] is released firmware, pinned by its SHA-256. A [`Slot`] is a place for a unit's own data in it: a partition of
//! an ESP-IDF [`PartitionTable`], or one that a [`marked_slot::Marker`] marks. A [`Filling`] is a slot and what goes into
//! it: entries of [`nvs`], of [`secure_cert`], or records of a [`marked_slot`]. [`personalise()`] joins them, and says in a
//! [`Plan`] what lies where. [`mod@format`] writes the result as Intel HEX or raw binary.
//!
//! ```
//! use firmware_image::nvs::{Item, Value};
//! use firmware_image::{Base, Digest, FileFormat, Filling, FlashLayout, Region, personalise};
//! # let csv = "nvs, data, nvs, 0x9000, 0x6000\nfactory, app, factory, , 1M";
//! # let table = firmware_image::PartitionTable::from_csv(csv, FlashLayout::default())?;
//! # let released = [vec![0xff; 0x8000], table.to_binary(), vec![0xff; 0x7400], b"application".to_vec()].concat();
//! # let digest = Digest::of(&released);
//!
//! let flash = Region::new(0, 0x40_0000)?;
//! let base = Base::pinned(&released, FileFormat::Raw { address: 0 }, &digest, flash)?;
//! let slot = base.partition_table(FlashLayout::default())?.slot("nvs")?;
//! let items = [
//!     Item::public("azure".parse()?, "device_id".parse()?, Value::text("unit-001")),
//!     Item::secret("azure".parse()?, "device_key".parse()?, Value::blob(&[7; 32])),
//! ];
//! let unit = personalise(&base, &[Filling::nvs(slot, &items, None)?])?;
//! assert!(unit.plan.to_string().contains("azure/device_id: unit-001"));
//! assert!(unit.plan.to_string().contains("azure/device_key: secret, 32 bytes"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod base;
mod crc;
mod digest;
pub mod format;
mod image;
pub mod marked_slot;
pub mod nvs;
mod partition;
mod personalise;
mod plan;
mod region;
pub mod secure_cert;
mod slot;

pub use base::{Base, BaseError, FileFormat};
pub use digest::{Digest, DigestError};
pub use image::{Image, ImageError};
pub use partition::{
    BinaryError, CsvError, FlashLayout, Kind, KindError, Partition, PartitionName, PartitionNameError,
    PartitionTable, PartitionTableError, RowError, TABLE_LENGTH,
};
pub use personalise::{Filling, PersonaliseError, Personalised, personalise};
pub use plan::{Content, Holding, Plan, PlannedRange, Shown};
pub use region::{Region, RegionError};
pub use slot::Slot;
