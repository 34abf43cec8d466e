//! Boards that refuse, values that they cannot take, and labels scanned at the wrong time or place.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use acceptance::{Bench, Outcome, Running, derived_keys, label};
use serde_json::Value;

const PRODUCT: &str = "mxchip-az3166.toml";
/// What the settings of mx-0001 have without padding.
const SETTINGS: usize = 144;

#[track_caller]
fn assert_failed(verdict: &Value, disposition: &str, part: &str) {
    assert_eq!(verdict["verdict"], "failed", "{verdict}");
    assert_eq!(verdict["disposition"], disposition, "{verdict}");
    assert!(verdict["reason"].as_str().unwrap().contains(part), "`{part}` is not in {verdict}");
}

/// Puts each board into its fixture, once, and takes it to one verdict.
fn once(bench: &Bench, units: usize, faults: &[&str]) -> Outcome {
    let mut more = vec!["--no-pacing", "--exchange-ms", "600000"];
    more.extend(faults.iter().flat_map(|fault| ["--fault", fault]));
    let _simulator = bench.simulate_boards(units, units, &more);
    bench.unlocked(&["--json", "run", "may", "--patience", "2"]).run()
}

fn of_fixture(outcome: &Outcome, fixture: usize) -> Vec<Value> {
    let fixture = fixture.to_string();
    outcome.verdicts().into_iter().filter(|verdict| verdict["fixture"] == fixture).collect()
}

/// A board for a product with these lines changed, and the verdict on it.
fn verdict_with(bench: &Bench, changes: &[(&str, &str)]) -> Value {
    bench.template("products", PRODUCT, "own.toml", changes);
    bench.order_boards("may", "own.toml", 1);
    let outcome = once(bench, 1, &[]).expect(1);
    let verdicts = outcome.verdicts();
    assert_eq!(verdicts.len(), 1, "{}", outcome.stdout);
    verdicts[0].clone()
}

/// A product whose settings of mx-0001 have so many bytes. Azure's own never have so many; an OEM's might.
fn settings_of(bench: &Bench, bytes: usize) -> [(&'static str, &'static str); 1] {
    let padded = format!("X={};SymmetricKey=", "x".repeat(bytes - SETTINGS - "X=;".len()));
    bench.template("documents", "mxchip-dps.txt", "padded.txt", &[("SymmetricKey=", &padded)]);
    [("mxchip-dps.txt", "padded.txt")]
}

/// Nothing is in the board's store.
#[track_caller]
fn assert_untouched(bench: &Bench, unit: usize) {
    for zone in ["wifi-ssid", "wifi-password", "iot-hub"] {
        assert_eq!(bench.stored(unit, zone), None, "{zone}");
    }
}

/// No order is taken for a product with these lines changed.
#[track_caller]
fn assert_no_order(changes: impl Fn(&Bench) -> Vec<(String, String)>, says: &str) {
    let bench = Bench::mxchip(1);
    let changes = changes(&bench);
    let changes: Vec<(&str, &str)> = changes.iter().map(|(from, to)| (&**from, &**to)).collect();
    bench.template("products", PRODUCT, "own.toml", &changes);
    let order = bench.station(&["order", "add", "may", "--product", "own.toml", "--csv", "-"]);
    let rows = format!("registration_id,serial_number\nmx-0001,{}\n", label(1));
    bench.refuses(order.input(rows), 3, &[says]);
    let checked = bench.unlocked(&["--json", "check"]).run().expect(1).json();
    let found = checked.as_array().unwrap().iter().find(|finding| finding["id"] == "product/own.toml");
    let item = says.split(" of mx-0001").next().unwrap();
    assert!(found.is_some_and(|it| it["verdict"] == "failed" && it["seen"].as_str().unwrap().contains(item)));
}

