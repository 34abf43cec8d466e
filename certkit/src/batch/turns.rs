//! How many signatures are asked of a token at a time.

use std::time::Duration;

/// More are not asked for at a time.
pub(super) const MOST: usize = 16;
/// Signatures, and time for each of those under way, after which it is known how long they take.
const ENOUGH: (usize, Duration) = (32, Duration::from_millis(50));
/// So much faster must twice as many at a time be. Less is no gain worth the cores' time, or chance.
const GAIN: f64 = 1.25;
/// As long signs who has a turn: threads that wait for each other more often lose time by it.
const TURN: Duration = Duration::from_millis(10);
/// So many it signs at most.
const LARGEST: usize = 256;

/// The number of signatures that may be under way. A token can be a program on these cores, whose calls hinder each other;
/// a chip, which does one after the other; or a machine on the network, which does many. So it begins with one, and when
/// the batch waits for the token it tries twice as many, until that is no faster.
#[derive(Debug)]
pub(super) struct Turns {
    at_once: usize,
    /// What half as many achieved, in signatures a second.
    before: Option<f64>,
    signed: usize,
    took: Duration,
    settled: bool,
    /// Signatures in a turn.
    turn: usize,
}

impl Turns {
    pub(super) fn new() -> Self {
        Self { at_once: 1, before: None, signed: 0, took: Duration::ZERO, settled: false, turn: 1 }
    }

    /// How many may be under way now.
    pub(super) fn at_once(&self) -> usize {
        self.at_once
    }

    /// How many one thread signs in its turn.
    pub(super) fn turn(&self) -> usize {
        self.turn
    }

    /// So many signatures took so long, one after the other; when they were begun, `under_way` of such series were.
    pub(super) fn signed(&mut self, under_way: usize, signatures: usize, took: Duration) {
        if signatures == 0 {
            return;
        }
        let each = took.as_secs_f64() / signatures as f64;
        // The conversion saturates, also where a signature took no time.
        self.turn = ((TURN.as_secs_f64() / each) as usize).clamp(1, LARGEST);
        // Fewer tell nothing of how it is with that many.
        if under_way != self.at_once || self.settled {
            return;
        }
        self.signed += signatures;
        self.took += took;
        if self.before.is_some_and(|before| self.is_known() && self.rate() < before * GAIN) {
            self.at_once /= 2;
            self.settled = true;
        }
    }

    /// The batch waits for the token. Says whether more may be under way from now on.
    pub(super) fn waiting(&mut self) -> bool {
        if self.settled || self.at_once == MOST || !self.is_known() {
            return false;
        }
        self.before = Some(self.rate());
        self.at_once *= 2;
        (self.signed, self.took) = (0, Duration::ZERO);
        true
    }

    fn is_known(&self) -> bool {
        let (signatures, each) = ENOUGH;
        self.signed >= signatures && self.took >= each * self.at_once as u32
    }

    /// Signatures a second.
    fn rate(&self) -> f64 {
        (self.signed * self.at_once) as f64 / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token of which so many signatures at a time do not hinder each other, and a batch that always waits for it.
    fn at_once(independent: usize, each: Duration) -> usize {
        let mut turns = Turns::new();
        for _ in 0..1000 {
            let at_once = turns.at_once();
            let slower = at_once.div_ceil(independent) as u32;
            turns.signed(at_once, turns.turn(), each * slower * turns.turn() as u32);
            turns.waiting();
        }
        turns.at_once()
    }

    #[test]
    fn as_many_are_under_way_as_the_token_does_at_a_time() {
        for each in [50, 2_000, 500_000].map(Duration::from_micros) {
            for (independent, expected) in [(1, 1), (2, 2), (4, 4), (8, 8), (16, 16), (1000, 16)] {
                assert_eq!(at_once(independent, each), expected, "{independent} {each:?}");
            }
        }
    }

    #[test]
    fn no_more_are_tried_while_nobody_waits_for_the_token() {
        let mut turns = Turns::new();
        (0..1000).for_each(|_| turns.signed(1, 100, Duration::from_millis(5)));
        assert_eq!(turns.at_once(), 1);
        assert!(turns.waiting());
        // What is begun alone says nothing of two at a time.
        (0..1000).for_each(|_| turns.signed(1, 100, Duration::from_millis(5)));
        assert!(!turns.waiting());
        assert_eq!(turns.at_once(), 2);
    }

    #[test]
    fn a_turn_is_short_however_slow_the_token() {
        let mut turns = Turns::new();
        assert_eq!(turns.turn(), 1);
        for (each, turn) in [(0, 256), (1, 256), (50, 200), (5_000, 2), (20_000, 1), (1_000_000, 1)] {
            turns.signed(1, 10, Duration::from_micros(each * 10));
            assert_eq!(turns.turn(), turn, "{each}");
        }
        turns.signed(1, 0, Duration::ZERO);
        assert_eq!(turns.turn(), 1);
    }
}
