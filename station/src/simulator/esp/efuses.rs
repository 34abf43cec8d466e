//! What a chip's eFuses and other fixed registers say of it.

use std::collections::HashMap;

use super::chip::EspChip;
use super::locks::Locks;
use super::mac::Mac;

/// In the ROM of the older chips, a word of its own at each model.
const CHIP_DETECT: u32 = 0x4000_1000;

/// The registers that are not 0, with what they hold.
pub(super) fn burnt(chip: EspChip, mac: Mac, locks: Locks) -> HashMap<u32, u32> {
    let (low, high) = mac.words();
    let mut registers = HashMap::from([(CHIP_DETECT, chip.magic())]);
    match chip {
        EspChip::Esp32 => registers.extend(esp32(low, high, locks)),
        EspChip::Esp32c3 => registers.extend(later(0x6000_8800, low, high, &C3_REVISION, locks)),
        EspChip::Esp32s3 => registers.extend(later(0x6000_7000, low, high, &S3_REVISION, locks)),
        EspChip::Esp32c6 => registers.extend(later(0x600b_0800, low, high, &C6_REVISION, locks)),
    }
    registers
}

/// Words of block 1, by their number.
type Revision = [(u32, u32); 2];

/// v0.4, package 0, with no flash in the package.
const C3_REVISION: Revision = [(3, 4 << 18), (5, 0)];
/// v0.2, package 0.
const S3_REVISION: Revision = [(3, 2 << 18), (5, 0)];
/// v0.1, package 1, with 4 MB of flash in the package.
const C6_REVISION: Revision = [(3, 1 << 18 | 1 << 24), (4, 1)];

/// Of the chips whose block 0 lies 0x30 and whose block 1 lies 0x44 behind the base.
fn later(base: u32, low: u32, high: u32, revision: &Revision, locks: Locks) -> Vec<(u32, u32)> {
    let crypt_count = u32::from(locks.flash_crypt_count()) << 18;
    let secure_boot = u32::from(locks.secure_boot) << 20;
    let block_1 = |word: u32| base + 0x44 + 4 * word;
    let mut words = vec![
        (base + 0x34, crypt_count),
        (base + 0x38, secure_boot),
        (block_1(0), low),
        // Of the C6, the two bytes above the address extend it to 64 bits.
        (block_1(1), high | 0xfffe << 16),
    ];
    words.extend(revision.map(|(word, value)| (block_1(word), value)));
    words
}

/// v3.1, a D0WD with a crystal of 40 MHz.
fn esp32(low: u32, high: u32, locks: Locks) -> Vec<(u32, u32)> {
    let block_0 = |word: u32| 0x3ff5_a000 + 4 * word;
    let crypt_count = u32::from(locks.flash_crypt_count()) << 20;
    // ABS_DONE_1: secure boot of the second version.
    let secure_boot = u32::from(locks.secure_boot) << 5;
    vec![
        (block_0(0), crypt_count),
        (block_0(1), low),
        (block_0(2), high),
        (block_0(3), 1 << 15 | 1 << 9),
        // CK8M: with the calibration below it makes 40 MHz.
        (block_0(4), 128),
        (block_0(5), 1 << 20 | 1 << 24),
        (block_0(6), secure_boot),
        // The third bit of the revision: SYSCON's date.
        (0x3ff6_607c, 1 << 31),
        // The crystal, measured in periods of the internal clock.
        (0x3ff5_f06c, 800 << 7),
    ]
}
