//! A station with one good product, which each case changes.

use std::path::PathBuf;

use acceptance::firmware::{put, write_hex};
use acceptance::{Bench, Station, sha256};

/// Texts of the product, what they are changed to, and what is said of it.
pub(crate) type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str]);
/// An address, and the bytes from there on.
pub(crate) type Segment<'a> = (u32, &'a [u8]);

/// A station with the built-in product of a microcontroller, its firmware pinned, and the product's text.
pub(crate) struct Set {
    pub(crate) bench: Bench,
    pub(crate) good: String,
}

impl Set {
    pub(crate) fn new() -> Self {
        let bench = Bench::bare(1);
        bench.microcontroller(4096, 100);
        let good = std::fs::read_to_string(bench.folder().join("products/stm32-slot.toml")).unwrap();
        Self { bench, good }
    }

    /// An order of the product with these texts changed.
    pub(crate) fn changed(&self, changes: &[(&str, &str)]) -> Station {
        self.order_of(&self.text(changes))
    }

    pub(crate) fn text(&self, changes: &[(&str, &str)]) -> String {
        let mut text = self.good.clone();
        for (from, to) in changes {
            assert!(text.contains(from), "the product has no `{from}`");
            text = text.replacen(from, to, 1);
        }
        text
    }

    /// Puts the product in place, whatever stood there.
    pub(crate) fn put(&self, text: &str) {
        let path = self.bench.folder().join("products/bad.toml");
        let _ = std::fs::remove_file(&path);
        put(&path, text.as_bytes());
    }

    /// Images of that order are refused, and nothing of it is announced.
    pub(crate) fn refuses_images(&self, says: &[&str]) {
        let call = self.bench.unlocked(&["image", "april", "--clear"]).arg("--folder");
        self.bench.refuses(call.arg(self.bench.root().join("out")), 3, says);
        let shown = self.bench.station(&["--json", "order", "show", "april"]).run().expect(0).json();
        assert_eq!((&shown["open"], &shown["issued"]), (&1.into(), &0.into()));
    }

    pub(crate) fn order_of(&self, text: &str) -> Station {
        self.put(text);
        let order =
            ["order", "add", "april", "--product", "bad.toml", "--pattern", "gw-{}", "--quantity", "1"];
        self.bench.station(&order)
    }

    /// An order of the product with other firmware, which is pinned.
    pub(crate) fn with_firmware(&self, name: &str, segments: &[Segment<'_>]) -> Station {
        let path: PathBuf = self.bench.folder().join("firmware").join(name);
        write_hex(&path, segments);
        let (file, pin) = (format!("file = \"{name}\""), self.pin());
        let digest = format!("sha256 = \"{}\"", sha256(&std::fs::read(path).unwrap()));
        self.changed(&[("file = \"firmware.hex\"", &file), (&pin, &digest)])
    }

    /// The line of the good product that names its digest.
    pub(crate) fn pin(&self) -> String {
        self.good.lines().find(|line| line.starts_with("sha256 = ")).unwrap().to_owned()
    }
}
