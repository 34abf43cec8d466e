//! The shapes, one function a document. A script may rely on each key and type here.

use serde_json::{Value, json};

/// An authority, as `ca` shows it.
pub(crate) fn authority() -> Value {
    json!({
        "label": "string", "role": "=root|intermediate", "issuer": "string?", "subject": "string",
        "certificate_serial": "hex", "public_key": "hex", "not_before": "time", "not_after": "time",
        "certificate": "string", "key_algorithm": "=p-256|p-384|rsa-2048|rsa-3072|rsa-4096",
        "token_key": [null, {"uri": "string", "pin": "string"}],
        "roll_over": [null, {"successor": "string", "state": "=in-progress|expiry|breach", "since": "time"}],
    })
}

/// A delivery, as the ledger keeps it.
pub(crate) fn delivery() -> Value {
    json!({
        "delivery": "integer", "order": "string", "form": "=sealed|clear", "recipients": ["string"],
        "identities": "integer", "sha256": "hex", "at": "time", "acknowledged_at": "time?",
    })
}

/// What a roll-over did.
pub(crate) fn rolled_over() -> Value {
    json!({
        "hold": "=authority|group-key", "name": "string", "successor": "string",
        "state": "=in-progress|expiry|breach", "units": "integer", "folder?": "string",
    })
}

/// One finding of `check`.
pub(crate) fn finding() -> Value {
    json!({"id": "string", "verdict": "=ok|skipped|warning|failed", "seen": "string", "todo": "string"})
}

/// A TPM, as `tpm show` shows it.
pub(crate) fn tpm() -> Value {
    json!({
        "endorsement_key": "string", "endorsement_key_from": "=persistent|template|makers-template",
        "template": "=l-1|l-2|other", "registration_id": "string", "storage_root_key": "string",
        "storage_root_key_from": "=persistent|template", "manufacturer": "string", "model": "string",
        "firmware": "string", "software": "bool", "locked_out": "bool", "challenge": "=passed?",
        "ek_certificate": {
            "present": "bool", "subject": "string?", "issuer": "string?", "certificate_serial": "hex?",
            "not_before": "time?", "not_after": "time?", "manufacturer": "string?", "model": "string?",
            "version": "string?", "reason": "string?",
            "verdict": "=absent|trusted|not-judged|unreadable|other-key|not-for-endorsement|not-yet-valid|expired\
                        |no-chain|foreign-root|bad-issuer",
        },
    })
}

/// An object's shape with further keys.
pub(crate) fn with(mut shape: Value, more: Value) -> Value {
    shape.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shape
}

/// How an order stands.
pub(crate) fn counts() -> Value {
    json!({
        "ordered": "integer", "accepted": "integer", "open": "integer", "on_hold": "integer", "burnt": "integer",
        "unbound": "integer", "waiting": "integer", "checked_out": "integer",
    })
}

/// An order, without its attempts.
pub(crate) fn order() -> Value {
    let order = json!({
        "name": "string", "product": "string", "product_sha256": "hex", "id_scope": "string", "quantity": "integer",
        "issue_budget": "integer?", "issued": "integer",
    });
    with(order, counts())
}

fn evidence() -> Value {
    json!([{
        "item": "string", "grade": "=acknowledged|device-digest|read-back|challenge", "after_restart": "bool",
    }])
}

/// One attempt on a unit.
pub(crate) fn attempt() -> Value {
    json!({
        "attempt": "integer", "order": "string", "fixture": "string", "hardware_id": "string?",
        "registration_id": "string?", "state": "=open|accepted|failed|refused|interrupted",
        "disposition": "=retry|rework|scrap|hold?", "reason": "string?", "evidence": evidence(),
        "opened_at": "time", "closed_at": "time?",
    })
}

/// What is public about a credential, by its kind and, of a key, by its origin.
fn issued(credential: &Value) -> Value {
    let text = |name: &str| credential[name].as_str().unwrap_or_default();
    match (text("credential_kind"), text("key_origin")) {
        ("certificate", "") => json!({
            "credential_kind": "=certificate", "certificate_serial": "hex", "public_key": "hex", "chain": "string",
            "authority?": "string", "key_maker?": "=device",
        }),
        ("device-key", "random") => json!({
            "credential_kind": "=device-key", "key_origin": "=random", "key_mac": "hex", "secondary_mac": "hex",
        }),
        ("endorsement-key", "") => json!({
            "credential_kind": "=endorsement-key", "endorsement_key": "string", "storage_root_key": "string",
            "public_key": "hex", "template": "=l-1|l-2|other",
            "endorsement_key_from": "=persistent|template|makers-template", "certificate?": "string",
            "origin": "=proven|unproven", "root?": "string", "manufacturer": "string", "model": "string",
            "firmware": "string", "software": "bool",
        }),
        other => panic!("no shape for a credential of kind {other:?}"),
    }
}

