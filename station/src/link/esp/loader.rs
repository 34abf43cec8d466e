//! Finding the loader, keeping to it, leaving it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use espflash::command::Command;

use super::frame::Program;
use super::library::Library;
use super::trouble::Trouble;
use super::{EspLink, FIRST_BAUD, within};
use crate::link::LinkError;

/// So often the same is tried without anything having been done in between.
const TRIES: u32 = 4;
/// From fast to slow.
const SPEEDS: [u32; 7] = [3_000_000, 2_000_000, 1_500_000, 921_600, 460_800, 230_400, 115_200];
/// So long a loader is looked for. A late answer holds up all that follow it.
const LOOKING: Duration = Duration::from_secs(5);
/// So long a restart may take from the stub's "yes" to the ROM's loader.
const RESTARTING: Duration = Duration::from_secs(5);
/// Signs of life that are asked for at a speed.
const SYNCS: u32 = 5;
/// The line needs so long to settle at a new speed.
const SETTLING: Duration = Duration::from_millis(50);

impl EspLink {
    /// Does a piece of work, again and again, slower each time, until it is done, or nothing helps.
    pub(super) fn persist<T>(
        &mut self,
        during: &str,
        mut work: impl FnMut(&mut Self) -> Result<T, Trouble>,
    ) -> Result<T, LinkError> {
        self.setbacks = 0;
        loop {
            let known = self.identity.is_some();
            let found = if self.lost && known { self.reach() } else { Ok(()) };
            let trouble = match found.and_then(|()| work(self)) {
                Ok(done) => return Ok(done),
                Err(trouble) => trouble,
            };
            self.wire.transcript.note(format_args!("{during}: {}", trouble.short()));
            self.setbacks += 1;
            self.lost = true;
            if !trouble.may_pass() || self.setbacks >= TRIES {
                return Err(trouble.given_up(during, self.setbacks));
            }
            self.slow_down();
        }
    }

    fn slow_down(&mut self) {
        let slower = SPEEDS.into_iter().find(|speed| *speed < self.speed);
        self.speed = slower.unwrap_or(self.speed).max(self.first_baud());
    }

    fn first_baud(&self) -> u32 {
        self.speed.min(FIRST_BAUD)
    }

    /// Makes sure that a loader answers, and that it is that of the unit that was connected to.
    pub(super) fn reach(&mut self) -> Result<(), Trouble> {
        let program = self.find()?;
        let is_as_before = self.program == Program::Stub && program == Program::Stub;
        self.program = program;
        if is_as_before && self.identity.is_some() {
            self.recognise_mac()?;
        } else {
            let told = self.ask()?;
            self.recognise(told)?;
        }
        self.lost = false;
        Ok(())
    }

    /// Waits for the ROM's loader after a restart was ordered. While the stub still answers there was none.
    pub(super) fn reach_rom(&mut self) -> Result<(), Trouble> {
        let begun = Instant::now();
        loop {
            self.reach()?;
            match self.program {
                Program::Rom => return Ok(()),
                Program::Stub if begun.elapsed() > RESTARTING => {
                    return Err(Trouble::NoRestart(begun.elapsed()));
                }
                Program::Stub => sleep(SETTLING),
            }
        }
    }

    fn find(&mut self) -> Result<Program, Trouble> {
        let begun = Instant::now();
        for round in 0.. {
            let mut speeds = vec![self.wire.baud(), self.first_baud(), self.ordered_speed];
            speeds.sort_by_key(|speed| *speed != self.wire.baud());
            speeds.dedup();
            for speed in speeds {
                self.wire.set_baud(speed)?;
                if let Some(program) = self.wire.sync(SYNCS)? {
                    return Ok(program);
                }
            }
            if begun.elapsed() > LOOKING {
                break;
            }
            self.reset_into_loader(round % 2 == 1);
        }
        Err(Trouble::NoLoader(begun.elapsed()))
    }

    /// The library, on this port.
    pub(super) fn library(&self) -> Result<Library, Trouble> {
        let usb = self.lines.clone().unwrap_or(super::NO_USB);
        Ok(Library { port: self.wire.port_for_library()?, usb, baud: self.wire.baud() })
    }

    /// By the lines, where there are any. That nothing comes of it shows when no loader answers.
    pub(super) fn reset_into_loader(&mut self, slowly: bool) {
        if self.lines.is_none() {
            return;
        }
        let first = self.first_baud();
        let result = self
            .wire
            .set_baud(first)
            .and_then(|()| self.library()?.reset_into_loader(slowly))
            .and_then(|()| self.wire.forget());
        let note = match &result {
            Ok(()) => "reset by DTR and RTS".to_owned(),
            Err(trouble) => format!("no reset by DTR and RTS: {}", trouble.short()),
        };
        self.wire.transcript.note(note);
    }

