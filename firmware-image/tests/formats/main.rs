//! Each format's golden bytes, and each bad input with the words that it gets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod base;
mod changed;
mod intel_hex;
mod marked_slot;
mod nvs;
mod partition_table;
mod personalised;
mod secure_cert;

/// Bytes written as hexadecimal digits, blanks between them.
fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<_> = hex.chars().filter(|digit| !digit.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

/// An error's text and its causes', as a person reads them.
fn told(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        told += &format!(": {error}");
        cause = error.source();
    }
    told
}

/// The error says all of this.
#[track_caller]
fn says(error: &dyn std::error::Error, words: &[&str]) {
    let told = told(error);
    for word in words {
        assert!(told.contains(word), "`{word}` is not in: {told}");
    }
}
