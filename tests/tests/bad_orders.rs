//! Orders that cannot be taken: what is said of each, and that nothing is taken of any.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use acceptance::{Bench, Station};

const GATEWAY: &str = "gateway-x509.toml";
/// A gateway of which each row names its unit.
const NAMED: &str = "named.toml";

fn bench() -> Bench {
    let bench = Bench::bare(1);
    bench.product(NAMED, &[("assign = \"next\"", "assign = \"by-hardware-id\"")]);
    bench
}

fn csv(bench: &Bench, product: &str, bytes: impl Into<Vec<u8>>) -> Station {
    bench.station(&["order", "add", "april", "--product", product, "--csv", "-"]).input(bytes)
}

fn pattern(bench: &Bench, pattern: &str, quantity: &str) -> Station {
    let order = ["order", "add", "april", "--product", GATEWAY];
    bench.station(&order).arg("--pattern").arg(pattern).arg("--quantity").arg(quantity)
}

#[test]
fn all_bad_rows_are_reported_at_once_with_their_lines() {
    let bench = bench();
    bench.order("march", 2);
    let (long, long_as_name) = ("a".repeat(129), "b".repeat(65));
    let rows = [
        "registration_id,name", // line 1
        "gw-10,fine",
        "GW-11,upper case",
        ",empty",
        "gerät,not ASCII",
        &format!("{long},too long"),
        &format!("{long_as_name},too long for a common name"),
        "gw.12,not for IoT Central",
        "gw-10,doubled in the file", // line 9
        "gw-0002,doubled in history",
        "gw 13,a space",
        "-gw,begins with a dash",
        "gw-14,too,many",
        "gw-15",
        "gw-16,\"two\tcells\"",
        &format!("gw-17,{}", "n".repeat(149)),
        "gw-18,fine",
    ];
    let outcome = bench.refuses(
        csv(&bench, GATEWAY, rows.join("\n")),
        3,
        &[
            "14 rows are wrong and nothing was taken:\n",
            "  line 3: registration ID \"GW-11\": upper-case 'G' at index 0; write it in lower case",
            "  line 4: registration ID \"\": it is empty; give 1 to 128 characters\n",
            "  line 5: registration ID \"gerät\": 'ä' (U+00E4) at index 3 is not ASCII; use a-z, 0-9, - . _ :\n",
            &format!(
                "  line 6: registration ID {long:?}: it has 129 characters; DPS takes at most 128\n"
            ),
            &format!(
                "  line 7: registration ID {long_as_name:?}: it has 65 characters; a certificate's common name holds at most 64; shorten it\n"
            ),
            "  line 8: registration ID \"gw.12\": '.' at index 2: IoT Central takes letters, digits and dashes only",
            "  line 9: registration_id `gw-10` stands in line 2 already: change or remove one\n",
            "  line 10: gw-0002 is reserved by order march already: give another ID\n",
            "  line 11: registration ID \"gw 13\": ' ' at index 2 is not allowed; use a-z, 0-9, - . _ :\n",
            "  line 12: registration ID \"-gw\": '-' at index 0: the first character must be a letter or a digit\n",
            "  line 13: has 3 fields where the first line has 2\n",
            "  line 14: has 1 field where the first line has 2\n",
            "  line 15: `two\\tcells` holds the control character '\\t'\n",
            "  line 16: the name has 149 characters, IoT Central takes 148 at most\n",
        ],
    );
    let lines = outcome.stderr.lines().skip(1).map(|line| line.trim_start().split(':').next().unwrap());
    let wanted: Vec<String> = (3..=16).map(|line| format!("line {line}")).collect();
    assert_eq!(lines.collect::<Vec<_>>(), wanted, "in the file's own sequence");
    for id in ["gw-10", "gw-18"] {
        bench.refuses(bench.station(&["unit", "show", id]), 3, &[&format!("knows no unit `{id}`")]);
    }
}

