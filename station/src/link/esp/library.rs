//! What the library `espflash` does itself on the port: look up eFuses, tell the flash's size, load the stub, move the
//! reset lines.

use std::panic::{AssertUnwindSafe, catch_unwind};

use espflash::connection::{Connection, Port, ResetAfterOperation, ResetBeforeOperation};
use espflash::flasher::Flasher;
use espflash::target::Chip;
use espflash::target::efuse::esp32;
use espflash::{Error, flasher::FlashSize};
use serialport::UsbPortInfo;

use super::lock_state::LockState;
use super::trouble::Trouble;

/// The library on a port on which a loader answers.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) port: Port,
    pub(super) usb: UsbPortInfo,
    pub(super) baud: u32,
}

impl Library {
    fn connection(self, before: ResetBeforeOperation) -> Connection {
        Connection::new(self.port, self.usb, ResetAfterOperation::NoResetNoStub, before, self.baud)
    }

    /// Resets the unit into its loader, by DTR and RTS.
    pub(super) fn reset_into_loader(self, slowly: bool) -> Result<(), Trouble> {
        guarded(|| self.connection(ResetBeforeOperation::NoReset).reset_to_flash(slowly))
    }

    /// Resets the unit into its application, by RTS.
    pub(super) fn reset_into_application(self) -> Result<(), Trouble> {
        guarded(|| self.connection(ResetBeforeOperation::NoReset).reset())
    }

    /// Has the ROM's loader attach its flash. Gives its size and the unit's MAC address.
    pub(super) fn flash_and_mac(self, chip: Chip) -> Result<(u32, String), Trouble> {
        guarded(|| {
            let mut flasher = self.flasher(chip)?;
            let flash = flasher.flash_detect()?.ok_or(Error::FlashConnect)?;
            Ok((FlashSize::size(flash), chip.mac_address(flasher.connection())?))
        })
    }

    /// The ESP32 has no GET_SECURITY_INFO. Where its download mode is locked it does not answer at all.
    pub(super) fn locks_of_esp32(self) -> Result<LockState, Trouble> {
        guarded(|| {
            let mut connection = self.connection(ResetBeforeOperation::NoReset);
            let mut read = |field| Chip::Esp32.read_efuse_le::<u32>(&mut connection, field);
            let secure_boot = read(esp32::ABS_DONE_0)? != 0 || read(esp32::ABS_DONE_1)? != 0;
            let flash_encryption = read(esp32::FLASH_CRYPT_CNT)?.count_ones() % 2 == 1;
            Ok(LockState { secure_boot, flash_encryption, secure_download: false })
        })
    }

    /// Has the ROM's loader run the stub.
    pub(super) fn load_stub(self) -> Result<(), Trouble> {
        let connection = self.connection(ResetBeforeOperation::NoReset);
        guarded(|| Flasher::connect(connection, true, false, false, None, None).map(drop))
    }

    fn flasher(self, chip: Chip) -> Result<Flasher, Error> {
        let connection = self.connection(ResetBeforeOperation::NoResetNoSync);
        let mut flasher = Flasher::connect(connection, false, false, false, Some(chip), None)?;
        // It attaches the flash too.
        flasher.disable_watchdog()?;
        Ok(flasher)
    }
}

/// The library panics where the length within an answer is garbled (4.7: `Connection::command`).
fn guarded<T>(act: impl FnOnce() -> Result<T, Error>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(result) => result.map_err(Trouble::Library),
        Err(_) => Err(Trouble::Garbled),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::io::{Read, Write};

    use espflash::command::CommandType;
    use serialport::{SerialPort, TTYPort};

    use super::*;

    #[test]
    fn an_answer_that_makes_the_library_panic_is_a_garbled_one() {
        let (mut loader, mut port) = TTYPort::pair().unwrap();
        loader.set_timeout(std::time::Duration::from_secs(5)).unwrap();
        port.set_timeout(std::time::Duration::from_secs(5)).unwrap();
        let answers = std::thread::spawn(move || {
            let mut request = [0; 10]; // GET_SECURITY_INFO has no operands
            loader.read_exact(&mut request).unwrap();
            assert_eq!(request[2], CommandType::GetSecurityInfo as u8);
            let mut answer = [0; 32];
            // 255 bytes are told, 24 come.
            answer[..4].copy_from_slice(&[1, CommandType::GetSecurityInfo as u8, 255, 0]);
            loader.write_all(&super::super::frame::framed(&answer)).unwrap();
            loader
        });
        let library = Library { port, usb: super::super::NO_USB, baud: 115_200 };
        assert!(matches!(library.flash_and_mac(Chip::Esp32c3), Err(Trouble::Garbled)));
        drop(answers.join().unwrap());
    }
}
