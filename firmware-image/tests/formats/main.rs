//! Each format's golden bytes, and each bad input with the words that it gets.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

mod intel_hex;

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
