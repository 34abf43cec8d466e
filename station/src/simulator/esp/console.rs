//! What is on a board's line: its loader, and after that the boot log of its application.

use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use super::boot_log::{self, Reset, of_application, of_loader};
use super::chip::EspChip;
use super::flash::Flash;
use super::loader::{Loader, Obeyed, Then};
use super::locks::Locks;
use super::mac::Mac;
use super::slip::{FrameReader, framed};
use crate::simulator::console::{Console, Happening};
use crate::simulator::event::Reason;
use crate::simulator::frame_fault::{FrameFault, FrameFaultKind};
use crate::simulator::noise::Noise;

/// A stalled answer comes so late.
const STALL: Duration = Duration::from_secs(4);

/// A board as its console sees it.
#[derive(Debug)]
pub(in crate::simulator) struct EspBoard {
    pub(in crate::simulator) chip: EspChip,
    pub(in crate::simulator) mac: Mac,
    pub(in crate::simulator) locks: Locks,
    pub(in crate::simulator) flash: Flash,
    /// How long its application takes to boot.
    pub(in crate::simulator) boot: Duration,
    /// Still to come.
    pub(in crate::simulator) fault: Option<FrameFault>,
    pub(in crate::simulator) noise: Noise,
}

/// The console of a board that has power.
#[derive(Debug)]
pub(in crate::simulator) struct EspConsole {
    chip: EspChip,
    loader: Loader,
    stage: Stage,
    boot: Duration,
    frames: FrameReader,
    /// Frames from the host since the board was put in.
    counted: u64,
    fault: Option<FrameFault>,
    noise: Noise,
    printed: VecDeque<Printed>,
    /// By a fault: nothing is printed until then.
    stalled_until: Option<Instant>,
    /// What the board's UART runs at. The ROM takes it from the first SYNC.
    speed: Option<u32>,
    host_speed: u32,
    happenings: Vec<Happening>,
    session: Session,
}

/// What has happened since the host opened the port.
#[derive(Debug, Default)]
struct Session {
    struck: bool,
    vanished: bool,
    last_refused: bool,
    touched: bool,
}

#[derive(Debug, Clone, Copy)]
enum Stage {
    Loader,
    Booting { until: Instant },
    Application,
}

/// Bytes that go out at one speed.
#[derive(Debug)]
struct Printed {
    bytes: VecDeque<u8>,
    speed: u32,
}

impl EspConsole {
    /// Gives the board power. The fixture holds its boot pin: it comes up in the ROM's loader.
    pub(in crate::simulator) fn power_on(board: EspBoard) -> Self {
        let EspBoard { chip, mac, locks, flash, boot, fault, noise } = board;
        let mut console = Self {
            chip,
            loader: Loader::new(chip, mac, locks, flash),
            stage: Stage::Loader,
            boot,
            frames: FrameReader::default(),
            counted: 0,
            fault,
            noise,
            printed: VecDeque::new(),
            stalled_until: None,
            speed: None,
            host_speed: boot_log::SPEED,
            happenings: Vec::new(),
            session: Session::default(),
        };
        console.restart(Reset::PowerOn);
        console
    }

    /// It comes up in the ROM's loader.
    fn restart(&mut self, reset: Reset) {
        self.loader.reset();
        self.frames = FrameReader::default();
        self.stage = Stage::Loader;
        self.speed = None;
        self.print(of_loader(self.chip, reset).as_bytes());
    }

    fn speed(&self) -> u32 {
        self.speed.unwrap_or(boot_log::SPEED)
    }

    fn print(&mut self, bytes: &[u8]) {
        let speed = self.speed();
        match self.printed.back_mut() {
            Some(last) if last.speed == speed => last.bytes.extend(bytes),
            _ => self.printed.push_back(Printed { bytes: bytes.iter().copied().collect(), speed }),
        }
    }

    fn struck(&mut self) {
        self.session.struck = true;
        self.happenings.push(Happening::FaultStruck);
    }

    fn heard(&mut self, mut frame: Vec<u8>, now: Instant) -> io::Result<()> {
        self.counted += 1;
        let counted = self.counted;
        let fault = self.fault.take_if(|fault| counted >= fault.at).map(|fault| fault.kind);
        match fault {
            Some(FrameFaultKind::WrongMd5) => self.loader.lie(),
            Some(_) => self.struck(),
            None => {}
        }
        match fault {
            Some(FrameFaultKind::PulledOut) => {
                self.session.vanished = true;
                return Ok(());
            }
            Some(FrameFaultKind::DroppedCommand) => return Ok(()),
            Some(FrameFaultKind::BrownOut) => {
                self.loader.obey_by_half(&frame)?;
                self.printed.clear();
                self.restart(Reset::BrownOut);
                return Ok(());
            }
            Some(FrameFaultKind::GarbledCommand) => self.noise.garble(&mut frame),
            Some(FrameFaultKind::LostWrites) => self.loader.stop_saving(),
            _ => {}
        }
        let mut obeyed = self.loader.obey(&frame, self.speed())?;
        match (fault, &mut obeyed.answers[..]) {
            (Some(FrameFaultKind::GarbledAnswer), [first, ..]) => self.noise.garble(first),
            (Some(FrameFaultKind::DroppedAnswer), _) => obeyed.answers.clear(),
            (Some(FrameFaultKind::StalledAnswer), _) => self.stalled_until = Some(now + STALL),
            _ => {}
        }
        self.answer(obeyed, now);
        Ok(())
    }

