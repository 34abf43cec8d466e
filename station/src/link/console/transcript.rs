//! What was said on a console, for the engineer who must find out why a unit failed. Secrets never reach it.

use std::fmt::Write;

use crate::vault::Secret;

/// Shown in place of a secret.
const MASK: &str = "«secret»";
/// Secrets shorter than this are not looked for in what the device says: they would mask ordinary text.
const SHORTEST_SEARCHED: usize = 4;

/// A growing, masked transcript.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    text: String,
    secrets: Vec<Secret>,
}

impl Transcript {
    /// From now on this text is masked wherever it is seen, line by line.
    pub(super) fn hide(&mut self, secret: &Secret) {
        for line in secret.bytes().split(|byte| matches!(byte, b'\n' | b'\r')) {
            if line.len() >= SHORTEST_SEARCHED && !self.secrets.iter().any(|known| known.bytes() == line) {
                self.secrets.push(Secret::new(line.to_vec()));
            }
        }
    }

    /// A section begins.
    pub(super) fn section(&mut self, name: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "-- {name}");
    }

    /// The station sent this; its secrets are already left out.
    pub(super) fn sent(&mut self, shown: &str) {
        let _ = writeln!(self.text, "> {}", escape(shown.as_bytes()));
    }

    /// The device said this.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            let shown = self.masked(bytes);
            let _ = writeln!(self.text, "< {shown}");
        }
    }

    /// The device answered a step that sent a secret: only how much, as an echo may be broken up or garbled.
    pub(super) fn received_after_secret(&mut self, bytes: usize) {
        let _ = writeln!(self.text, "< {bytes} bytes, not shown: this step sent a secret");
    }

    /// The bytes as one line of text, secrets masked.
    pub(super) fn masked(&self, bytes: &[u8]) -> String {
        let mut bytes = bytes.to_vec();
        for secret in &self.secrets {
            while let Some(at) = find(&bytes, secret.bytes()) {
                bytes.splice(at..at + secret.bytes().len(), MASK.bytes());
            }
        }
        escape(&bytes)
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

/// Control characters and bytes that are no text, made visible.
fn escape(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_the_device_echoes_is_masked() {
        let mut transcript = Transcript::default();
        transcript.hide(&Secret::new(b"hunter2\nsecond-line".to_vec()));
        transcript.received(b"echo hunter2\r\n# second-line");
        assert_eq!(transcript.text(), "< echo «secret»\\r\\n# «secret»\n");
    }

    #[test]
    fn noise_is_made_visible() {
        let mut transcript = Transcript::default();
        transcript.received(b"\x1b[6n\x00ok");
        assert_eq!(transcript.text(), "< \\u{1b}[6n\\u{0}ok\n");
    }
}
