"""Reads alerts with the libraries of others: `check.py FORMAT < LINES`.

    eve     communityid       computes every Community ID anew (and so those of ecs and ocsf)
    ocsf    ocsf-json-schema  OCSF's own schema, 1.8.0, with jsonschema
    cef     cefp              reads every line; here each line is `[LINE, EXPECTED]` in JSON

`make peers` installs them. Exits with 77 where one is missing.
"""

import json
import sys

NOT_INSTALLED = 77


def eve(lines):
    import communityid

    ids = communityid.CommunityID()
    for number, line in enumerate(lines):
        alert = json.loads(line)
        if "community_id" in alert:
            yield number, differs(alert["community_id"], ids.calc(flow(alert, communityid)))


def flow(alert, communityid):
    addresses = alert["src_ip"], alert["dest_ip"]
    protocol = alert["proto"]
    if protocol == "ICMP":
        return communityid.FlowTuple.make_icmp(*addresses, alert["icmp_type"], alert["icmp_code"])
    if protocol == "IPv6-ICMP":
        return communityid.FlowTuple.make_icmp6(*addresses, alert["icmp_type"], alert["icmp_code"])
    numbers = {"IGMP": 2, "TCP": 6, "UDP": 17, "GRE": 47, "ESP": 50, "AH": 51, "SCTP": 132}
    number = numbers.get(protocol) or int(protocol)
    return communityid.FlowTuple(number, *addresses, alert.get("src_port"), alert.get("dest_port"))


def ocsf(lines):
    import jsonschema
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.8.0"))
    name = schema.lookup_class_name_from_uid(class_uid=2004)
    finding = schema.get_class_schema(class_name=name, profiles=["security_control"])
    validator = jsonschema.Draft202012Validator(finding)
    for number, line in enumerate(lines):
        errors = validator.iter_errors(json.loads(line))
        yield number, [f"{error.json_path}: {error.message[:200]}" for error in errors]


def cef(lines):
    import cefp

    for number, line in enumerate(lines):
        text, expected = json.loads(line)
        try:
            read = cefp.parse(text)
        except ValueError as error:
            yield number, [f"{error}: {text}"]
            continue
        found = {**read["extension"], **read["device"], "cef": read["version"]}
        found |= {key: read[key] for key in ("name", "severity")}
        yield number, [
            error for key in expected for error in differs(found.get(key), expected[key])
        ]


def differs(found, expected):
    return [] if found == expected else [f"{found!r} is not {expected!r}"]


def main():
    check = {"eve": eve, "ocsf": ocsf, "cef": cef}[sys.argv[1]]
    lines = sys.stdin.buffer.read().decode().splitlines(keepends=True)
    try:
        wrong = [(number, errors) for number, errors in check(lines) if errors]
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(NOT_INSTALLED)
    for number, errors in wrong[:20]:
        print(f"alert {number}: {'; '.join(errors)}")
    print(f"{len(lines)} alerts, {len(wrong)} not as they should be")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
