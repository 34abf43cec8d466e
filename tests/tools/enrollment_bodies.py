"""Reads DPS enrollment bodies with Microsoft's own service client.

    enrollment_bodies.py FILE...

Each file holds JSON bodies, one, or one a line: an individual enrollment, an enrollment group or a bulk operation.
Each is deserialised into the client's models and serialised again. The client drops keys that it does not know and accepts a body in which
required ones are missing, so a body passes only if it comes back equal and its model finds nothing to complain of.

Prints a line for each body. Exit code 0 if all pass, 1 if one does not, 2 if no file is named.
"""

import json
import sys

from msrest import Deserializer, Serializer
from msrest.exceptions import ClientException
from provisioningserviceclient.protocol import models

MODELS = {name: model for name, model in vars(models).items() if isinstance(model, type)}
# The key that tells which kind of body it is.
KINDS = {
    "enrollmentGroupId": "EnrollmentGroup",
    "registrationId": "IndividualEnrollment",
    "enrollments": "BulkEnrollmentOperation",
}
# Most enrollments of a bulk operation (service.json, BulkEnrollmentOperation).
MOST_TOGETHER = 10


def faults(body):
    """The kind of body, and what is wrong with it: nothing, if the list is empty."""
    if not isinstance(body, dict):
        return "?", ["not a JSON object"]
    kinds = [kind for key, kind in KINDS.items() if key in body]
    if len(kinds) != 1:
        return "?", [f"needs exactly one of the keys {' and '.join(KINDS)}"]
    kind = kinds[0]
    inner = []
    if kind == "BulkEnrollmentOperation":
        if not 1 <= len(body["enrollments"]) <= MOST_TOGETHER:
            inner.append(f"{len(body['enrollments'])} enrollments")
        # The client does not look into them.
        for enrollment in body["enrollments"]:
            inner += faults(enrollment)[1]
    else:
        inner += mechanism_faults(kind, body.get("attestation"))
    try:
        model = Deserializer(MODELS)(kind, body)
        found = [f"the model: {fault}" for fault in model.validate()]
        again = Serializer(MODELS).body(model, kind) if not found else None
    except ClientException as error:
        return kind, [f"the client refuses it: {error}"]
    if again is not None:
        found += differences(body, again)
    return kind, inner + found


def mechanism_faults(kind, attestation):
    """What the client overlooks in an attestation: any text is a type to it, whichever mechanism it stands beside."""
    if not isinstance(attestation, dict):
        return []  # its model finds that
    named = attestation.get("type")
    if sorted(attestation) != sorted(["type", str(named)]):
        return [f"attestation: holds {' and '.join(sorted(attestation))}, and its type is {named}"]
    # learn.microsoft.com/training/modules/examine-device-provisioning-lifecycle-tasks: groups are of certificates or keys.
    return ["attestation: a group of TPMs"] if (kind, named) == ("EnrollmentGroup", "tpm") else []


def differences(sent, back, where=""):
    """Every place at which the body that came back differs from the one that was sent."""
    if isinstance(sent, dict) and isinstance(back, dict):
        found = []
        for key in sorted(sent.keys() | back.keys()):
            place = f"{where}.{key}" if where else key
            if key not in back:
                found.append(f"{place}: unknown to the client, or misspelt")
            elif key not in sent:
                found.append(f"{place}: left out, and the client sends its own value")
            else:
                found += differences(sent[key], back[key], place)
        return found
    # As JSON, since True == 1 in Python. The values are not shown: they may be keys.
    same = json.dumps(sent, sort_keys=True) == json.dumps(back, sort_keys=True)
    return [] if same else [f"{where}: came back as another value or type"]


def no_doubled_key(pairs):
    """A JSON reader keeps the last of two equal keys; here the second one is an error."""
    keys = [key for key, _ in pairs]
    doubled = {key for key in keys if keys.count(key) > 1}
    if doubled:
        raise ValueError(f"key named twice: {', '.join(sorted(doubled))}")
    return dict(pairs)


def main(files):
    if not files:
        print(__doc__, file=sys.stderr)
        return 2
    failed = 0
    for name in files:
        try:
            with open(name, encoding="utf-8") as file:
                judged = [faults(body) for body in bodies(file.read())]
        except (OSError, ValueError) as error:
            judged = [("?", [str(error)])]
        for kind, found in judged:
            failed += bool(found)
            print(f"{name}: {kind}: {'; '.join(found) if found else 'equal after a round trip'}")
    return 1 if failed else 0


def bodies(text):
    """One body, on as many lines as it likes, or several, one a line."""
    try:
        return [json.loads(text, object_pairs_hook=no_doubled_key)]
    except json.JSONDecodeError:
        return [json.loads(line, object_pairs_hook=no_doubled_key) for line in text.splitlines()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