#[test]
fn what_a_spreadsheet_writes_is_taken() {
    let bench = bench();
    let text = "\u{feff}registration_id,name,serial_number,hardware_id\r\n\
        gw-1,\"Pump, \"\"left\"\"\",S-1,10000000abcdef01\r\n\
        \"gw-2\", Pumpe für Öl ,\"S-2\",10000000abcdef02\r\n";
    let taken = csv(&bench, NAMED, text).arg("--json").run().expect(0).json();
    assert_eq!((&taken["ordered"], &taken["open"]), (&2.into(), &2.into()), "{taken}");
    let rows = [
        ("gw-1", "Pump, \"left\"", "S-1", "10000000abcdef01"),
        ("gw-2", "Pumpe für Öl", "S-2", "10000000abcdef02"),
    ];
    for (id, name, serial_number, hardware_id) in rows {
        let shown = bench.show(id);
        assert_eq!(shown["name"], name);
        assert_eq!(shown["serial_number"], serial_number);
        assert_eq!(shown["meant_for"], hardware_id);
        assert_eq!(shown["state"], "open");
    }
}

#[test]
fn columns_may_stand_in_any_sequence_and_behind_a_quoted_byte_order_mark() {
    let bench = bench();
    let text = "\u{feff}\"name\",\"Registration_ID\"\nleft,gw-1\n";
    csv(&bench, GATEWAY, text).run().expect(0);
    assert_eq!(bench.show("gw-1")["name"], "left");
}

#[test]
fn a_file_that_is_no_order_is_refused_as_a_whole() {
    let bench = bench();
    let known = "known are registration_id, name, serial_number, hardware_id, IOTC_DEVICEID";
    let utf16: Vec<u8> =
        "\u{feff}registration_id\ngw-1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, Vec<u8>, &[&str]); 8] = [
        ("nothing", b"".into(), &["the order's file is empty: its first line must name the columns"]),
        ("no rows", b"\xef\xbb\xbfregistration_id,name\r\n".into(), &["has no rows below its first line"]),
        (
            "a missing column",
            b"name,hardware_id\nx,y\n".into(),
            &["has no column `registration_id`", "it has name, hardware_id"],
        ),
        ("no first line", b"gw-1\ngw-2\n".into(), &["unknown column `gw-1`", known]),
        ("an unknown column", b"registration_id,colour\na,b\n".into(), &["unknown column `colour`", known]),
        (
            "a column twice",
            b"registration_id,name,name\na,b,c\n".into(),
            &["has the column `name` twice: remove one"],
        ),
        ("UTF-16", utf16, &["is not UTF-8 (its first line is not): export it as CSV in UTF-8"]),
        (
            "Latin-1",
            b"registration_id,name\ngw-1,Pumpe\ngw-2,\xd6l\nGW-3,x\n".into(),
            &[
                "2 rows are wrong",
                "line 3: field 2 is not UTF-8: export the file as CSV in UTF-8",
                "line 4: ",
            ],
        ),
    ];
    for (what, bytes, parts) in cases {
        eprintln!("case: {what}");
        bench.refuses(csv(&bench, GATEWAY, bytes), 3, parts);
    }
    let missing = bench.root().join("none.csv");
    let call = bench.station(&["order", "add", "april", "--product", GATEWAY]).arg("--csv").arg(&missing);
    let text = format!("cannot read the order's file {}: check the name", missing.display());
    bench.refuses(call, 3, &[&text, "No such file"]);
    bench.order("april", 1); // the name was never taken
}

#[test]
fn rows_meant_for_certain_units_are_refused_where_any_unit_gets_the_next_identity() {
    let bench = bench();
    bench.refuses(
        csv(&bench, GATEWAY, "registration_id,hardware_id,serial_number\ngw-1,10000000abcdef01,\ngw-2,,S-2\n"),
        3,
        &[
            "2 rows are wrong and nothing was taken:\n",
            "line 2: gw-1 is meant for unit 10000000abcdef01, and the product gives any unit the next identity: set \
             assign = \"by-hardware-id\" in the product",
            "line 3: gw-2 is meant for the label S-2, and the product gives any unit the next identity",
            "or remove the column serial_number",
        ],
    );
}

#[test]
fn rows_that_name_no_unit_or_one_twice_are_refused_where_rows_name_their_units() {
    let bench = bench();
    let text = "registration_id,hardware_id,serial_number\n\
        gw-1,,S-1\n\
        gw-2,0000000000000000,S-2\n\
        gw-3,10000000abcdef01,S-3\n\
        gw-4,10000000abcdef01,S-3\n";
    bench.refuses(
        csv(&bench, NAMED, text),
        3,
        &[
            "3 rows are wrong and nothing was taken:\n",
            "line 2: gw-1 has no hardware_id, and the product assigns by hardware ID",
            "line 3: gw-2 is meant for a unit that cannot be: the hardware ID `0000000000000000` is what an unprogrammed",
            "line 5: hardware_id `10000000abcdef01` stands in line 4 already",
            "line 5: serial_number `S-3` stands in line 4 already",
        ],
    );
}

