//! Symmetric keys that cannot be: what is said of each, that no key is shown, and that nothing is taken.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::io::Write;
use std::time::{Duration, Instant};

use acceptance::{Bench, GROUP_KEY, Station, label};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const DERIVED: &str = "gateway-symmetric.toml";
const GIVEN: &str = "given.toml";
const BOARD: &str = "mxchip-az3166.toml";

fn csv(bench: &Bench, product: &str, text: impl Into<Vec<u8>>) -> Station {
    bench.station(&["order", "add", "april", "--product", product, "--csv", "-"]).input(text)
}

#[test]
fn a_group_key_with_a_slip_is_not_imported() {
    let bench = Bench::bare(1);
    let (short, long) = (STANDARD.encode([7; 15]), STANDARD.encode([7; 65]));
    let wrapped = format!("{}\n{}\n", &GROUP_KEY[..20], &GROUP_KEY[20..]);
    let wrapped_for_windows = wrapped.replace('\n', "\r\n");
    let blank_line = format!("{GROUP_KEY}\n\n");
    let url = GROUP_KEY.replacen('b', "-", 1);
    let (typed, cut) = (GROUP_KEY.replacen('b', "ö", 1), &GROUP_KEY[..GROUP_KEY.len() - 1]);
    for (text, says) in [
        (wrapped.as_str(), "the key is wrapped: a line break stands at index 20; join its lines into one"),
        (&wrapped_for_windows, "the key is wrapped: a line break stands at index 20"),
        (&short, "the key has 15 bytes, DPS takes 16 to 64: is it the right key?"),
        (&long, "the key has 65 bytes, DPS takes 16 to 64"),
        (&url, "the key holds a character at index 16 that base64 does not have: copy it again"),
        (&typed, "the key holds a character at index 16 that base64 does not have"),
        (
            cut,
            "the key has 43 characters and is no base64 of whole bytes: a part of it is missing, or its `=`",
        ),
        ("a pass phrase", "the key holds a character at index 1"),
        ("\n", "the secret is empty: nothing was imported"),
    ] {
        let import = bench.station(&["keys", "import", "contoso-group-key", "--kind", "group-key"]);
        let said = bench.refuses(import.input(text), 3, &[says]).stderr;
        assert!(!said.contains(&GROUP_KEY[..8]), "{said}");
    }
    // One line end behind it does no harm, and a second blank line is a line end too.
    let import = bench.station(&["keys", "import", "contoso-group-key", "--kind", "group-key"]);
    import.input(blank_line).run().expect(0);
}

#[test]
fn a_group_key_as_text_or_a_text_as_group_key_stops_the_run_before_any_unit() {
    let bench = Bench::bare(1);
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    bench.station(&["keys", "import", "contoso-group-key"]).input(GROUP_KEY).run().expect(0);
    bench.order_of("april", DERIVED, 1);
    let says = [
        "the vault's `contoso-group-key` was imported as something else",
        "import the group key under another name with `station keys import NAME --kind group-key`",
    ];
    bench.refuses(bench.unlocked(&["run", "april", "--patience", "2"]), 3, &says);

    // A group key under the name of the console's password: it would be typed into a unit.
    let bench = Bench::bare(1);
    for name in ["gateway-console", "contoso-group-key"] {
        let import = ["keys", "import", name, "--kind", "group-key"];
        bench.station(&import).input(GROUP_KEY).run().expect(0);
    }
    bench.order_of("april", DERIVED, 1);
    let says = [
        "the vault's `gateway-console` was imported as something else",
        "[link.secrets] takes what units and consoles are told, and no key of the station's",
    ];
    bench.refuses(bench.unlocked(&["run", "april", "--patience", "2"]), 3, &says);
}

#[test]
fn check_tells_how_a_missing_group_key_is_imported() {
    let bench = Bench::bare(1);
    bench.order_of("april", DERIVED, 1);
    let checked = bench.unlocked(&["check"]).run().expect(1).stdout;
    for todo in
        ["`station keys import contoso-group-key --kind group-key`", "`station keys import gateway-console`"]
    {
        assert!(checked.contains(todo), "{checked}");
    }
    bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n").run().expect(0);
    let says = ["the vault holds no group key `contoso-group-key`", "contoso-group-key --kind group-key`"];
    bench.refuses(bench.unlocked(&["run", "april", "--patience", "2"]), 3, &says);
}

#[test]
fn a_product_that_gives_the_group_key_away_is_refused() {
    let bench = Bench::symmetric(1);
    let with = |to: &str| [("console_password = \"gateway-console\"", to.to_owned())];
    for (name, line) in [
        ("console.toml", "console_password = \"contoso-group-key\""),
        ("further.toml", "console_password = \"gateway-console\"\nkey = \"contoso-group-key\""),
    ] {
        let [(from, to)] = with(line);
        bench.template("products", DERIVED, name, &[(from, &to)]);
        let add = ["order", "add", "april", "--product", name, "--pattern", "gw-{}", "--quantity", "1"];
        let says = "the group key `contoso-group-key`: a group key never reaches a device; remove it";
        bench.refuses(bench.station(&add), 3, &[&format!("product {name}: [link.secrets] gives `"), says]);
    }
}

