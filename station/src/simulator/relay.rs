//! Between a fixture's port and the console of the unit in it: speed, faults of the line, and who hangs up when.
//! The console may be that of any board.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::console::{Console, Happening};
use super::event::Reason;
use super::fault::{LineFault, LineFaultKind};
use super::noise::Noise;
use super::pacing::Pacer;
use super::port::Port;
use super::pty::Arrival;
use super::stop::{Stop, wait_for};

/// Bytes that travel together, at most.
const PORTION: usize = 1024;
/// A port that nobody has open is looked at this often.
const UNATTENDED: Duration = Duration::from_millis(20);

/// What the relay tells while it works.
#[derive(Debug, Clone, Copy)]
pub(super) enum Occurrence {
    /// On the console.
    Console(Happening),
    /// A fault of the line strikes.
    Fault(LineFault),
}

/// One unit in one fixture, for as long as it stays.
pub(super) struct Relay<'a> {
    port: &'a mut Port,
    console: Box<dyn Console + 'a>,
    /// Still to come.
    fault: Option<LineFault>,
    /// Struck, and there until the unit leaves: babble or silence.
    mute: Option<LineFaultKind>,
    noise: Noise,
    /// Whether the host has the port open.
    attended: bool,
    /// Bytes from the host since the unit was put in.
    received: u64,
    /// Whether the host has sent anything since it opened the port.
    spoken_to: bool,
    to_host: VecDeque<u8>,
    incoming: Pacer,
    /// On the line, and not yet with the unit.
    arriving: Vec<u8>,
    outgoing: Pacer,
    /// On the line, and not yet with the host.
    leaving: Vec<u8>,
    report: &'a dyn Fn(Occurrence),
}

impl<'a> Relay<'a> {
    pub(super) fn new(
        port: &'a mut Port,
        console: Box<dyn Console + 'a>,
        fault: Option<LineFault>,
        noise: Noise,
        pacing: bool,
        report: &'a dyn Fn(Occurrence),
    ) -> Self {
        let now = Instant::now();
        Self {
            port,
            console,
            fault,
            mute: None,
            noise,
            attended: false,
            received: 0,
            spoken_to: false,
            to_host: VecDeque::new(),
            incoming: Pacer::new(pacing, now),
            arriving: Vec::new(),
            outgoing: Pacer::new(pacing, now),
            leaving: Vec::new(),
            report,
        }
    }

    /// Relays until the unit leaves.
    pub(super) fn run(mut self, stop: &Stop) -> io::Result<Reason> {
        if self.fault.is_some_and(|fault| fault.after == 0 && fault.kind != LineFaultKind::Unplug) {
            self.strike();
        }
        loop {
            let now = Instant::now();
            self.console.advance(now)?;
            self.tell();
            if !self.attended {
                self.console.discard_printed();
                if stop.wait(UNATTENDED)? {
                    return Ok(Reason::Stopped);
                }
                self.attended = self.port.master().is_attended()?;
                continue;
            }
            if let Some(departure) = self.receive(now)? {
                return Ok(departure);
            }
            if !self.attended {
                continue;
            }
            self.send(now)?;
            if self.wait(stop)? {
                return Ok(Reason::Stopped);
            }
        }
    }

    fn tell(&mut self) {
        for happening in self.console.take_happenings() {
            (self.report)(Occurrence::Console(happening));
        }
    }

    /// Sends the host what is due.
    fn send(&mut self, now: Instant) -> io::Result<()> {
        let speed = self.port.master().bits_a_second();
        if self.mute.is_some() {
            self.console.discard_printed();
        } else {
            self.console.host_runs_at(speed);
            let room = (2 * PORTION).saturating_sub(self.to_host.len());
            self.to_host.extend(self.console.take_printed(room));
        }
        if !self.outgoing.is_free(now) {
            return Ok(());
        }
        self.hand_to_host()?;
        if !self.leaving.is_empty() {
            return Ok(());
        }
        if self.to_host.is_empty() {
            self.outgoing.rest();
            return Ok(());
        }
        let portion = self.to_host.len().min(self.outgoing.portion(speed, PORTION));
        self.leaving.extend(self.to_host.drain(..portion));
        self.outgoing.carried(portion, speed, now);
        // An unpaced line has carried it already.
        if self.outgoing.is_free(now) { self.hand_to_host() } else { Ok(()) }
    }

    /// What has passed the line arrives at the host, as far as that has room.
    fn hand_to_host(&mut self) -> io::Result<()> {
        if !self.leaving.is_empty() {
            let sent = self.port.master().write(&self.leaving)?;
            self.leaving.drain(..sent);
        }
        Ok(())
    }

