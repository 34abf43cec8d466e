//! READ_REG and WRITE_REG: eFuses, the SPI controller with the flash behind it, and what a host has written.

use std::collections::HashMap;

use super::chip::EspChip;

/// Bit of the SPI controller's CMD register that begins a transfer.
const BEGIN: u32 = 1 << 18;
/// The crystals of all boards, in Hz.
const CRYSTAL: u32 = 40_000_000;
/// What the flash says to RDID: maker, type, size as a power of two (4 MB), lowest byte first.
const FLASH_ID: u32 = 0x0016_40ef;
/// What it says to RDSFDP at 0: "SFDP".
const SFDP: u32 = 0x5044_4653;

/// A chip's registers since its last reset.
#[derive(Debug)]
pub(super) struct Registers {
    chip: EspChip,
    burnt: HashMap<u32, u32>,
    written: HashMap<u32, u32>,
}

impl Registers {
    pub(super) fn new(chip: EspChip, burnt: HashMap<u32, u32>) -> Self {
        Self { chip, burnt, written: HashMap::new() }
    }

    /// What was written is gone.
    pub(super) fn reset(&mut self) {
        self.written.clear();
    }

    /// `bits_a_second` is what the UART runs at.
    pub(super) fn read(&self, address: u32, bits_a_second: u32) -> u32 {
        if address == self.chip.uart_divider_register() {
            return CRYSTAL / bits_a_second.max(1);
        }
        self.burnt.get(&address).or_else(|| self.written.get(&address)).copied().unwrap_or_default()
    }

    pub(super) fn write(&mut self, address: u32, value: u32, mask: u32) {
        let old = self.written.get(&address).copied().unwrap_or_default();
        self.written.insert(address, old & !mask | value & mask);
        if address == self.chip.spi().base && value & mask & BEGIN != 0 {
            self.transfer();
        }
    }

    /// The SPI controller has the flash carry out the command that was set, and is done at once.
    fn transfer(&mut self) {
        let spi = self.chip.spi();
        let command = self.written.get(&(spi.base + spi.usr2)).copied().unwrap_or_default() as u8;
        let said = match command {
            0x9f => FLASH_ID,
            0x5a => SFDP,
            _ => 0,
        };
        self.written.insert(spi.base + spi.data, said);
        self.written.insert(spi.base, 0);
    }
}
