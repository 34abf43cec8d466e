//! A station that is set up wrongly: what is said of each mistake, and that nothing is done.
#![allow(clippy::unwrap_used, clippy::panic, reason = "what cannot be set up fails the test")]

use std::io::Write;
use std::path::Path;

use acceptance::{Bench, Running, Station};

const TEMPLATES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../templates");

/// A call that takes an order of this product.
fn order_of(bench: &Bench, product: &str) -> Station {
    let rows = ["--pattern", "pump-{}", "--quantity", "1"];
    bench.station(&["order", "add", "may", "--product", product]).args(&rows)
}

fn run(bench: &Bench, order: &str) -> Station {
    bench.unlocked(&["run", order, "--patience", "1"])
}

fn write(path: &Path, text: &str) {
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Line of a text that holds this, from 1.
fn line_of(text: &str, part: &str) -> usize {
    text.lines().position(|line| line.contains(part)).unwrap() + 1
}

#[test]
fn a_mistake_in_station_toml_is_named_with_its_line_and_nothing_is_done() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let path = bench.folder().join("station.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    let cases = [
        ("port = ", "prot = ", "unknown key `prot`: did you mean `port`?"),
        ("\n[[fixture]]", "\n[[fixtrue]]", "unknown key `fixtrue`: did you mean `fixture`?"),
        (
            "issuing_authority",
            "colour",
            "unknown key `colour`: known here are name, issuing_authority, fixture",
        ),
        (
            "name = \"line-1\"",
            "name = \"line 1\"",
            "`line 1` is no station name: use letters, digits and hyphens",
        ),
        ("name = \"line-1\"", "name = 7", "invalid type: integer `7`, expected a string"),
        ("name = \"line-1\"", "name = line-1", "string values must be quoted"),
    ];
    for (from, to, what) in cases {
        eprintln!("case: {to}");
        assert!(good.contains(from));
        let bad = good.replacen(from, to, 1);
        write(&path, &bad);
        let said = format!("{}, line {}: {what}", path.display(), line_of(&bad, to.trim_start()));
        let calls = [
            run(&bench, "april"),
            order_of(&bench, "gateway-x509.toml"),
            bench.station(&["keys", "import", "other"]).input("secret\n"),
            bench.station(&["check"]),
        ];
        for call in calls {
            bench.refuses(call, 3, &[&said]);
        }
    }
    write(&path, &good.replacen("name = \"line-1\"", "", 1));
    bench.refuses(run(&bench, "april"), 3, &["the key `name` is missing: add it"]);
    let fixture = |name: &str, port: &str| format!("\n[[fixture]]\nname = \"{name}\"\nport = \"{port}\"\n");
    write(&path, &(good.clone() + &fixture("1", "/dev/other")));
    bench.refuses(run(&bench, "april"), 3, &["two fixtures have the name `1`"]);
    let port = bench.port(1);
    write(&path, &(good.clone() + &fixture("2", port.to_str().unwrap())));
    bench.refuses(run(&bench, "april"), 3, &[&format!("two fixtures have the port `{}`", port.display())]);
    write(&path, &good.replace("issuing_authority = \"intermediate\"", "issuing_authority = \"line-7\""));
    let said = ["the station has no authority `line-7`", "`station ca show` lists them"];
    bench.refuses(run(&bench, "april"), 3, &said);
}

#[test]
fn a_mistake_in_a_product_is_named_with_its_line() {
    let bench = Bench::bare(1);
    let cases = [
        ("model_id = ", "modle_id = ", "unknown key `modle_id`: did you mean `model_id`?"),
        ("baud = ", "buad = ", "unknown key `buad`: did you mean `baud`?"),
        ("presence = \"usb\"", "presence = \"ubs\"", "unknown value `ubs`: did you mean `usb`?"),
        (
            "evidence = \"challenge\"",
            "evidence = \"chalenge\"",
            "unknown value `chalenge`: did you mean `challenge`?",
        ),
        (
            "\"0ne00ABCDEF\"",
            "\"0ne 00ABCDEF\"",
            "`0ne 00ABCDEF` is no ID scope: copy it from the DPS overview page",
        ),
    ];
    for (number, (from, to, what)) in cases.into_iter().enumerate() {
        eprintln!("case: {to}");
        let name = format!("p{number}.toml");
        bench.product(&name, &[(from, to)]);
        let text = std::fs::read_to_string(bench.folder().join("products").join(&name)).unwrap();
        let said = format!("products/{name}, line {}: {what}", line_of(&text, to));
        bench.refuses(order_of(&bench, &name), 3, &[&said]);
    }
    bench.product("missing.toml", &[("assign = \"next\"", "")]);
    bench.refuses(
        order_of(&bench, "missing.toml"),
        3,
        &["product missing.toml", "the key `assign` is missing"],
    );
}

