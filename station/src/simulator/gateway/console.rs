//! A gateway's console: it boots, asks who is there, and runs a shell until that ends.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::enclosure::Enclosure;
use super::login::{Admission, ConsolePassword, Login};
use super::root_file_system::REBOOT_REQUEST;
use super::session::Session;
use crate::simulator::console::{Console, Happening};
use crate::simulator::event::Reason;
use crate::simulator::pty::Arrival;

/// What has been typed and not been read yet; more is lost, as in a serial port whose reader is slow.
const MOST_TYPED: usize = 4096;
/// What has been printed and not gone out yet; more makes the shell wait.
const MOST_PRINTED: usize = 4096;
/// While a shell runs, it is looked this often whether the unit is to reboot.
const REBOOT_CHECK: Duration = Duration::from_millis(100);

/// A gateway as its console sees it.
#[derive(Debug)]
pub(in crate::simulator) struct Gateway<'a> {
    /// Its file system.
    pub(in crate::simulator) root: PathBuf,
    pub(in crate::simulator) host_name: String,
    pub(in crate::simulator) password: ConsolePassword,
    /// Its shell, with arguments.
    pub(in crate::simulator) shell: &'a [String],
    /// How long it takes to boot.
    pub(in crate::simulator) boot: Duration,
    pub(in crate::simulator) enclosure: &'a Enclosure,
}

/// The console of a gateway that has power.
#[derive(Debug)]
pub(in crate::simulator) struct GatewayConsole<'a> {
    gateway: Gateway<'a>,
    stage: Stage,
    printed: VecDeque<u8>,
    happenings: Vec<Happening>,
    last: Option<Happening>,
}

#[derive(Debug)]
enum Stage {
    Booting { until: Instant },
    Login(Login),
    Session { session: Session, typed: VecDeque<u8>, next_check: Instant },
}

impl<'a> GatewayConsole<'a> {
    /// Gives the gateway power: it boots.
    pub(in crate::simulator) fn power_on(gateway: Gateway<'a>, now: Instant) -> io::Result<Self> {
        let mut console = Self {
            gateway,
            stage: Stage::Booting { until: now },
            printed: VecDeque::new(),
            happenings: Vec::new(),
            last: None,
        };
        console.boot(now)?;
        Ok(console)
    }

    /// Carries between host and shell. A shell that has ended leaves the prompt for the next login.
    fn relay(&mut self) -> io::Result<()> {
        let Stage::Session { session, typed, .. } = &mut self.stage else {
            return Ok(());
        };
        while !typed.is_empty() {
            match session.write(typed.make_contiguous())? {
                0 => break,
                count => drop(typed.drain(..count)),
            }
        }
        let mut buffer = [0; 1024];
        while self.printed.len() < MOST_PRINTED {
            match session.read(&mut buffer)? {
                Arrival::Bytes(count) => self.printed.extend(&buffer[..count]),
                Arrival::Nothing => break,
                Arrival::HungUp => {
                    self.happened(Happening::LoggedOut);
                    self.ask_for_login();
                    break;
                }
            }
        }
        Ok(())
    }

    /// Ends what runs, and begins from the start.
    fn boot(&mut self, now: Instant) -> io::Result<()> {
        self.stage = Stage::Booting { until: now + self.gateway.boot };
        match std::fs::remove_file(self.gateway.root.join(REBOOT_REQUEST)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for line in [
            "",
            "[    0.000000] Booting Linux on a simulated gateway",
            "[    0.214365] console [ttyS0] enabled",
            "[    0.871203] VFS: Mounted root (ext4 filesystem)",
            "[    1.130846] systemd[1]: Reached target Multi-User System.",
        ] {
            self.printed.extend(format!("{line}\r\n").as_bytes());
        }
        Ok(())
    }

    fn ask_for_login(&mut self) {
        let mut login = Login::new(&self.gateway.host_name, self.gateway.password.clone());
        self.printed.extend(login.take_output());
        self.stage = Stage::Login(login);
    }

    fn start_session(&mut self, now: Instant) -> io::Result<()> {
        let Gateway { root, host_name, shell, enclosure, .. } = &self.gateway;
        let session = Session::start(enclosure.command(root, host_name, shell))?;
        self.stage = Stage::Session { session, typed: VecDeque::new(), next_check: now + REBOOT_CHECK };
        self.happened(Happening::LoggedIn);
        Ok(())
    }

    fn happened(&mut self, happening: Happening) {
        self.happenings.push(happening);
        self.last = Some(happening);
    }
}

impl Console for GatewayConsole<'_> {
    fn take_printed(&mut self, most: usize) -> Vec<u8> {
        self.printed.drain(..most.min(self.printed.len())).collect()
    }

    fn discard_printed(&mut self) {
        self.printed.clear();
    }

    fn take_happenings(&mut self) -> Vec<Happening> {
        std::mem::take(&mut self.happenings)
    }

    /// Whether the last thing that happened was a logout or a refused login.
    fn is_done_with(&self) -> Option<Reason> {
        match self.last {
            Some(Happening::LoggedOut) => Some(Reason::LoggedOut),
            Some(Happening::LoginRefused) => Some(Reason::LoginRefused),
            _ => None,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Booting { until } => Some(*until),
            Stage::Login(login) => login.deadline(),
            Stage::Session { next_check, .. } => Some(*next_check),
        }
    }

    /// The shell's.
    fn terminal(&self) -> Option<(BorrowedFd<'_>, bool, bool)> {
        match &self.stage {
            Stage::Session { session, typed, .. } => {
                Some((session.as_fd(), self.printed.len() < MOST_PRINTED, !typed.is_empty()))
            }
            _ => None,
        }
    }

    /// A unit that boots does not listen.
    fn type_in(&mut self, bytes: &[u8], now: Instant) -> io::Result<()> {
        for byte in bytes {
            match &mut self.stage {
                Stage::Booting { .. } => {}
                Stage::Session { typed, .. } if typed.len() < MOST_TYPED => typed.push_back(*byte),
                Stage::Session { .. } => {}
                Stage::Login(login) => {
                    let admission = login.typed(*byte, now);
                    self.printed.extend(login.take_output());
                    match admission {
                        Some(Admission::Admitted) => self.start_session(now)?,
                        Some(Admission::Refused) => self.happened(Happening::LoginRefused),
                        None => {}
                    }
                }
            }
        }
        Ok(())
    }

    fn advance(&mut self, now: Instant) -> io::Result<()> {
        match &mut self.stage {
            Stage::Booting { until } if now >= *until => self.ask_for_login(),
            Stage::Booting { .. } => {}
            Stage::Login(login) => {
                login.tick(now);
                self.printed.extend(login.take_output());
            }
            Stage::Session { next_check, .. } if now >= *next_check => {
                *next_check = now + REBOOT_CHECK;
                if self.gateway.root.join(REBOOT_REQUEST).symlink_metadata().is_ok() {
                    self.happened(Happening::Rebooted);
                    self.boot(now)?;
                } else {
                    self.relay()?;
                }
            }
            Stage::Session { .. } => self.relay()?,
        }
        Ok(())
    }
}
