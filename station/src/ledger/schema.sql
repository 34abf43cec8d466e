-- The ledger proper: bytes written once. Everything below it is a projection of these rows.
CREATE TABLE IF NOT EXISTS entry (
    station TEXT NOT NULL,
    seq INTEGER NOT NULL,
    bytes TEXT NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (station, seq)
) STRICT;

-- Live bindings: each value has at most one holder.
CREATE TABLE IF NOT EXISTS claim (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    holder TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

-- What is never given again.
CREATE TABLE IF NOT EXISTS spent (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS secret (
    name TEXT PRIMARY KEY,
    -- JSON
    kind TEXT NOT NULL,
    seq INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS authority (
    label TEXT PRIMARY KEY,
    role TEXT NOT NULL,
    issuer TEXT,
    certificate TEXT NOT NULL,
    -- JSON; none where the key lies in the station's folder
    token_key TEXT,
    seq INTEGER NOT NULL
) STRICT;

-- What units hang on, and what takes its place.
CREATE TABLE IF NOT EXISTS roll_over (
    -- authority, group-key
    kind TEXT NOT NULL,
    retiring TEXT NOT NULL,
    successor TEXT NOT NULL,
    -- in-progress, expiry, breach: the last two are why it was retired
    state TEXT NOT NULL,
    at TEXT NOT NULL,
    PRIMARY KEY (kind, retiring)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS delivery (
    seq INTEGER PRIMARY KEY,
    order_name TEXT NOT NULL,
    form TEXT NOT NULL,
    -- JSON
    recipients TEXT NOT NULL,
    identities INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    at TEXT NOT NULL,
    acknowledged_at TEXT
) STRICT;

-- Whose keys a delivery carried, by the attempt that made them, or the entry that announced them without units.
CREATE TABLE IF NOT EXISTS delivered (
    delivery INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (delivery, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS orders (
    name TEXT PRIMARY KEY,
    product TEXT NOT NULL,
    product_sha256 TEXT NOT NULL,
    id_scope TEXT NOT NULL,
    quantity INTEGER NOT NULL,
    -- the most credentials that may ever be issued for it, and those that were
    issue_budget INTEGER,
    issued INTEGER NOT NULL,
    seq INTEGER NOT NULL
) STRICT;

CREATE TABLE IF NOT EXISTS identity (
    id_scope TEXT NOT NULL,
    registration_id TEXT NOT NULL,
    order_name TEXT NOT NULL,
    position INTEGER NOT NULL,
    name TEXT,
    serial_number TEXT,
    meant_for TEXT,
    -- open, live, on-hold, burnt, checked-out
    state TEXT NOT NULL,
    unit TEXT,
    -- entry that issued its current credential
    credential INTEGER,
    -- why the next credential replaces the current one, once something has happened that asks for it
    reissue TEXT,
    reason TEXT,
    PRIMARY KEY (id_scope, registration_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS identity_by_order ON identity (order_name, state, position);
CREATE INDEX IF NOT EXISTS identity_by_label ON identity (order_name, serial_number) WHERE serial_number IS NOT NULL;
CREATE UNIQUE INDEX IF NOT EXISTS identity_by_meant_for ON identity (order_name, meant_for) WHERE meant_for IS NOT NULL;

CREATE TABLE IF NOT EXISTS credential (
    -- the entry that issued it
    seq INTEGER PRIMARY KEY,
    id_scope TEXT NOT NULL,
    registration_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    -- what the entry says of it, JSON
    content TEXT NOT NULL,
    -- issued, live, superseded, revoked
    state TEXT NOT NULL,
    reason TEXT,
    -- when it was superseded or revoked
    ended_at TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS credential_by_identity ON credential (id_scope, registration_id, seq);

-- Credentials that were issued without a unit. What they are stands in the entry, at this place of its list.
CREATE TABLE IF NOT EXISTS ahead (
    id_scope TEXT NOT NULL,
    registration_id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    item INTEGER NOT NULL,
    order_name TEXT NOT NULL,
    -- announced, handed-over, superseded, revoked
    state TEXT NOT NULL,
    -- why another took its place, or it was revoked
    reason TEXT,
    -- since when nobody is to use it any more: of one that was never handed over too, whose key an `issue` that was cut
    -- off may have left in a folder
    ended_at TEXT,
    PRIMARY KEY (id_scope, registration_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS attempt (
    seq INTEGER PRIMARY KEY,
    order_name TEXT NOT NULL,
    fixture TEXT NOT NULL,
    hardware_id TEXT,
    registration_id TEXT,
    -- open, accepted, failed, refused
    state TEXT NOT NULL,
    disposition TEXT,
    reason TEXT,
    evidence TEXT,
    opened_at TEXT NOT NULL,
    closed_at TEXT,
    -- whether it announced to put the keys of its unit's TPM at their handles
    keeps_keys INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS attempt_by_order ON attempt (order_name, seq);
CREATE INDEX IF NOT EXISTS attempt_by_unit ON attempt (hardware_id, seq);

-- The product's text that an order's latest run began with.
CREATE TABLE IF NOT EXISTS run (
    order_name TEXT PRIMARY KEY,
    product_sha256 TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What was announced to be written to a unit, by the attempt that wrote it, and the product's text by which.
CREATE TABLE IF NOT EXISTS written (
    attempt INTEGER NOT NULL,
    item TEXT NOT NULL,
    -- of what is flashed
    offset INTEGER,
    length INTEGER,
    content_mac TEXT NOT NULL,
    product_sha256 TEXT,
    PRIMARY KEY (attempt, item)
) STRICT, WITHOUT ROWID;