    fn answer(&mut self, obeyed: Obeyed, now: Instant) {
        let Obeyed { answers, refused, lied, then } = obeyed;
        if lied {
            self.struck();
        }
        if refused {
            self.happenings.push(Happening::CommandRefused);
        }
        self.session.last_refused = refused;
        self.session.touched |= self.loader.take_touched();
        if self.loader.is_synced() {
            self.speed.get_or_insert(self.host_speed);
        }
        for frame in answers {
            self.print(&framed(&frame));
        }
        match then {
            Then::Nothing => {}
            Then::ChangeSpeed(speed) => self.speed = Some(speed),
            Then::Restart => self.restart(Reset::Software),
            Then::RunApplication => {
                self.loader.reset();
                self.speed = None;
                self.stage = Stage::Booting { until: now + self.boot };
                self.happenings.push(Happening::Rebooted);
            }
        }
    }
}

impl Console for EspConsole {
    fn take_printed(&mut self, most: usize) -> Vec<u8> {
        let mut taken = Vec::new();
        if self.stalled_until.is_some() {
            return taken;
        }
        while let Some(Printed { bytes, speed }) = self.printed.front_mut() {
            let speed = *speed;
            let count = bytes.len().min(most - taken.len());
            let readable = same_speed(speed, self.host_speed);
            taken.extend(bytes.drain(..count).map(|byte| match readable {
                true => byte,
                // What a UART sees of bits that are too long or too short.
                false => byte.reverse_bits() | 0x81,
            }));
            if !bytes.is_empty() {
                break;
            }
            self.printed.pop_front();
        }
        taken
    }

    fn discard_printed(&mut self) {
        self.printed.clear();
    }

    fn take_happenings(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings)
    }

    /// If something was written and the board was not told to boot it, the host is not through with it.
    fn is_done_with(&self) -> Option<Reason> {
        let Session { struck, last_refused, touched, .. } = self.session;
        match self.stage {
            Stage::Booting { .. } | Stage::Application => Some(Reason::Rebooted),
            Stage::Loader if struck => Some(Reason::AfterFault),
            Stage::Loader if last_refused => Some(Reason::CommandRefused),
            Stage::Loader => (!touched).then_some(Reason::NotWritten),
        }
    }

    fn has_vanished(&self) -> bool {
        self.session.vanished
    }

    fn host_runs_at(&mut self, bits_a_second: u32) {
        self.host_speed = bits_a_second;
    }

    /// The fixture resets it.
    fn host_left(&mut self) {
        self.session = Session::default();
        self.stalled_until = None;
        self.restart(Reset::PowerOn);
        self.printed.clear();
    }

    fn deadline(&self) -> Option<Instant> {
        let booted = match self.stage {
            Stage::Booting { until } => Some(until),
            Stage::Loader | Stage::Application => None,
        };
        booted.into_iter().chain(self.stalled_until).min()
    }

    fn terminal(&self) -> Option<(BorrowedFd<'_>, bool, bool)> {
        None
    }

    fn type_in(&mut self, bytes: &[u8], now: Instant) -> io::Result<()> {
        if self.speed.is_some_and(|speed| !same_speed(speed, self.host_speed)) {
            self.frames = FrameReader::default();
            return Ok(());
        }
        for byte in bytes {
            if !matches!(self.stage, Stage::Loader) || self.session.vanished {
                return Ok(());
            }
            if let Some(frame) = self.frames.take(*byte) {
                self.heard(frame, now)?;
            }
        }
        Ok(())
    }

    fn advance(&mut self, now: Instant) -> io::Result<()> {
        if self.stalled_until.is_some_and(|until| now >= until) {
            self.stalled_until = None;
        }
        if let Stage::Booting { until } = self.stage
            && now >= until
        {
            self.stage = Stage::Application;
            let log = of_application(self.chip, self.loader.has_application()?);
            self.print(log.as_bytes());
        }
        Ok(())
    }
}

/// Whether two UARTs understand each other: 3 % is what ten bits bear. 0: the host has set no speed.
fn same_speed(board: u32, host: u32) -> bool {
    host == 0 || u64::from(board.abs_diff(host)) * 100 <= u64::from(host) * 3
}

#[cfg(test)]
mod tests;
