//! Who the unit is. An answer has no checksum, so what is to be known of a unit is asked for twice.

use espflash::command::Command;
use espflash::flasher::SpiSetParams;
use espflash::target::Chip as KnownChip;

use super::chip::Chip;
use super::lock_state::LockState;
use super::trouble::Trouble;
use super::{EspLink, Identity, within};

/// GET_SECURITY_INFO: flags, count, seven key purposes, chip ID, version.
const SECURITY_INFO: usize = 20;
/// A word in the ROM, of its own with each of the older chips (esptool's `CHIP_DETECT_MAGIC_REG_ADDR`).
const MAGIC: u32 = 0x4000_1000;

impl EspLink {
    /// Asks the loader about its unit, and has it attach the flash.
    pub(super) fn ask(&mut self) -> Result<Identity, Trouble> {
        let first = self.ask_once()?;
        if first != self.ask_once()? {
            return Err(Trouble::Garbled);
        }
        if let Some(flash) = first.flash {
            let spi_params = SpiSetParams::default(flash);
            self.wire.order(Command::SpiSetParams { spi_params }, within(0, 0))?;
        }
        Ok(first)
    }

    fn ask_once(&mut self) -> Result<Identity, Trouble> {
        let (known, locks) = self.chip_and_locks()?;
        let Some(chip) = Chip::of(known).filter(|chip| *chip == self.chip) else {
            return Err(self.wrong_chip(known));
        };
        let told = match locks.secure_download {
            true => Ok((None, None)),
            false => self.library()?.flash_and_mac(known).map(|(flash, mac)| (Some(flash), Some(mac))),
        };
        self.wire.forget()?;
        let (flash, mac) = told?;
        Ok(Identity { chip, mac, flash, locks })
    }

    fn chip_and_locks(&mut self) -> Result<(KnownChip, LockState), Trouble> {
        match self.wire.ask(Command::GetSecurityInfo, SECURITY_INFO, within(0, 0)) {
            Ok(info) => {
                let word =
                    |at: usize| u32::from_le_bytes([info[at], info[at + 1], info[at + 2], info[at + 3]]);
                let id = u16::try_from(word(12)).map_err(|_| Trouble::Garbled)?;
                let chip = KnownChip::try_from(id).map_err(Trouble::Library)?;
                Ok((chip, LockState::of_security_info(word(0), info[4])))
            }
            Err(refused @ Trouble::Refused { .. }) => {
                let magic = self.wire.register(MAGIC, within(0, 0))?;
                match KnownChip::from_magic(magic).map_err(Trouble::Library)? {
                    KnownChip::Esp32 => {
                        let locks = self.library()?.locks_of_esp32();
                        self.wire.forget()?;
                        Ok((KnownChip::Esp32, locks?))
                    }
                    // It has the command.
                    _ => Err(refused),
                }
            }
            Err(trouble) => Err(trouble),
        }
    }

    /// Told twice, it is true.
    fn wrong_chip(&mut self, found: KnownChip) -> Trouble {
        match self.chip_and_locks() {
            Ok((again, _)) if again == found => {
                Trouble::WrongChip { found: found.to_string(), wanted: self.chip }
            }
            Ok(_) => Trouble::Garbled,
            Err(trouble) => trouble,
        }
    }

    /// By its MAC alone, which ROM and stub tell alike, it must be the unit that was connected to. One in secure
    /// download mode tells none.
    pub(super) fn recognise_mac(&mut self) -> Result<(), Trouble> {
        let Some(known) = self.identity.as_ref().and_then(|identity| identity.mac.clone()) else {
            return Ok(());
        };
        let found = self.read_mac()?;
        if found == known {
            return Ok(());
        }
        let again = self.read_mac()?;
        Err(if again == found { self.other_unit(found, known) } else { Trouble::Garbled })
    }

    fn read_mac(&mut self) -> Result<String, Trouble> {
        let at = self.chip.mac_register();
        let low = self.wire.register(at, within(0, 0))?.to_be_bytes();
        let high = self.wire.register(at + 4, within(0, 0))?.to_be_bytes();
        let bytes: Vec<String> = high[2..].iter().chain(&low).map(|byte| format!("{byte:02x}")).collect();
        Ok(bytes.join(":"))
    }

    fn other_unit(&self, found: String, known: String) -> Trouble {
        match self.sent {
            true => Trouble::MixedUp { found, known },
            false => Trouble::OtherUnit { found, known },
        }
    }

    /// It must be the unit that was connected to.
    pub(super) fn recognise(&mut self, identity: Identity) -> Result<(), Trouble> {
        let shown = |identity: &Identity| identity.mac.clone().unwrap_or_else(|| "without a MAC".to_owned());
        match &self.identity {
            Some(known) if *known != identity => Err(self.other_unit(shown(&identity), shown(known))),
            Some(_) => Ok(()),
            None => {
                let Identity { chip, locks, .. } = &identity;
                self.wire.transcript.note(format_args!("{chip}, MAC {}, {locks}", shown(&identity)));
                self.identity = Some(identity);
                Ok(())
            }
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::ledger::entry::Disposition;
    use crate::link::StopSignal;

    #[test]
    fn another_unit_is_not_taken_for_the_one_that_was_connected_to() {
        let (port, _peer) = serialport::TTYPort::pair().unwrap();
        let mut esp = EspLink::on(port, None, Chip::Esp32c3, 115_200, StopSignal::default());
        let unit = |mac: &str| {
            let (mac, locks) = (Some(mac.to_owned()), LockState::default());
            Identity { chip: Chip::Esp32c3, mac, flash: Some(4 << 20), locks }
        };
        esp.recognise(unit("24:0a:c4:00:00:01")).unwrap();
        esp.recognise(unit("24:0a:c4:00:00:01")).unwrap();
        let cases = [
            (
                false,
                Disposition::Retry,
                "unit 24:0a:c4:00:00:02 is in the place of unit 24:0a:c4:00:00:01: put that one back in (during writing)",
            ),
            (
                true,
                Disposition::Hold,
                "two units were mixed up: unit 24:0a:c4:00:00:01 was identified and written, and unit 24:0a:c4:00:00:02 \
                 answers; keep both (during writing)",
            ),
        ];
        for (sent, disposition, says) in cases {
            esp.sent = sent;
            let trouble = esp.recognise(unit("24:0a:c4:00:00:02")).unwrap_err();
            assert!(!trouble.may_pass());
            let error = trouble.given_up("writing", 1);
            assert_eq!((error.disposition(), error.to_string().as_str()), (disposition, says));
        }
    }
}
