//! What the library `espflash` does itself on the port: find out the chip, load the stub, move the reset lines.
//!
//! It reads what a register holds once, and an answer has no checksum. What is to be known of a unit is therefore read
//! twice.

use std::panic::{AssertUnwindSafe, catch_unwind};

use espflash::connection::{Connection, Port, ResetAfterOperation, ResetBeforeOperation};
use espflash::flasher::Flasher;
use espflash::target::efuse::esp32;
use espflash::{Error, target};
use serialport::UsbPortInfo;

use super::frame::Program;
use super::lock_state::LockState;
use super::trouble::Trouble;

/// What a loader tells of its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) chip: target::Chip,
    /// `aa:bb:cc:dd:ee:ff`. A unit in secure download mode tells none.
    pub(super) mac: Option<String>,
    /// Bytes of its flash. A unit in secure download mode tells none.
    pub(super) flash: Option<u32>,
    pub(super) locks: LockState,
}

/// The library on a port on which a loader answers.
#[derive(Debug)]
pub(super) struct Library {
    pub(super) port: Port,
    pub(super) usb: UsbPortInfo,
    pub(super) baud: u32,
}

impl Library {
    fn connection(self) -> Connection {
        let (before, after) = (ResetBeforeOperation::NoReset, ResetAfterOperation::NoResetNoStub);
        Connection::new(self.port, self.usb, after, before, self.baud)
    }

    /// Resets the unit into its loader, by DTR and RTS.
    pub(super) fn reset_into_loader(self, slowly: bool) -> Result<(), Trouble> {
        guarded(|| self.connection().reset_to_flash(slowly))
    }

    /// Resets the unit into its application, by RTS.
    pub(super) fn reset_into_application(self) -> Result<(), Trouble> {
        guarded(|| self.connection().reset())
    }

    /// Asks the loader about its unit.
    pub(super) fn ask(self, program: Program) -> Result<Told, Trouble> {
        let (first, second) = guarded(|| {
            let mut flasher = Flasher::connect(self.connection(), false, false, false, None, None)?;
            Ok((told(&mut flasher, program)?, told(&mut flasher, program)?))
        })?;
        if first == second { Ok(first) } else { Err(Trouble::Garbled) }
    }

    /// Has the ROM's loader run the stub.
    pub(super) fn load_stub(self) -> Result<(), Trouble> {
        guarded(|| Flasher::connect(self.connection(), true, false, false, None, None).map(drop))
    }
}

fn told(flasher: &mut Flasher, program: Program) -> Result<Told, Error> {
    let chip = flasher.chip();
    let secure_download = flasher.secure_download_mode();
    let flash = match secure_download {
        true => None,
        false => flasher.flash_detect()?.map(|size| size.size()),
    };
    let connection = flasher.connection();
    let locks = match chip {
        target::Chip::Esp32 => locks_of_esp32(connection)?,
        _ => {
            let info = connection.security_info(program == Program::Stub)?;
            LockState::of_security_info(info.flags, info.flash_crypt_cnt)
        }
    };
    let mac = match secure_download {
        true => None,
        false => Some(chip.mac_address(connection)?),
    };
    Ok(Told { chip, mac, flash, locks })
}

/// The ESP32 has no GET_SECURITY_INFO. Where its download mode is locked it does not answer at all.
fn locks_of_esp32(connection: &mut Connection) -> Result<LockState, Error> {
    let mut read = |field| target::Chip::Esp32.read_efuse_le::<u32>(connection, field);
    let secure_boot = read(esp32::ABS_DONE_0)? != 0 || read(esp32::ABS_DONE_1)? != 0;
    let flash_encryption = read(esp32::FLASH_CRYPT_CNT)?.count_ones() % 2 == 1;
    Ok(LockState { secure_boot, flash_encryption, secure_download: false })
}

/// The library panics where the length within an answer is garbled (4.7: `Connection::command`).
fn guarded<T>(act: impl FnOnce() -> Result<T, Error>) -> Result<T, Trouble> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(result) => result.map_err(Trouble::Library),
        Err(_) => Err(Trouble::Garbled),
    }
}