/// A unit, as `unit` shows it.
pub(crate) fn unit() -> Value {
    unit_with(&json!({"credential_kind": "certificate"}))
}

/// A unit whose credentials are like this one.
pub(crate) fn unit_with(credential: &Value) -> Value {
    let standing = json!({
        "attempt": "integer", "state": "=issued|live|superseded|revoked|announced|handed-over", "reason": "string?",
        "ended_at": "time?",
    });
    let credential = with(issued(credential), standing);
    json!({
        "id_scope": "string", "registration_id": "string", "order": "string", "name": "string?",
        "serial_number": "string?", "meant_for": "string?", "state": "=open|live|on-hold|burnt|checked-out", "unit": "string?",
        "credential": [null, credential], "reissue": "string?", "reason": "string?", "credentials": [credential],
        "attempts": [attempt()],
    })
}

/// A unit compared with the ledger.
pub(crate) fn verified() -> Value {
    json!({
        "order": "string", "hardware_id": "string?", "locks": "string?", "registration_id": "string?",
        "state": "=open|live|on-hold|burnt|checked-out?", "after_restart": "bool", "verdict": "=proven|unproven",
        "reason": "string?",
        "items": [{
            "item": "string", "grade": "=acknowledged|device-digest|read-back|challenge",
            "result": "=agrees|differs|not-asked", "reason": "string?",
        }],
    })
}

/// What a unit on a console would get.
pub(crate) fn explained() -> Value {
    let value = json!({"bytes": "integer?", "text": "string?", "secret": "bool"});
    json!({
        "order": "string", "product": "string", "registration_id": "string", "link": "string", "made_up": "string",
        "steps": [{
            "step": "=make-key|read-certificate|read-endorsement-key|write|keep-keys|restart", "item": "string?", "value": [null, value],
            "place": {"mode?": "string", "owner?": "string", "path?": "string"},
            "evidence": "=acknowledged|device-digest|read-back|challenge?",
        }],
    })
}

/// What a unit that gets an image would get.
pub(crate) fn explained_image() -> Value {
    json!({
        "order": "string", "product": "string", "registration_id": "string", "link": "string", "made_up": "string",
        "base": ["hex"], "skips_what_agrees": "bool",
        "ranges": [{
            "offset": "integer", "length": "integer", "slot": "string?",
            "evidence": "=acknowledged|device-digest|read-back|challenge?",
            "holds": [{"name": "string", "bytes": "integer?", "text": "string?", "secret": "bool"}],
        }],
    })
}

/// What a run tells, by the event's name.
pub(crate) fn run_event(event: &Value) -> Value {
    let fields = match event["event"].as_str().unwrap() {
        "waiting" | "unit_found" => json!({}),
        "identified" => json!({"hardware_id": "string", "attempt": "integer"}),
        "decided" => json!({"decision": "=new|same-again|resume|reissue", "registration_id": "string"}),
        "step" => json!({"number": "integer", "of": "integer", "step": "string"}),
        "not_granted" => json!({"registration_id": "string", "asked": ["string"]}),
        "progress" => json!({"done": "integer", "total": "integer"}),
        "warning" => json!({"text": "string"}),
        "fixture_closed" => json!({"reason": "string"}),
        "verdict" => with(
            verdict(event),
            json!({
                "verdict": "string", "attempt": "integer?", "hardware_id": "string?", "registration_id": "string?",
                "seconds": "number",
            }),
        ),
        "summary" => return with(counts(), json!({"event": "string", "order": "string", "done": "bool"})),
        other => panic!("no shape for the event {other}"),
    };
    with(fields, json!({"event": "string", "fixture": "string"}))
}

fn verdict(event: &Value) -> Value {
    match event["verdict"].as_str().unwrap() {
        "accepted" => json!({"evidence": evidence()}),
        "failed" => json!({"disposition": "=retry|rework|scrap|hold", "reason": "string"}),
        "not_needed" => json!({"reason": "string"}),
        other => panic!("no shape for the verdict {other}"),
    }
}

