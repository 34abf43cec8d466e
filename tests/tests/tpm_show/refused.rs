//! What a TPM, or the way to it, does not do: each with its message, and nothing left behind.

use acceptance::{Fate, Outcome, Station, Swtpm, TpmRelay, swtpm};

use super::{show, shown};

#[test]
fn a_slip_in_the_way_to_the_tpm_is_named_and_an_empty_place_too() {
    let at = |tcti: &str| Station::new(&["tpm", "show", "--tcti", tcti]).run();
    at("swtmp:host=127.0.0.1,port=2321").expect(2).says("did you mean `swtpm`?");
    at("swtpm:host=127.0.0.1,prot=2321").expect(2).says("swtpm has no `prot`, did you mean `port`?");
    at("swtpm:host=127.0.0.1,port=66000").expect(2).says("`66000` is no port");
    at("device:/nowhere/tpm0")
        .expect(4)
        .says("no TPM answers at device:/nowhere/tpm0: see whether the device exists");
    let port = swtpm::free_pair();
    at(&swtpm::tcti(port)).expect(4).says(&format!("port={port}: see whether swtpm runs there"));
}

#[test]
fn authorisations_are_asked_for_where_they_are_set_and_tried_once() {
    let tpm = Swtpm::fresh();
    let before = shown(&tpm, &[]);
    tpm.tool("changeauth", &["-c", "endorsement", "halcyon-e"]);
    tpm.tool("changeauth", &["-c", "owner", "halcyon-o"]);
    let (endorsement, owner) = (tpm.put("e", "halcyon-e\n"), tpm.put("o", "halcyon-o\n"));
    let wrong = tpm.put("wrong", "halcyon-x");
    let long = tpm.put("long", "x".repeat(65));
    let with = |files: [&str; 2]| {
        show(&tpm, &["--challenge", "--endorsement-auth-file", files[0], "--owner-auth-file", files[1]])
    };
    for call in [show(&tpm, &[]), with([&wrong, &owner])] {
        call.run().expect(3).says("refuses the authorisation of its endorsement hierarchy");
    }
    with([&endorsement, &wrong]).run().expect(3).says("refuses the authorisation of its owner hierarchy");
    with([&endorsement, &long]).run().expect(3).says("has 65 bytes, more than a TPM takes");
    with([&owner, &owner]).run().expect(2).says("cannot come from one file");
    let right = with([&endorsement, &owner]).run().expect(0);
    assert_eq!(right.json()["endorsement_key"], before["endorsement_key"]);
    // The library's own log, at its loudest, would show them.
    let loud = with([&endorsement, &owner]).env("TSS2_LOG", "all+trace").run().expect(0);
    assert_eq!((loud.stdout, loud.stderr), (right.stdout, String::new()));
    let counter = tpm.tool("getcap", &["properties-variable"]);
    assert!(counter.contains("TPM2_PT_LOCKOUT_COUNTER: 0x0"), "{counter}");
    assert_eq!(tpm.loaded(), "");
}

#[test]
fn a_tpm_in_lock_out_says_so() {
    let tpm = Swtpm::fresh();
    // A certificate that its maker forgot to except from lock-out, and somebody who guesses.
    let content = tpm.put("content", [7; 40]);
    tpm.tool("nvdefine", &["0x01c00002", "-C", "o", "-s", "40", "-a", "ownerwrite|authread|authwrite"]);
    tpm.tool("nvwrite", &["0x01c00002", "-C", "o", "-i", &content]);
    tpm.tool("dictionarylockout", &["--setup-parameters", "--max-tries=1", "--recovery-time=1000"]);
    let (good, _) = tpm.tried("nvread", &["0x01c00002", "-C", "0x01c00002", "-P", "guess", "-o", "guessed"]);
    assert!(!good, "a guess was right");
    show(&tpm, &[])
        .run()
        .expect(4)
        .says("the TPM is locked out")
        .says("tpm2_dictionarylockout --clear-lockout");
    assert_eq!(tpm.loaded(), "");
    tpm.tool("nvundefine", &["0x01c00002", "-C", "o"]);
    assert_eq!(shown(&tpm, &[])["locked_out"], true);
}

#[test]
fn slots_that_another_program_left_full_are_named_with_the_way_out() {
    let tpm = Swtpm::fresh();
    for context in ["a.ctx", "b.ctx", "c.ctx"] {
        tpm.tool("createprimary", &["-C", "n", "-G", "ecc", "-c", context]);
    }
    show(&tpm, &[])
        .run()
        .expect(4)
        .says("no free slot for making its endorsement key")
        .says("tpm2_flushcontext");
    tpm.tool("flushcontext", &["-t"]);
    shown(&tpm, &[]);
}

#[test]
fn a_tpm_that_has_failed_or_was_not_started_is_told_from_one_that_is_gone() {
    let tpm = Swtpm::fresh();
    for (code, said) in [(0x100, "has not been started"), (0x101, "reports a failure of its own")] {
        let relay = TpmRelay::start(tpm.port(), Fate::Answered(code));
        show_at(relay.port()).expect(4).says(said);
    }
}

fn show_at(port: u16) -> Outcome {
    Station::new(&["--json", "tpm", "show", "--challenge", "--tcti", &swtpm::tcti(port)]).run()
}

#[test]
fn a_tpm_may_die_before_any_command() {
    let tpm = Swtpm::fresh();
    shown(&tpm, &["--keep"]);
    let relay = TpmRelay::start(tpm.port(), Fate::Passed);
    show_at(relay.port()).expect(0);
    let commands = relay.commands();
    assert!(commands > 15, "{commands}");
    for died_before in 0..commands {
        let relay = TpmRelay::start(tpm.port(), Fate::Dead(died_before));
        let outcome = show_at(relay.port());
        // The last ones only tidy up: what was asked for is there.
        if outcome.code == 0 {
            assert!(died_before + 4 > commands, "{died_before} of {commands}");
            continue;
        }
        let outcome = outcome.expect(4);
        assert_eq!((&*outcome.stdout, outcome.stderr.lines().count()), ("", 1), "{}", outcome.stderr);
        let said = ["the TPM stopped answering while ", "no TPM answers at "];
        assert!(said.iter().any(|said| outcome.stderr.contains(said)), "{died_before}: {}", outcome.stderr);
        // Nobody could flush the sessions.
        tpm.tool("flushcontext", &["-l"]);
    }
    shown(&tpm, &["--challenge"]);
}
