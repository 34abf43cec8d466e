//! How long RSA keys take two libraries. The time a key takes is a matter of luck, so the mean has a wide interval.

use std::hint::black_box;
use std::time::Instant;

use aws_lc_rs::rsa::{KeyPair, KeySize};
use rsa::rand_core::{TryCryptoRng, TryRng};

/// Keys of each size and library: fewer say nothing.
const KEYS: usize = 400;

pub(super) fn measure() {
    for (bits, size) in [(2048, KeySize::Rsa2048), (3072, KeySize::Rsa3072)] {
        let (mut theirs, mut pure) = (Vec::new(), Vec::new());
        // In turns, so that a busy machine slows both.
        for _ in 0..KEYS {
            theirs.push(seconds(|| drop(black_box(KeyPair::generate(size).unwrap()))));
            pure.push(seconds(|| drop(black_box(rsa::PrivateKey::new(&mut System, bits).unwrap()))));
        }
        for (name, seconds) in [("aws-lc-rs", theirs), ("rsa", pure)] {
            let (mean, half) = interval(&seconds);
            println!(
                "# rsa-{bits} keygen {name}: {:.1} keys a second (95 %: {:.1} to {:.1}), {KEYS} keys",
                1.0 / mean,
                1.0 / (mean + half),
                1.0 / (mean - half)
            );
        }
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    let begin = Instant::now();
    work();
    begin.elapsed().as_secs_f64()
}

/// The mean, and half the width of its 95 % interval (by the normal distribution: there are hundreds).
fn interval(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, 1.96 * (variance / count).sqrt())
}

/// The system's randomness, as the library `rsa` asks for it.
struct System;

impl TryRng for System {
    type Error = getrandom::Error;

    fn try_next_u32(&mut self) -> Result<u32, getrandom::Error> {
        getrandom::u32()
    }

    fn try_next_u64(&mut self) -> Result<u64, getrandom::Error> {
        getrandom::u64()
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), getrandom::Error> {
        getrandom::fill(bytes)
    }
}

impl TryCryptoRng for System {}
