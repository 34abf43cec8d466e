//! Setting a station up, killed at every durable step of every verb: it is done when it is said again.

use acceptance::strace::{self, Call};
use acceptance::{Bench, GROUP_KEY, SECRET, Station, opened_vault};

use super::{facts, moved};
use crate::points::{Point, Struck, of_set_up, struck};
use crate::table::Table;

const GIVEN: &str = "given.toml";
const ORDER_KEYS: &str = "IOTC_DEVICEID,IOTC_DEVICENAME,IOTC_SASKEY_PRIMARY\n\
    gw-0001,one,b3JkZXIta2V5LWNhbmFyeS0wMDAxLTdmM2EtOTFjNCE=\n\
    gw-0002,two,b3JkZXIta2V5LWNhbmFyeS0wMDAyLTdmM2EtOTFjNCE=\n";

/// A verb of setting up: what it is called on, and what shows that its work is done.
struct Verb {
    name: &'static str,
    call: fn(&Bench) -> Station,
    done: fn(&Bench),
}

const SET_UP: [Verb; 6] = [
    Verb {
        name: "init",
        call: |bench| {
            Station::new(&["init"]).arg(bench.root().join("another")).arg("--port=/dev/a").unlocked_by(SECRET)
        },
        done: |bench| {
            let folder = bench.root().join("another");
            Station::new(&["ledger", "verify"]).on(&folder).run().expect(0);
            // The vault opens, and the station works.
            let root = ["ca", "root", "--common-name", "Test Root"];
            Station::new(&root).on(&folder).unlocked_by(SECRET).run().expect(0);
        },
    },
    Verb {
        name: "keys import",
        call: |bench| bench.station(&["keys", "import", "gateway-console"]).input("rehearsal\n"),
        done: |bench| in_the_vault(bench, "gateway-console", "text", "rehearsal"),
    },
    Verb {
        name: "keys import --kind group-key",
        call: |bench| {
            let import = ["keys", "import", "contoso-group-key", "--kind", "group-key"];
            bench.station(&import).input(format!("{GROUP_KEY}\n"))
        },
        done: |bench| in_the_vault(bench, "contoso-group-key", "group-key", GROUP_KEY),
    },
    Verb {
        name: "ca root",
        call: |bench| bench.unlocked(&["ca", "root", "--common-name", "Test Root"]),
        // The root's key opens, and signs.
        done: |bench| {
            let intermediate = ["ca", "intermediate", "--common-name", "Test Line 1"];
            bench.unlocked(&intermediate).run().expect(0);
        },
    },
    Verb {
        name: "order add",
        call: |bench| {
            let order = ["order", "add", "april", "--product", "gateway-x509.toml", "--pattern", "gw-{:04}"];
            bench.station(&order).args(&["--quantity", "2"])
        },
        done: |bench| ordered(bench, "april"),
    },
    Verb {
        name: "order add with keys",
        call: |bench| {
            bench.station(&["order", "add", "may", "--product", GIVEN, "--csv", "-"]).input(ORDER_KEYS)
        },
        done: |bench| {
            ordered(bench, "may");
            let rows = ORDER_KEYS.lines().skip(1).map(|row| row.split(',').collect::<Vec<_>>());
            let keys: Vec<String> = rows.map(|row| format!("{},{}", row[0], row[2])).collect();
            in_the_vault(bench, "order_may", "device-keys", &keys.join("\n"));
        },
    },
];

fn ordered(bench: &Bench, name: &str) {
    let shown = bench.station(&["--json", "order", "show", name]).run().expect(0).json();
    assert_eq!((&shown["ordered"], &shown["open"]), (&2.into(), &2.into()), "{shown}");
}

/// The secret lies in the vault, the ledger knows it once, and of what was begun nothing is left beside it.
fn in_the_vault(bench: &Bench, name: &str, kind: &str, text: &str) {
    let vault = opened_vault(&bench.folder(), SECRET);
    assert_eq!(vault.get(name).map(|held| held.trim_end()), Some(text));
    let imported: Vec<_> = facts(bench)
        .into_iter()
        .filter(|fact| fact["kind"] == "secret_imported" && fact["name"] == name)
        .collect();
    assert_eq!(imported.len(), 1, "{imported:?}");
    assert_eq!(imported[0]["secret_kind"], kind);
    for entry in std::fs::read_dir(bench.folder().join("vault")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        assert!(!file.starts_with(".station-"), "{file} is left behind");
    }
}

#[test]
fn setting_up_killed_at_any_instant_is_done_when_it_is_said_again() {
    let prepared = Bench::bare(1);
    prepared.product_with_given_keys(GIVEN);
    let clean: Vec<(Bench, Vec<Call>)> = SET_UP
        .iter()
        .map(|verb| {
            let bench = prepared.copy();
            let run = strace::traced((verb.call)(&bench));
            run.outcome.expect(0);
            (verb.done)(&bench);
            (bench, run.calls)
        })
        .collect();
    let points: Vec<Point> =
        (0..SET_UP.len()).flat_map(|verb| of_set_up(verb, SET_UP[verb].name, &clean[verb].1)).collect();

    let table = Table::of(&points, |point| {
        let bench = prepared.copy();
        let verb = &SET_UP[point.verb];
        let killed = strace::killed((verb.call)(&bench), &moved(&point.aim, &clean[point.verb].0, &bench));
        if struck(point, &killed) == Struck::Elsewhere {
            return false;
        }
        let again = (verb.call)(&bench).run();
        let done_already = again.code == 3 && again.stderr.contains("already");
        assert!(again.code == 0 || done_already, "{again:?}");
        bench.head();
        (verb.done)(&bench);
        true
    });
    table.finish("killed-set-up-table.txt");
}
