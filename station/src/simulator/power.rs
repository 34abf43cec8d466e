//! Gives units power: a console of their board's kind.

use std::io;
use std::time::{Duration, Instant};

use super::console::Console;
use super::esp::{EspBoard, EspChip, EspConsole, Flash, Locks};
use super::fault::ImageFault;
use super::frame_fault::FrameFault;
use super::gateway::{ConsolePassword, Enclosure, EnclosureError, Gateway, GatewayConsole};
use super::mxchip::{Eeprom, EepromFault, MxchipConsole};
use super::noise::Noise;
use super::plan::{Device, Plan};
use super::unit::Unit;

/// What units of a board need, besides themselves, to run.
#[derive(Debug)]
pub(super) struct Power {
    boot: Duration,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Gateway { shell: Vec<String>, password: ConsolePassword, enclosure: Enclosure },
    Mxchip,
    Esp(EspChip),
}

impl Power {
    /// Sees to it that units can run here.
    pub(super) fn prepare(plan: &Plan) -> Result<Self, EnclosureError> {
        let kind = match &plan.device {
            Device::Gateway { shell, console_password } => Kind::Gateway {
                shell: shell.split_whitespace().map(str::to_owned).collect(),
                password: console_password.clone(),
                enclosure: Enclosure::prepare()?,
            },
            Device::Mxchip => Kind::Mxchip,
            Device::Esp(chip) => Kind::Esp(*chip),
        };
        Ok(Self { boot: plan.boot, kind })
    }

    /// The program that a unit lacks and needs as its shell, if it lacks it.
    pub(super) fn missing_shell(&self, unit: &Unit) -> Option<String> {
        let Kind::Gateway { shell, .. } = &self.kind else {
            return None;
        };
        let program = shell.first().map_or("sh", String::as_str);
        unit.root().join("bin").join(program).symlink_metadata().is_err().then(|| program.to_owned())
    }

    /// The unit boots. `fault` is what befalls a frame, where the board knows frames.
    pub(super) fn on<'a>(
        &'a self,
        unit: &Unit,
        fault: Option<FrameFault>,
        noise: Noise,
        now: Instant,
    ) -> io::Result<Box<dyn Console + 'a>> {
        match &self.kind {
            Kind::Gateway { shell, password, enclosure } => {
                let password = match unit.has(ImageFault::WrongPassword) {
                    true => password.altered(),
                    false => password.clone(),
                };
                let gateway = Gateway {
                    root: unit.root(),
                    host_name: unit.host_name(),
                    password,
                    shell,
                    boot: self.boot,
                    enclosure,
                };
                Ok(Box::new(GatewayConsole::power_on(gateway, now)?))
            }
            Kind::Mxchip => {
                let fault = if unit.has(ImageFault::EepromWriteFails) {
                    Some(EepromFault::WriteFails)
                } else {
                    unit.has(ImageFault::EepromVerifyFails).then_some(EepromFault::Garbles)
                };
                let eeprom = Eeprom::in_folder(unit.eeprom(), fault);
                Ok(Box::new(MxchipConsole::power_on(eeprom, self.boot, now)))
            }
            Kind::Esp(chip) => Ok(Box::new(EspConsole::power_on(EspBoard {
                chip: unit.other_chip().unwrap_or(*chip),
                mac: unit.mac(),
                locks: Locks {
                    secure_boot: unit.has(ImageFault::SecureBoot),
                    flash_encryption: unit.has(ImageFault::FlashEncryption),
                    secure_download: unit.has(ImageFault::SecureDownload),
                },
                flash: Flash::open(&unit.flash())?,
                boot: self.boot,
                fault,
                noise,
            }))),
        }
    }
}