#[test]
fn a_mistake_in_a_dialogue_or_a_profile_is_named_with_its_line() {
    let bench = Bench::new(1);
    for (number, (from, to, what)) in [
        ("within = 60", "wihtin = 60", "unknown key `wihtin`: did you mean `within`?"),
        ("[[recover]]", "[[recovr]]", "unknown key `recovr`: did you mean `recover`?"),
        ("disposition = \"hold\"", "disposition = \"hodl\"", "unknown value `hodl`: did you mean `hold`?"),
    ]
    .into_iter()
    .enumerate()
    {
        eprintln!("case: {to}");
        let (dialogue, product) = (format!("d{number}.toml"), format!("p{number}.toml"));
        bench.template("dialogues", "linux-gateway.toml", &dialogue, &[(from, to)]);
        bench.product(&product, &[("linux-gateway.toml", &dialogue)]);
        let text = std::fs::read_to_string(bench.folder().join("dialogues").join(&dialogue)).unwrap();
        let said = format!("dialogues/{dialogue}, line {}: {what}", line_of(&text, to));
        bench.refuses(order_of(&bench, &product), 3, &[&said]);
    }
    bench.template("profiles", "azure-device.toml", "typo.toml", &[("\nvalidity = ", "\nvaldity = ")]);
    bench.product("typo.toml", &[("azure-device.toml", "typo.toml")]);
    let said = "profiles/typo.toml, line 8: unknown key `valdity`: did you mean `validity`?";
    bench.refuses(order_of(&bench, "typo.toml"), 3, &[said]);
    // Spoilt when the order stands already.
    bench.product("later.toml", &[("azure-device.toml", "later-typo.toml")]);
    bench.template("profiles", "azure-device.toml", "later-typo.toml", &[]);
    bench.order_of("april", "later.toml", 1);
    std::fs::remove_file(bench.folder().join("profiles/later-typo.toml")).unwrap();
    bench.template("profiles", "azure-device.toml", "later-typo.toml", &[("\nvalidity = ", "\nvaldity = ")]);
    bench.refuses(run(&bench, "april"), 3, &["profiles/later-typo.toml, line 8: unknown key `valdity`"]);
    bench.template("profiles", "root.toml", "typo-root.toml", &[("\nback_dated_days", "\nbackdated_days")]);
    let root = ["ca", "root", "--label", "second", "--common-name", "Second", "--profile", "typo-root.toml"];
    let said =
        ["profiles/typo-root.toml, line 11: unknown key `backdated_days`: did you mean `back_dated_days`?"];
    bench.refuses(bench.unlocked(&root), 3, &said);
}

#[test]
fn a_product_that_would_store_a_hubs_connection_string_is_refused_saying_why() {
    let bench = Bench::bare(1);
    let why = "a unit that keeps one is lost when its hub changes. Give it ID scope, device ID and credential; it gets \
               the connection string from DPS each time it registers";
    let secret = "HostName=contoso.azure-devices.net;DeviceId=x;SharedAccessKey=c2VjcmV0LWtleQ==";
    let values = [
        ("key.toml", "iothub_connection_string = \"x\"".to_owned(), "key `iothub_connection_string`"),
        ("camel.toml", "ConnectionString = \"x\"".to_owned(), "key `ConnectionString`"),
        ("value.toml", format!("hub = \"{secret}\""), "value `HostName=con…`"),
    ];
    for (name, line, found) in values {
        bench.product(name, &[("[link.values]\n", &format!("[link.values]\n{line}\n"))]);
        let said = [format!("product {name} asks for a hub connection string ({found})")];
        let outcome = bench.refuses(order_of(&bench, name), 3, &[&said[0], why]);
        assert!(!outcome.stderr.contains("c2Vj"), "the key inside is shown: {}", outcome.stderr);
    }
    // Nor by way of a document.
    let documents = bench.folder().join("documents");
    std::fs::create_dir(&documents).unwrap();
    let text =
        "HostName=contoso.azure-devices.net;DeviceId=${registration_id};SharedAccessKey=${private_key}";
    let mut document = std::fs::File::create_new(documents.join("hub.txt")).unwrap();
    document.write_all(text.as_bytes()).unwrap();
    bench.product("document.toml", &[("document = \"payload-ga.json\"", "document = \"hub.txt\"")]);
    let said = "documents/hub.txt: it holds a hub connection string (`sharedaccesskey=`)";
    bench.refuses(order_of(&bench, "document.toml"), 3, &[said, "ID scope, device ID and credential"]);
}

