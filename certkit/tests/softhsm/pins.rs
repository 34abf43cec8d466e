//! PINs: tried once.

use certkit::{PinTries, Token, TokenError};

use crate::tokens::{MODULE, PIN, Tokens, refused, uri, with_tokens};

fn token_flags(tokens: &Tokens) -> String {
    let (_, slots) = tokens.pkcs11_tool(&["--list-token-slots"]);
    slots.lines().find(|line| line.contains("token flags")).unwrap().to_owned()
}

#[test]
fn a_wrong_pin_is_tried_once_in_a_process() {
    with_tokens("pins::a_wrong_pin_is_tried_once_in_a_process", &["line"], |tokens| {
        assert!(!token_flags(tokens).contains("PIN count low"), "{}", token_flags(tokens));
        let error = refused(&uri("token=line"), "wrong-pin-4411");
        assert!(matches!(error, TokenError::PinIncorrect { tries: PinTries::Fewer, .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("4411"), "{error:?}");

        // Not even the right one is tried now: no further call can have been a try.
        for pin in ["wrong-pin-4411", PIN] {
            let error = refused(&uri("token=line"), pin);
            assert!(matches!(error, TokenError::PinRefusedBefore { .. }), "{error:?}");
        }
        // The token itself counted the try; another program clears the count with the right PIN.
        assert!(token_flags(tokens).contains("PIN count low"), "{}", token_flags(tokens));
    });
}

#[test]
fn several_handles_share_one_login() {
    with_tokens("pins::several_handles_share_one_login", &["line"], |_| {
        let first = Token::open(&uri("token=line"), PIN.as_bytes()).unwrap();
        let second = Token::open(&uri("token=line"), PIN.as_bytes()).unwrap();
        // The token would not ask for it, and whoever named it would take it for right.
        let error = refused(&uri("token=line"), "wrong-pin-4411");
        assert!(matches!(error, TokenError::OtherPin { .. }), "{error:?}");
        drop(first);
        second.generate(certkit::KeyAlgorithm::P256, "key", &[1]).unwrap();
        drop(second);
        // The last handle logged out: a new login is made, and a wrong PIN is found.
        let error = refused(&uri("token=line"), "wrong-pin-4411");
        assert!(matches!(error, TokenError::PinIncorrect { .. }), "{error:?}");
    });
}

#[test]
fn a_token_without_a_user_pin_says_so() {
    with_tokens("pins::a_token_without_a_user_pin_says_so", &[], |tokens| {
        let arguments = [
            "--module",
            MODULE,
            "--init-token",
            "--slot-index",
            "0",
            "--label",
            "new",
            "--so-pin",
            "so-pin-2846",
        ];
        let made = tokens.run("pkcs11-tool", &arguments);
        assert!(made.status.success(), "{made:?}");
        let error = refused(&uri("token=new"), PIN);
        assert!(matches!(error, TokenError::NoPin { .. }), "{error:?}");
    });
}