    /// Brings the stub to run, where the unit runs one, and the line to its speed.
    pub(super) fn be_fast(&mut self) -> Result<(), Trouble> {
        let locks = self.identity.as_ref().map(|identity| identity.locks).unwrap_or_default();
        if self.program == Program::Rom && !self.without_stub {
            let loaded = self.library()?.load_stub();
            self.wire.forget()?;
            // A chip with secure boot may refuse to run it. Its ROM can write too.
            self.without_stub = loaded.is_err() && locks.secure_boot;
            loaded?;
            self.program = Program::Stub;
            self.wire.transcript.note("the stub runs");
        }
        self.change_speed()
    }

    fn change_speed(&mut self) -> Result<(), Trouble> {
        let (new_baud, now) = (self.speed, self.wire.baud());
        if new_baud == now {
            return Ok(());
        }
        let prior_baud = if self.program == Program::Stub { now } else { 0 };
        self.ordered_speed = new_baud;
        let command = Command::ChangeBaudrate { new_baud, prior_baud };
        self.wire.order(command, within(0, 0))?;
        self.wire.set_baud(new_baud)?;
        sleep(SETTLING);
        self.wire.forget()?;
        match self.wire.sync(SYNCS)? {
            Some(_) => Ok(()),
            None => Err(Trouble::Silent(SETTLING)),
        }
    }

    /// By the lines, where a stub gave way to the ROM: that shows that they restarted it. Lines may lead nowhere, and a
    /// ROM that answered before answers all the same; then by the command.
    pub(super) fn order_restart(&mut self) -> Result<(), Trouble> {
        let stub_ran = self.program == Program::Stub;
        self.reset_into_loader(false);
        let first = self.first_baud();
        if self.lines.is_some() {
            if stub_ran && self.wire.sync(SYNCS)? == Some(Program::Rom) {
                return Ok(());
            }
            // A ROM that was reset has let go of its flash: asked who it is, it attaches it.
            self.reach()?;
        }
        self.end_download(true)?;
        self.wire.set_baud(first)
    }

    pub(super) fn boot_application(&mut self) -> Result<(), Trouble> {
        if self.lines.is_some() {
            return self.library()?.reset_into_application();
        }
        // The stub runs no application; the ROM does.
        if self.program == Program::Stub {
            self.order_restart()?;
            self.reach_rom()?;
        }
        match self.end_download(false) {
            // It may be gone already.
            Err(Trouble::Silent(_)) if self.wire.sync(SYNCS)?.is_none() => Ok(()),
            other => other,
        }
    }

    /// FLASH_END is heard only after a BEGIN.
    fn end_download(&mut self, reboot: bool) -> Result<(), Trouble> {
        let chip = self.chip;
        let begin = Command::FlashBegin {
            size: 0,
            blocks: 0,
            block_size: 0x400,
            offset: 0,
            supports_encryption: chip.can_encrypt(),
        };
        self.wire.order(begin, within(0, 0))?;
        self.wire.order(Command::FlashEnd { reboot }, within(0, 0))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use espflash::command::CommandType;

    use super::super::scripted::Scripted;
    use super::*;
    use crate::link::DeviceLink;

    #[test]
    fn a_rom_that_answered_before_is_no_evidence_of_a_restart() {
        let (loader, mut esp) = Scripted::start(Program::Rom, 1);
        esp.connect().unwrap();
        esp.order_restart().unwrap();
        assert_eq!(loader.count(CommandType::FlashEnd), 1, "{}", esp.transcript());
        // Where a stub ran, it is.
        esp.program = Program::Stub;
        esp.order_restart().unwrap();
        assert_eq!(loader.count(CommandType::FlashEnd), 1, "{}", esp.transcript());
    }

    #[test]
    fn a_stub_in_the_place_of_a_stub_is_asked_whose_it_is() {
        let (_first, mut esp) = Scripted::start(Program::Rom, 1);
        let identity = esp.connect().unwrap();
        for (ends_in, is_same) in [(1, true), (2, false)] {
            let (_loader, mut esp) = Scripted::start(Program::Stub, ends_in);
            (esp.program, esp.identity) = (Program::Stub, Some(identity.clone()));
            let reached = esp.reach();
            assert_eq!(reached.is_ok(), is_same, "{reached:?}");
            assert!(is_same || matches!(reached, Err(Trouble::OtherUnit { .. })), "{reached:?}");
            assert_eq!(esp.hardware_id().is_ok(), is_same);
        }
    }
}