#[test]
fn every_bad_key_of_an_export_is_reported_with_its_line_and_never_shown() {
    let bench = Bench::symmetric(1);
    bench.product_with_given_keys(GIVEN);
    let (first, other) = (STANDARD.encode([1; 32]), STANDARD.encode([2; 32]));
    let (short, cut) = (STANDARD.encode([3; 15]), &other[..43]);
    let rows = [
        "IOTC_DeviceID,IOTC_DeviceName,IOTC_SasKey_Primary,IOTC_SasKey_Secondary".to_owned(), // line 1
        format!("gw-1,fine,{first},{other}"),
        "gw-2,no key,,".to_owned(),
        format!("gw-3,the key of line 2,{first},"),
        format!("gw-4,short,{short},"),
        format!("gw-5,cut off,{cut},"),
        format!("gw-6,with a slip,{},", other.replacen('I', "?", 1)),
        format!("gw-1,doubled,{other},"),
        format!("Gw-7,upper case,{other},"), // line 9
    ];
    let refused = bench.refuses(
        csv(&bench, GIVEN, rows.join("\r\n")),
        3,
        &[
            "7 rows are wrong and nothing was taken:\n",
            "line 3: gw-2 has no key, and the product takes each unit's from the order: export the devices again\n",
            "line 4: gw-3 has the same key as line 2: each unit has its own\n",
            "line 5: the key has 15 bytes, DPS takes 16 to 64",
            "line 6: the key has 43 characters and is no base64 of whole bytes",
            "line 7: the key holds a character at index",
            "line 8: registration_id `gw-1` stands in line 2 already",
            "line 9: registration ID \"Gw-7\": upper-case 'G'",
        ],
    );
    for key in [&first, &other, &short] {
        assert!(!refused.stderr.contains(&key[4..16]), "{}", refused.stderr);
    }
    let twice = format!("IOTC_DEVICEID,IOTC_SASKEY_PRIMARY,iotc_saskey_primary\ngw-1,{first},{other}\n");
    bench.refuses(csv(&bench, GIVEN, twice), 3, &["has the column `iotc_saskey_primary` twice: remove one"]);
    let none = "registration_id\ngw-1\ngw-2\n";
    bench.refuses(csv(&bench, GIVEN, none), 3, &["2 rows are wrong", "line 2: gw-1 has no key"]);
}

#[test]
fn keys_for_a_product_that_makes_its_own_are_refused() {
    let bench = Bench::symmetric(1);
    let key = STANDARD.encode([1; 32]);
    for product in [DERIVED, "gateway-x509.toml"] {
        let text = format!("IOTC_DEVICEID,IOTC_SASKEY_PRIMARY\ngw-1,{key}\n");
        let says = format!(
            "the order's file carries device keys, and product {product} takes none from an order: set attestation = \
             \"symmetric-given\" in the product, or remove the key columns"
        );
        let refused = bench.refuses(csv(&bench, product, text), 3, &[&says]);
        assert!(!refused.stderr.contains(&key), "{}", refused.stderr);
    }
    // Columns without keys in them are no keys.
    csv(&bench, DERIVED, "IOTC_DEVICEID,IOTC_SASKEY_PRIMARY\ngw-1,\n").run().expect(0);
}

#[test]
fn an_id_that_dps_takes_and_central_does_not_is_refused_for_central_alone() {
    let bench = Bench::symmetric(1);
    bench.template("products", DERIVED, "dps.toml", &[("service = \"central\"", "service = \"dps\"")]);
    let longest = "a".repeat(128);
    let text = format!("registration_id\nsensor.7\nsensor_8\nsensor:9\n{longest}\n");
    let says = [
        "3 rows are wrong",
        "line 2: registration ID \"sensor.7\": '.' at index 6: IoT Central takes letters, digits and dashes only",
        "line 3: registration ID \"sensor_8\": '_' at index 6: IoT Central",
        "line 4: registration ID \"sensor:9\": ':' at index 6: IoT Central",
    ];
    bench.refuses(csv(&bench, DERIVED, text.clone()), 3, &says);
    csv(&bench, "dps.toml", text).run().expect(0);
}

#[test]
fn boards_need_a_label_in_each_row() {
    let bench = Bench::mxchip(1);
    let text = format!("registration_id,serial_number\nmx-1,{}\nmx-2,\nmx-3,{}\n", label(1), label(1));
    let says = [
        "2 rows are wrong",
        "line 3: mx-2 has no serial_number, and the product finds a unit's row by its scanned label\n",
        "line 4: serial_number `az3166-000001` stands in line 2 already",
    ];
    bench.refuses(csv(&bench, BOARD, text), 3, &says);
}

#[test]
fn a_line_of_100_mb_is_refused_at_once_and_fills_no_memory() {
    let bench = Bench::symmetric(1);
    bench.product_with_given_keys(GIVEN);
    let path = bench.root().join("long.csv");
    let mut file = std::fs::File::create_new(&path).unwrap();
    file.write_all(b"IOTC_DEVICEID,IOTC_SASKEY_PRIMARY\ngw-1,").unwrap();
    for _ in 0..100 {
        file.write_all(&vec![b'A'; 1_000_000]).unwrap();
    }
    // The address space of the process is smaller than the line.
    let limit = ["-c", "ulimit -v 90000; exec \"$@\"", "bash"].map(str::to_owned);
    let add = ["order", "add", "april", "--product", GIVEN, "--csv", path.to_str().unwrap()];
    let began = Instant::now();
    let says = ["line 2 is longer than 65536 bytes: is it the right file?"];
    bench.refuses(bench.station(&add).under("bash", &limit), 3, &says);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