#[test]
fn no_order_is_taken_for_a_value_that_the_board_cannot_take() {
    let long = format!("\"{}\"", "s".repeat(32));
    let too_long =
        "item `wifi-ssid` of mx-0001 has 32 bytes, and its place on the device takes 31: shorten it";
    let quote =
        "item `wifi-ssid` of mx-0001 holds a quote or a backslash, which the device's console does not take";
    let other = "item `wifi-ssid` of mx-0001 holds a character that is not printable ASCII";
    for (value, part) in [
        (long.as_str(), too_long),
        ("'fac\"tory'", quote),
        ("'fac\\tory'", quote),
        ("\"Fabrik Süd\"", other),
        ("\"two\\rlines\"", other),
    ] {
        assert_no_order(|_| vec![("\"factory\"".into(), value.into())], part);
    }
    let part =
        "item `dps-settings` of mx-0001 has 512 bytes, and its place on the device takes 511: shorten it";
    let owned = |(from, to): (&str, &str)| (from.to_owned(), to.to_owned());
    assert_no_order(|bench| settings_of(bench, 512).map(owned).to_vec(), part);
}

#[test]
fn the_longest_values_that_the_board_takes_are_written() {
    let bench = Bench::mxchip(1);
    let (name, password) = ("s".repeat(31), "p".repeat(63));
    bench.station(&["keys", "import", "longest"]).input(password.as_str()).run().expect(0);
    let quoted = format!("\"{name}\"");
    let changes = [("\"factory\"", quoted.as_str()), ("factory-wifi", "longest")];
    let changes = [&changes[..], &settings_of(&bench, 511)].concat();
    bench.template("products", PRODUCT, "own.toml", &changes);
    bench.order_boards("may", "own.toml", 1);
    once(&bench, 1, &[]).expect(0);
    assert_eq!(bench.stored(1, "wifi-ssid"), Some(name));
    assert_eq!(bench.stored(1, "wifi-password"), Some(password));
    assert_eq!(bench.stored(1, "iot-hub").unwrap().len(), 511);
}

#[test]
fn what_the_board_calls_invalid_is_held_with_its_own_words() {
    let long = format!("\"{}\"", "s".repeat(32));
    for (limit, change, part) in [
        ("longest = 511\n", None, "the board refused the value: Invalid DPS connection string"),
        (
            "longest = 31\n",
            Some(("\"factory\"", long.as_str())),
            "the board refused the value: Invalid Wi-Fi SSID",
        ),
        (
            "longest = 63\n",
            Some(("factory-wifi", "long-password")),
            "the board refused the value: Invalid Wi-Fi password",
        ),
    ] {
        let bench = Bench::mxchip(1);
        bench.station(&["keys", "import", "long-password"]).input("p".repeat(64)).run().expect(0);
        let change = change.unwrap_or_else(|| settings_of(&bench, 512)[0]);
        assert_failed(&verdict_with(&bench, &[(limit, ""), change]), "hold", part);
        assert_eq!(bench.show("mx-0001")["state"], "on-hold");
    }
}

#[test]
fn a_wi_fi_password_that_is_too_long_is_not_shown_and_spends_no_credential() {
    let bench = Bench::mxchip(1);
    let password = "wifi-password-canary-".repeat(4);
    bench.station(&["keys", "import", "long-password"]).input(password.as_str()).run().expect(0);
    let verdict = verdict_with(&bench, &[("factory-wifi", "long-password")]);
    let says =
        "item `wifi-password` of mx-0001 has 84 bytes, and its place on the device takes 63: shorten it";
    assert_failed(&verdict, "hold", says);
    assert!(!verdict.to_string().contains("canary"), "{verdict}");
    assert_untouched(&bench, 1);
    let order = bench.station(&["--json", "order", "show", "may"]).run().expect(0).json();
    assert_eq!(order["issued"], 0, "{order}");
}