#[test]
fn a_pattern_that_makes_no_ids_is_refused() {
    let bench = bench();
    bench.order("march", 3);
    let cases: [(&str, &str, &[&str]); 7] = [
        ("gw-{:02}", "100", &["`gw-{:02}` has room for 2 digits, and number 100 has more", "as in {:03}"]),
        ("gw", "3", &["pattern `gw` needs one place for the number: {} or, with leading zeros, {:04}"]),
        ("{}-{}", "3", &["pattern `{}-{}` needs one place"]),
        ("gw-{}", "0", &["a quantity of 0 orders nothing: give 1 or more"]),
        ("GW-{}", "2", &["1 row is wrong", "number 1: registration ID \"GW-1\": upper-case 'G' at index 0"]),
        ("pumpenhäuschen-{}", "2", &["number 1: ", "'ä' (U+00E4) at index 7 is not ASCII"]),
        (
            "gw-{:04}",
            "4",
            &[
                "3 rows are wrong",
                "number 1: gw-0001 is reserved by order march already",
                "number 3: gw-0003",
            ],
        ),
    ];
    for (text, quantity, parts) in cases {
        eprintln!("case: {text} × {quantity}");
        bench.refuses(pattern(&bench, text, quantity), 3, parts);
    }
    let past = pattern(&bench, "gw-{}", "2").arg("--first").arg("18446744073709551615");
    bench.refuses(
        past,
        3,
        &["the numbers from 18446744073709551615 on run past the largest number: start lower"],
    );
}

#[test]
fn an_order_needs_a_free_name_a_product_and_rows() {
    let bench = bench();
    bench.order("april", 1);
    let call = |arguments: &[&str]| bench.station(&["order", "add"]).args(arguments);
    let rows = ["--pattern", "pump-{}", "--quantity", "1"];
    let again = call(&["april", "--product", GATEWAY]).args(&rows);
    bench.refuses(again, 3, &["order april was taken already: give this one another name"]);
    let product = call(&["may", "--product", "gateway-x590.toml"]).args(&rows);
    bench.refuses(
        product,
        3,
        &[
            "`gateway-x590.toml`",
            "nor built in (gateway-x509.toml, gateway-x509-device-key.toml, \
             gateway-x509-individual.toml, gateway-x509-read-out.toml, gateway-symmetric.toml, gateway-symmetric-individual.toml, \
             gateway-tpm.toml, tpm.toml, esp32-nvs.toml, esp32c3-secure-cert.toml, esp32s3-secure-cert.toml, mxchip-az3166.toml, stm32-slot.toml)",
        ],
    );
    let name = call(&["../may", "--product", GATEWAY]).args(&rows);
    bench.refuses(name, 2, &["`../may` is no order name: use letters, digits"]);
    let neither = call(&["may", "--product", GATEWAY]);
    bench.refuses(neither, 2, &["--csv <FILE>", "--pattern <PATTERN>", "--quantity <N>"]);
    let both = call(&["may", "--product", GATEWAY, "--csv", "-"]).args(&rows);
    bench.refuses(both, 2, &["cannot be used with"]);
    let quantity = call(&["may", "--product", GATEWAY, "--pattern", "pump-{}"]);
    bench.refuses(quantity, 2, &["--quantity"]);
    let ids = call(&["may", "--product", GATEWAY, "--quantity", "2"]);
    bench.refuses(
        ids,
        2,
        &["gateway-x509.toml takes its units' registration IDs from the order: give --pattern beside --quantity"],
    );
    let counted = call(&["may", "--product", GATEWAY, "--csv", "-", "--quantity", "2"]);
    bench.refuses(counted, 2, &["cannot be used with"]);
    let first = call(&["may", "--product", GATEWAY, "--quantity", "2", "--first", "3"]);
    bench.refuses(first, 2, &["--pattern <PATTERN>"]);
}

#[test]
fn the_same_ids_are_free_in_another_id_scope() {
    let bench = bench();
    bench.order("march", 2);
    bench.product("elsewhere.toml", &[("0ne00ABCDEF", "0ne00FEDCBA")]);
    bench.order_of("april", "elsewhere.toml", 2);
}