/// A gateway whose dialogue lacks these steps.
fn product_without(bench: &Bench, section: &str) -> String {
    let text = std::fs::read_to_string(format!("{TEMPLATES}/dialogues/linux-gateway.toml")).unwrap();
    let start = text.find(&format!("[[{section}]]")).unwrap();
    let length = text[start..].find("\n\n").unwrap();
    let name = format!("no-{section}.toml");
    let changes = [(&text[start..start + length], "")];
    bench.template("dialogues", "linux-gateway.toml", &name, &changes);
    bench.product(&name, &[("linux-gateway.toml", &name)]);
    name
}

#[test]
fn a_product_that_asks_for_what_its_link_cannot_give_is_refused() {
    let bench = Bench::bare(1);
    let no_challenge = product_without(&bench, "challenge");
    let no_observe = product_without(&bench, "observe");
    bench.product("weak-key.toml", &[("evidence = \"challenge\"", "evidence = \"device-digest\"")]);
    bench.product(
        "strong-chain.toml",
        &[(
            "document = \"certificate-chain.pem\"\nevidence = \"device-digest\"",
            "document = \"certificate-chain.pem\"\nevidence = \"challenge\"",
        )],
    );
    bench.product("no-scope.toml", &[("document = \"aziot-x509.toml\"", "document = \"payload-ga.json\"")]);
    bench.product("no-user.toml", &[("\nuser = \"root\"", "")]);
    bench.product("no-document.toml", &[("payload-ga.json", "payload-gb.json")]);
    let cases: [(&str, &[&str]); 7] = [
        (
            &no_challenge,
            &[
                "item `device-key` asks for challenge, which dialogue no-challenge.toml cannot give: it has no [[challenge]] steps",
            ],
        ),
        (
            &no_observe,
            &["item `certificate-chain` asks for device digest, which dialogue no-observe.toml cannot give"],
        ),
        (
            "weak-key.toml",
            &["item `device-key` holds the unit's key and asks for device digest: ask for challenge"],
        ),
        (
            "strong-chain.toml",
            &[
                "item `certificate-chain` asks for a challenge and holds no key: ask for device-digest or read-back",
            ],
        ),
        ("no-scope.toml", &["no item writes ${registration_id}: a unit without it cannot register; add it"]),
        ("no-user.toml", &["sends ${user} in [[log_in]], and nothing sets it: add it to [link.values]"]),
        ("no-document.toml", &["no documents template `payload-gb.json`", "nor built in ("]),
    ];
    for (product, parts) in cases {
        eprintln!("case: {product}");
        bench.refuses(order_of(&bench, product), 3, parts);
    }
}