#[test]
fn a_board_with_a_bad_store_is_reworked_and_the_others_pass() {
    let bench = Bench::mxchip(3);
    bench.order_boards("may", PRODUCT, 3);
    let outcome = once(&bench, 3, &["eeprom-write-fails:1", "eeprom-verify-fails:2"]).expect(1);
    let by_fixture: Vec<Vec<Value>> = (1..=3).map(|fixture| of_fixture(&outcome, fixture)).collect();
    let of = |unit: usize| {
        let all = by_fixture.iter().flatten();
        let mut own = all.filter(|verdict| verdict["hardware_id"] == label(unit));
        let only = own.next().unwrap();
        assert!(own.next().is_none(), "{}", outcome.stdout);
        only
    };
    assert_failed(of(1), "rework", "the board could not write zone 0x03 of its EEPROM: rework it");
    assert_failed(
        of(2),
        "rework",
        "the board read back something else than it wrote to its EEPROM: rework it",
    );
    assert_eq!(of(3)["verdict"], "accepted");
    let order = bench.station(&["--json", "order", "show", "may"]).run().expect(0).json();
    assert_eq!([&order["accepted"], &order["open"], &order["on_hold"]], [1, 2, 0], "{order}");
    assert_eq!(bench.stored(1, "iot-hub"), None);
    assert_eq!(bench.stored(2, "iot-hub"), None, "nothing more is written once a write failed");
}

#[test]
fn a_label_of_no_row_is_refused_and_the_next_board_passes() {
    let bench = Bench::mxchip(1);
    let rows = format!("registration_id,serial_number\nmx-0001,{}\n", label(2));
    bench.station(&["order", "add", "may", "--product", PRODUCT, "--csv", "-"]).input(rows).run().expect(0);
    let _simulator = bench.simulate_boards(2, 1, &[]);
    let verdicts = bench.run("may").expect(1).verdicts();
    let says =
        "no row of order may has the serial number az3166-000001: it is the wrong unit, or the wrong label";
    assert_failed(&verdicts[0], "hold", says);
    assert_untouched(&bench, 1);
    assert_eq!(
        (&verdicts[1]["verdict"], &verdicts[1]["hardware_id"]),
        (&"accepted".into(), &label(2).into())
    );
    assert_eq!(bench.show("mx-0001")["unit"], label(2));
}

#[test]
fn a_board_that_is_live_is_left_alone_when_it_comes_back() {
    let bench = Bench::mxchip(1);
    bench.order_boards("may", PRODUCT, 2);
    // One board for two rows: it comes again and again until patience runs out.
    let _simulator = bench.simulate_boards(1, 1, &[]);
    let outcome = bench.unlocked(&["--json", "run", "may", "--patience", "2"]).run().expect(1);
    let verdicts = outcome.verdicts();
    assert_eq!(verdicts[0]["verdict"], "accepted");
    assert!(verdicts.len() > 2, "{}", outcome.stdout);
    let says = "unit az3166-000001 is live as mx-0001; it acknowledged its wifi-ssid when that was written, and cannot be \
        verified again: nothing was done";
    for verdict in &verdicts[1..] {
        assert_eq!(
            (&verdict["verdict"], &verdict["reason"]),
            (&"not_needed".into(), &says.into()),
            "{verdict}"
        );
    }
    let shown = bench.show("mx-0001");
    assert_eq!((&shown["state"], shown["credentials"].as_array().unwrap().len()), (&"live".into(), 1));
}

/// A run of two fixtures in which the boards take long to restart: there is time to scan once more.
fn slow_run(bench: &Bench) -> Running {
    bench.order_boards("may", PRODUCT, 2);
    let mut run = Running::start_typing(bench.run_with_scans("may", 8));
    run.wait_for("the fixtures", |event| event["event"] == "waiting");
    run
}

fn is_restart(event: &Value) -> bool {
    event["event"] == "step" && event["step"] == "restart"
}

fn is_verdict(event: &Value) -> bool {
    event["event"] == "verdict"
}