    /// Takes what the host has sent.
    fn receive(&mut self, now: Instant) -> io::Result<Option<Reason>> {
        if !self.incoming.is_free(now) {
            return Ok(None);
        }
        if let Some(departure) = self.hand_to_unit(now)? {
            return Ok(Some(departure));
        }
        let mut buffer = [0; PORTION];
        let speed = self.port.master().bits_a_second();
        let portion = self.incoming.portion(speed, PORTION);
        match self.port.master().read(&mut buffer[..portion])? {
            Arrival::Nothing => {
                self.incoming.rest();
                Ok(None)
            }
            Arrival::HungUp => self.host_closed(),
            Arrival::Bytes(count) => {
                self.arriving.extend(&buffer[..count]);
                self.console.host_runs_at(speed);
                self.incoming.carried(count, speed, now);
                // An unpaced line has carried it already.
                if self.incoming.is_free(now) { self.hand_to_unit(now) } else { Ok(None) }
            }
        }
    }

    /// What has passed the line arrives at the unit.
    fn hand_to_unit(&mut self, now: Instant) -> io::Result<Option<Reason>> {
        let arrived = std::mem::take(&mut self.arriving);
        if arrived.is_empty() { Ok(None) } else { self.host_said(&arrived, now) }
    }

    fn host_said(&mut self, bytes: &[u8], now: Instant) -> io::Result<Option<Reason>> {
        self.spoken_to = true;
        let before = self.received;
        self.received += bytes.len() as u64;
        let due = self.fault.is_some_and(|fault| self.received >= fault.after);
        let heard = match self.fault {
            Some(fault) if due => {
                usize::try_from(fault.after - before).unwrap_or(bytes.len()).min(bytes.len())
            }
            _ => bytes.len(),
        };
        if self.mute.is_none() {
            self.console.type_in(&bytes[..heard], now)?;
            self.console.advance(now)?;
            self.tell();
        }
        if self.console.has_vanished() {
            return Ok(Some(Reason::Unplugged));
        }
        if due && self.strike() == Some(LineFaultKind::Unplug) {
            return Ok(Some(Reason::Unplugged));
        }
        if self.mute == Some(LineFaultKind::Babble) && self.to_host.len() < PORTION {
            self.to_host.extend(self.noise.burst());
        }
        Ok(None)
    }

    /// The fault that was to come is there.
    fn strike(&mut self) -> Option<LineFaultKind> {
        let fault = self.fault.take()?;
        (self.report)(Occurrence::Fault(fault));
        if fault.kind != LineFaultKind::Unplug {
            self.mute = Some(fault.kind);
            self.to_host.clear();
            self.leaving.clear();
        }
        Some(fault.kind)
    }

    /// The exchange rule: see the module.
    fn host_closed(&mut self) -> io::Result<Option<Reason>> {
        let spoken_to = std::mem::take(&mut self.spoken_to);
        self.attended = false;
        self.to_host.clear();
        self.leaving.clear();
        let departure = match self.mute {
            _ if !spoken_to => None,
            Some(_) => Some(Reason::Mute),
            None => self.console.is_done_with(),
        };
        if departure.is_none() {
            if spoken_to {
                self.console.host_left();
            }
            self.port.make_ready_for_next_host()?;
        }
        Ok(departure)
    }

    /// Waits until there is something to do. Says whether the simulator is to end.
    fn wait(&mut self, stop: &Stop) -> io::Result<bool> {
        let now = Instant::now();
        let mut deadlines = vec![self.console.deadline()];
        let mut from_port = PollFlags::empty();
        match self.incoming.is_free(now) && self.arriving.is_empty() {
            true => from_port |= PollFlags::IN,
            false => deadlines.push(Some(self.incoming.free_at())),
        }
        match self.outgoing.is_free(now) {
            true if !self.to_host.is_empty() || !self.leaving.is_empty() => from_port |= PollFlags::OUT,
            true => {}
            false => deadlines.push(Some(self.outgoing.free_at())),
        }
        let mut descriptors = vec![PollFd::new(stop, PollFlags::IN)];
        // A hang-up wakes even who waits for nothing: the port is left out where that changes nothing.
        let on_its_way = !self.arriving.is_empty();
        if !from_port.is_empty() || on_its_way {
            descriptors.push(PollFd::new(self.port.master(), from_port));
        }
        if let Some((terminal, reads, writes)) = self.console.terminal() {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, reads);
            flags.set(PollFlags::OUT, writes);
            if !flags.is_empty() {
                descriptors.push(PollFd::from_borrowed_fd(terminal, flags));
            }
        }
        let next = deadlines.into_iter().flatten().min();
        wait_for(&mut descriptors, next.map(|next| next.saturating_duration_since(now)))?;
        let ended = !descriptors[0].revents().is_empty();
        let hung_up = descriptors.get(1).is_some_and(|port| port.revents().contains(PollFlags::HUP));
        if on_its_way && hung_up {
            // Who comes next must not find what is still on its way from who has gone.
            self.incoming.hurry();
        }
        Ok(ended)
    }
}