#[test]
fn a_product_whose_id_scope_changed_after_its_order_was_taken_is_refused() {
    let bench = Bench::new(1);
    bench.product("moved.toml", &[]);
    bench.order_of("april", "moved.toml", 1);
    let path = bench.folder().join("products/moved.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    write(&path, &text.replace("0ne00ABCDEF", "0ne00FEDCBA"));
    let said = "order april was taken for ID scope 0ne00ABCDEF, and product moved.toml now says 0ne00FEDCBA";
    bench.refuses(run(&bench, "april"), 3, &[said, "correct the product, or take a new order"]);
}

#[test]
fn what_is_not_there_is_named() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let said = ["the ledger has no order `may`: `station order show` lists them"];
    bench.refuses(run(&bench, "may"), 3, &said);
    bench.refuses(bench.station(&["order", "show", "may"]), 3, &said);
    bench.refuses(bench.station(&["manifest", "central", "may"]), 3, &["`may`"]);
    let fixture = run(&bench, "april").args(&["--fixture", "7"]);
    bench.refuses(fixture, 3, &["station.toml has no fixture `7`: it has 1"]);
    let empty = bench.root().join("empty");
    std::fs::create_dir(&empty).unwrap();
    for arguments in [&["check"][..], &["run", "april"], &["keys", "import", "x"]] {
        let call = Station::new(arguments).on(&empty).input("x\n");
        let said =
            format!("{} is not there: name the station's folder", empty.join("station.toml").display());
        bench.refuses(call, 3, &[&said, "`station init`"]);
    }
    let said = format!("no ledger at {}: name the station's folder", empty.join("ledger.db").display());
    bench.refuses(Station::new(&["order", "show"]).on(&empty), 3, &[&said]);
    assert_eq!(std::fs::read_dir(&empty).unwrap().count(), 0);
}

#[test]
fn a_station_that_runs_refuses_all_who_write_and_answers_all_who_read() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    let mut running = Running::start(bench.unlocked(&["--json", "run", "april", "--patience", "60"]));
    running.wait_for("a fixture waits", |event| event["event"] == "waiting");
    let said = format!(
        "the ledger {} is held by `station run`, process ",
        bench.folder().join("ledger.db").display()
    );
    let writers = [
        run(&bench, "april"),
        order_of(&bench, "gateway-x509.toml"),
        bench.station(&["keys", "import", "other"]).input("secret\n"),
        bench.unlocked(&["ca", "root", "--label", "second", "--common-name", "Second"]),
        bench.station(&["unit", "rework", "gw-0001", "--reason", "trial"]),
        bench.station(&["unit", "scrap", "gw-0001", "--reason", "trial"]),
        bench.station(&["ledger", "rebuild"]),
    ];
    for call in writers {
        bench.refuses(call, 4, &[&said, "wait for it to end, or stop it"]);
    }
    let readers = [
        &["order", "show"][..],
        &["order", "show", "april"],
        &["unit", "show", "gw-0001"],
        &["ledger", "verify"],
        &["ledger", "show"],
        &["ca", "show"],
        &["check"],
    ];
    for arguments in readers {
        let outcome = bench.station(arguments).run().expect(0);
        assert_ne!(outcome.stdout, "", "{arguments:?}");
    }
    running.signal("INT");
    running.end().expect(1);
    order_of(&bench, "gateway-x509.toml").run().expect(0);
}

#[test]
fn nothing_that_exists_is_overwritten() {
    let bench = Bench::new(1);
    bench.order("april", 1);
    {
        let _simulator = bench.simulate(1, 1, &["--no-pacing"]);
        bench.run("april").expect(0);
    }
    let folder = bench.folder();
    let said = format!("{} exists already and is not overwritten", folder.display());
    let init = Station::new(&["init"]).arg(&folder).unlocked_by("another");
    bench.refuses(init, 3, &[&said, "move it away or name another file"]);
    let import = bench.station(&["keys", "import", "gateway-console"]).input("another\n");
    bench.refuses(
        import,
        3,
        &["the vault holds a secret `gateway-console` already, and it is not overwritten"],
    );
    for role in ["root", "intermediate"] {
        let call = bench.unlocked(&["ca", role, "--common-name", "Another"]);
        bench.refuses(call, 3, &[&format!("the station has an authority `{role}` already"), "another label"]);
    }
    let out = bench.root().join("out");
    write(&out, "mine");
    for arguments in
        [&["manifest", "central", "april"][..], &["manifest", "dps", "april", "--group", "line-1"]]
    {
        let said = format!("{} exists already and is not overwritten", out.display());
        bench.refuses(bench.station(arguments).arg("--out").arg(&out), 3, &[&said]);
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "mine");
    }
    let nowhere = bench.root().join("no/such/folder");
    let said = format!("cannot write {}: check that the folder exists", nowhere.display());
    let call = bench.station(&["manifest", "central", "april"]).arg("--out").arg(&nowhere);
    bench.refuses(call, 4, &[&said]);
}