#[test]
fn a_label_scanned_while_a_unit_is_in_work_must_be_scanned_again() {
    let bench = Bench::mxchip_without_scanners(2);
    let _simulator = bench.simulate_boards(2, 2, &["--boot-ms", "1000", "--exchange-ms", "600000"]);
    let mut run = slow_run(&bench);
    run.type_line(&format!("1 {}", label(1)));
    run.wait_for("the restart", is_restart);
    run.type_line(&format!("1 {}", label(1)));
    let verdict = run.wait_for("the verdict", |event| is_verdict(event) || event["event"] == "warning");
    let warning = if is_verdict(&verdict) {
        run.wait_for("the warning", |event| event["event"] == "warning")
    } else {
        verdict
    };
    let says = "label az3166-000001 was scanned while another unit was in work: scan it again";
    assert_eq!(warning["text"], says, "{warning}");
    run.type_line(&format!("2 {}", label(2)));
    let outcome = run.end().expect(0);
    assert_eq!(outcome.verdicts().len(), 2, "{}", outcome.stdout);
}

#[test]
fn one_label_on_two_fixtures_at_once_is_a_pass_on_neither() {
    let bench = Bench::mxchip_without_scanners(2);
    let _simulator = bench.simulate_boards(2, 2, &["--boot-ms", "1500", "--exchange-ms", "600000"]);
    let mut run = slow_run(&bench);
    std::thread::sleep(std::time::Duration::from_millis(1500));
    run.type_line(&format!("1 {}", label(1)));
    run.wait_for("the restart", is_restart);
    run.type_line(&format!("2 {}", label(1)));
    let verdicts = [run.wait_for("a verdict", is_verdict), run.wait_for("a verdict", is_verdict)];
    for verdict in &verdicts {
        assert_failed(verdict, "hold", "fixtures 1 and 2 show the same hardware ID az3166-000001 at once");
    }
    run.signal("INT");
    run.end();
    assert_eq!(bench.show("mx-0001")["state"], "on-hold");
    // The board in the other fixture, whose label it is not, got nothing.
    assert_eq!(bench.stored(2, "iot-hub"), None);
}

#[test]
fn lines_that_are_no_scans_are_told_and_the_run_goes_on() {
    let bench = Bench::mxchip_without_scanners(1);
    bench.order_boards("may", PRODUCT, 1);
    let _simulator = bench.simulate_boards(1, 1, &[]);
    let mut lines = b"az3166-000001\n\n9 az3166-000001\n\xff\xfe\x00\n".to_vec();
    lines.extend(vec![b'x'; 100_000]);
    lines.extend(b"\n  1 \t az3166-000001 \r\n");
    let outcome = bench.run_with_scans("may", 5).input(lines).run().expect(0);
    let outcome = outcome
        .says("`az3166-000001` is no scan: write FIXTURE VALUE, as in `1 SN-0007`")
        .says("no fixture `9` takes part in this run: the scan `9 az3166-000001` is dropped");
    assert!(outcome.stderr.len() < 10_000, "a long line is not repeated: {}", outcome.stderr.len());
    let key = derived_keys(["mx-0001"])["mx-0001"].clone();
    assert!(bench.stored(1, "iot-hub").unwrap().ends_with(&key));
}

#[test]
fn a_run_without_a_way_to_scan_is_refused() {
    let bench = Bench::mxchip_without_scanners(1);
    bench.order_boards("may", PRODUCT, 1);
    let says = [
        "fixture 1 has no scanner, and product mxchip-az3166.toml needs each unit's label scanned",
        "name its scanner in station.toml, or pass --scans",
    ];
    bench.refuses(bench.unlocked(&["run", "may", "--patience", "2"]), 3, &says);
    let says = ["--scans and --unlock-fd 0 both want standard input: unlock from another descriptor"];
    bench.refuses(bench.unlocked(&["run", "may", "--scans", "--patience", "2"]), 2, &says);

    let bench = Bench::mxchip(1);
    bench.order_boards("may", PRODUCT, 1);
    let outcome = bench.unlocked(&["run", "may", "--patience", "2"]).run().expect(4);
    let scanner = bench.scanner(1);
    outcome.says(&format!("port {} is not there", scanner.display()));

    let bench = Bench::symmetric(1);
    bench.order_of("may", "gateway-symmetric.toml", 1);
    let says = ["product gateway-symmetric.toml scans no labels: leave --scans out"];
    bench.refuses(bench.run_with_scans("may", 5), 2, &says);
}
