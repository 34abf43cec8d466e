//! A serial line's speed: so many bits a second, ten bits a byte. What travels arrives when it has passed.

use std::time::{Duration, Instant};

/// Bits on the line for a byte: start, eight, stop.
const BITS_OF_A_BYTE: u64 = 10;

/// One direction of a line. Says when what it carries has arrived, and it can carry more.
#[derive(Debug)]
pub(super) struct Pacer {
    on: bool,
    free_at: Instant,
    /// Whether there was nothing to carry when it was free.
    rests: bool,
}

impl Pacer {
    pub(super) fn new(on: bool, now: Instant) -> Self {
        Self { on, free_at: now, rests: true }
    }

    /// The line is busy with these bytes for a while.
    pub(super) fn carried(&mut self, bytes: usize, bits_a_second: u32, now: Instant) {
        // A host that set no speed at all, or "hang up", gets no pacing.
        if self.on && bits_a_second > 0 {
            // Counted from when the line became free, so that late wake-ups do not add up.
            let begin = match self.rests {
                true => now,
                false => self.free_at.max(now.checked_sub(SLACK).unwrap_or(now)),
            };
            self.free_at = begin + time_of(bytes, bits_a_second);
        }
        self.rests = false;
    }

    /// There is nothing to carry now: what comes next begins when it comes.
    pub(super) fn rest(&mut self) {
        self.rests = true;
    }

    /// What is on its way arrives at once.
    pub(super) fn hurry(&mut self) {
        self.free_at = Instant::now();
    }

    /// How many bytes travel together: few, so that what one end has said is heard
    /// when it would be, and a fault strikes where it would.
    pub(super) fn portion(&self, bits_a_second: u32, most: usize) -> usize {
        if !self.on || bits_a_second == 0 {
            return most;
        }
        let bytes = u64::from(bits_a_second) * TOGETHER.as_millis() as u64 / (BITS_OF_A_BYTE * 1000);
        usize::try_from(bytes).unwrap_or(most).clamp(1, most)
    }

    pub(super) fn is_free(&self, now: Instant) -> bool {
        now >= self.free_at
    }

    pub(super) fn free_at(&self) -> Instant {
        self.free_at
    }
}

/// So much lateness is made good.
const SLACK: Duration = Duration::from_millis(5);
/// What a line carries in this time travels together.
const TOGETHER: Duration = Duration::from_millis(10);

fn time_of(bytes: usize, bits_a_second: u32) -> Duration {
    let bits = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(BITS_OF_A_BYTE);
    Duration::from_micros(bits.saturating_mul(1_000_000) / u64::from(bits_a_second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_line_is_free_after_ten_bits_a_byte() {
        let start = Instant::now();
        let mut pacer = Pacer::new(true, start);
        let now = start + Duration::from_secs(1);
        pacer.carried(1152, 115_200, now);
        assert!(!pacer.is_free(now + Duration::from_millis(94)));
        assert!(pacer.is_free(now + Duration::from_millis(100)));
    }

    #[test]
    fn bytes_travel_in_portions_of_the_speed() {
        let paced = Pacer::new(true, Instant::now());
        assert_eq!(
            (paced.portion(9600, 256), paced.portion(300, 256), paced.portion(921_600, 256)),
            (9, 1, 256)
        );
        assert_eq!((paced.portion(10, 256), paced.portion(0, 256)), (1, 256));
        assert_eq!(Pacer::new(false, Instant::now()).portion(9600, 256), 256);
    }

    #[test]
    fn lateness_is_made_good_and_idle_time_is_not() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut busy = Pacer::new(true, start);
        busy.carried(1152, 115_200, start);
        busy.carried(1152, 115_200, at(104));
        assert!(busy.is_free(at(200)));
        let mut idle = Pacer::new(true, start);
        idle.carried(1152, 115_200, start);
        idle.rest();
        idle.carried(1152, 115_200, at(104));
        assert!(!idle.is_free(at(203)) && idle.is_free(at(204)));
    }

    #[test]
    fn without_pacing_the_line_is_always_free() {
        let now = Instant::now();
        let mut pacer = Pacer::new(false, now);
        pacer.carried(1 << 20, 300, now);
        assert!(pacer.is_free(now));
    }
}