/// An entry of the ledger, by the fact's kind.
pub(crate) fn entry(entry: &Value) -> Value {
    let identity = || json!({"id_scope": "string", "registration_id": "string"});
    let word = || json!({"identity": identity(), "reason": "string"});
    let fact = match entry["fact"]["kind"].as_str().unwrap() {
        "station_created" => json!({}),
        "secret_imported" => json!({"name": "string", "secret_kind": "=text|group-key|pin|device-keys"}),
        "authority_created" => json!({
            "label": "string", "role": "=root|intermediate", "issuer?": "string", "certificate_serial": "hex",
            "public_key": "hex", "certificate": "string", "token_key?": {"uri": "string", "pin": "string"},
        }),
        "possession_proven" => json!({
            "authority": "string", "code": "string", "certificate_serial": "hex", "public_key": "hex",
            "certificate": "string",
        }),
        "revocation_list_issued" => json!({
            "authority": "string", "number": "integer", "next_update": "time", "revoked": "integer", "sha256": "hex",
        }),
        "roll_over_begun" => json!({"hold": "=authority|group-key", "name": "string", "successor": "string"}),
        "retired" => json!({
            "hold": "=authority|group-key", "name": "string", "successor": "string", "reason": "=expiry|breach",
        }),
        "order_added" => json!({
            "order": "string", "product": "string", "product_sha256": "hex", "id_scope": "string",
            "quantity": "integer", "issue_budget?": "integer",
        }),
        "budget_set" => json!({"order": "string", "issue_budget": "integer", "reason": "string"}),
        "order_rows" => json!({"order": "string", "rows": [{
            "registration_id": "string", "name?": "string", "serial_number?": "string", "hardware_id?": "string",
        }]}),
        "run_started" => json!({"order": "string", "product_sha256": "hex", "attestation": "string"}),
        "attempt_opened" => json!({
            "order": "string", "fixture": "string", "hardware_id": "string", "learnt_from": "string",
            "scanned?": "string",
        }),
        "refused" => json!({
            "attempt?": "integer", "order": "string", "fixture": "string", "hardware_id?": "string",
            "disposition": "=retry|rework|scrap|hold", "reason": "string",
        }),
        "claimed" => json!({
            "attempt": "integer", "order": "string", "identity": identity(), "hardware_id": "string",
            "decision": "=new|same-again|resume|reissue",
        }),
        "certificate_requested" => json!({
            "attempt": "integer", "identity": identity(), "request": "string", "not_granted?": ["string"],
        }),
        "issued" => with(
            issued(&entry["fact"]),
            json!({"attempt": "integer", "identity": identity(), "supersedes?": "string"}),
        ),
        "announced" => json!({
            "attempt": "integer", "act": "=make-key|read-certificate|write|flash|keep-keys|restart", "item?": "string",
            "offset?": "integer", "length?": "integer", "content_mac?": "hex",
        }),
        "issued_ahead" => json!({
            "order": "string", "id_scope": "string", "above?": "string", "keys?": "integer", "supersedes?": "string",
            "credentials": [with(issued(&entry["fact"]["credentials"][0]), json!({"registration_id": "string"}))],
        }),
        "handed_over" => json!({
            "order": "string", "first": "integer", "credentials": "integer", "door": "=sealed|clear",
            "recipients?": ["string"], "sha256?": "hex",
        }),
        "accepted" => json!({"attempt": "integer", "identity": identity(), "evidence": evidence()}),
        "failed" => with(word(), json!({"attempt": "integer", "disposition": "=retry|rework|scrap|hold"})),
        "held" | "reworked" | "scrapped" => word(),
        "delivered" => json!({
            "order": "string", "form": "=sealed|clear", "recipients": ["string"], "identities": "integer",
            "sha256": "hex", "attempts": ["integer"],
        }),
        "delivery_acknowledged" => json!({"delivery": "integer"}),
        other => panic!("no shape for a fact of kind {other}"),
    };
    json!({
        "version": "integer", "station": "string", "seq": "integer", "at": "time", "previous": "hex",
        "fact": with(fact, json!({"kind": "string"})),
    })
}

/// What the simulator tells, by the event's name.
pub(crate) fn simulator_event(event: &Value) -> Value {
    let fields = match event["event"].as_str().unwrap() {
        "ready" => return json!({"event": "string", "units": "integer", "ports": ["string"]}),
        "fixture_failed" => return json!({"event": "string", "fixture": "integer", "reason": "string"}),
        "unit_in" => {
            json!({"hardware_id": "string", "insertion": "integer", "port": "string", "label": "string"})
        }
        "logged_in" | "login_refused" | "logged_out" | "rebooted" | "command_refused" => json!({}),
        "fault" => json!({
            "fault": "=unplug|babble|silence|garbled-command|garbled-answer|dropped-command|dropped-answer|\
                stalled-answer|brown-out|wrong-md5|lost-writes|pulled-out",
            "after": "integer",
        }),
        "unit_out" => json!({
            "reason": "=logged_out|login_refused|rebooted|command_refused|left_alone|not_written|after_fault|mute|\
                unplugged|stopped",
        }),
        other => panic!("no shape for the event {other}"),
    };
    with(fields, json!({"event": "string", "fixture": "integer", "unit": "string"}))
}
