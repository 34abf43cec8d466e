//! Firmware images and partitions: bytes to bytes. Knows nothing of certificates, devices or files.

mod base;
mod crc;
mod digest;
pub mod format;
mod image;
pub mod nvs;
mod partition;
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
pub use plan::{Content, Holding, Plan, PlannedRange, Shown};
pub use region::{Region, RegionError};
pub use slot::Slot;
