"""Makes resources of FHIR R4 by the project's element tables, whole and with one thing changed, and has them judged by
`hilum check --fhir` and by fhir.resources. Prints what fhir.resources refuses and hilum doesn't, and what hilum refuses
for a reason that only a rule, null or a value of the wrong kind could be; then how many were judged.

usage: fhir_judge.py HILUM TABLES FOLDER SEED COUNT
"""
import copy
import json
import random
import subprocess
import sys
import warnings

warnings.filterwarnings("ignore")
from fhir.resources import construct_fhir_element  # noqa: E402

hilum, tables, folder, seed, count = sys.argv[1:4] + [int(number) for number in sys.argv[4:6]]
chance = random.Random(seed)
types, resources = {}, []
with open(tables) as file:
    for line in file:
        words = line.split()
        if line[0] in "RT":
            elements = types.setdefault(words[1], {})
            if line[0] == "R" and words[1] not in ("Resource", "DomainResource"):
                resources.append(words[1])
        elif line[0] == " ":
            elements[words[0]] = {
                "type": words[1], "list": words[2] in "*+", "required": words[2] in "1+",
                "choice": None if words[3] == "-" else words[3].rstrip("!"), "needed": words[3].endswith("!"),
                "targets": words[4][1:].split(",") if words[4][0] == ">" else [],
                "codes": words[4][1:].split(",") if words[4][0] == "=" else [],
            }

PRIMITIVES = {
    "string": ["x", "Müller", "a b"], "id": ["a1", "x-1.b"], "uri": ["http://x.example/a"], "code": ["abc", "x1"],
    "positiveInt": [1, 9], "unsignedInt": [0, 9], "integer": [-9, 0, 9], "boolean": [True, False],
    "date": ["2024", "2024-02", "2024-02-29"], "instant": ["2024-02-29T08:30:00Z"], "time": ["08:30:00"],
    "dateTime": ["2024", "2024-02-29", "2024-02-29T08:30:00+01:00", "2024-02-29T08:30:00.123Z"],
    "markdown": ["x"], "canonical": ["http://x.example/a|1"], "decimal": [1, 1.5, -0.25], "base64Binary": ["YWJj"],
    "url": ["http://x.example/a"], "oid": ["urn:oid:1.2.3"], "uuid": ["urn:uuid:c757873d-ec9a-4326-a141-556f43239520"],
    "xhtml": ['<div xmlns="http://www.w3.org/1999/xhtml">x</div>'],
}


def value(element, depth):
    if element["type"] in PRIMITIVES:
        return chance.choice(element["codes"] or PRIMITIVES[element["type"]])
    if element["type"] == "Resource":
        return made("Organization", 2, True)
    if element["type"] == "Reference":
        targets = [name for name in element["targets"] if name != "Resource"] or ["Patient"]
        return {"reference": chance.choice(targets) + "/1"}
    return made(element["type"], depth + 1)


def made(name, depth, is_resource=False):
    content = {"resourceType": name} if is_resource else {}
    chosen, elements = set(), types[name]
    for key in chance.sample(list(elements), len(elements)):
        element = elements[key]
        if key in ("contained", "extension", "modifierExtension", "implicitRules"):
            continue
        if element["choice"]:
            if element["choice"] in chosen:
                continue
            if not element["needed"] and (depth > 1 or chance.random() < 0.7):
                continue
            if depth > 3 and element["type"] not in PRIMITIVES:
                continue
            chosen.add(element["choice"])
        elif not element["required"] and (depth > 2 or chance.random() < (0.75 if depth == 0 else 0.85)):
            continue
        inner = value(element, depth)
        content[key] = [inner] * chance.randint(1, 2) if element["list"] else inner
    if not any(key != "resourceType" for key in content):
        plain = [key for key, element in elements.items() if element["type"] in ("string", "id") and not element["choice"]]
        if plain:
            key = chance.choice(plain)
            content[key] = ["x"] if elements[key]["list"] else "x"
    return content


def places(content, path=()):
    pairs = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, inner in pairs:
        yield path + (key,)
        yield from places(inner, path + (key,))


def changed(content):
    content = copy.deepcopy(content)
    place = chance.choice(list(places(content)))
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    key, kind = place[-1], chance.choice("remove rename case wrap unwrap null number text empty object list true".split())
    if kind == "remove":
        del inner[key]
    elif kind == "rename" and isinstance(key, str):
        inner[key + "x"] = inner.pop(key)
    elif kind == "case" and isinstance(key, str):
        inner[key[0].swapcase() + key[1:]] = inner.pop(key)
    elif kind == "wrap":
        inner[key] = [inner[key]]
    elif kind == "unwrap" and isinstance(inner[key], list):
        inner[key] = inner[key][0]
    else:
        others = {"null": None, "number": 7, "text": "b ad", "empty": "", "object": {}, "list": [], "true": True}
        inner[key] = others.get(kind, inner[key])
    return content


def refused(content):
    try:
        construct_fhir_element(content["resourceType"], copy.deepcopy(content))
        return None
    except Exception as error:  # Whatever it is: the resource is not taken.
        return " ".join(str(error).split())[:200]


whole = [made(chance.choice(resources), 0, True) for _ in range(count)]
contents = [(content, True) for content in whole] + [(changed(content), False) for content in whole]
paths = [f"{folder}/{number}.json" for number in range(len(contents))]
for path, (content, _) in zip(paths, contents):
    with open(path, "w") as file:
        json.dump(content, file)
outcomes = []
for first in range(0, len(paths), 200):
    said = subprocess.run([hilum, "check", "--fhir", "--json"] + paths[first:first + 200], capture_output=True, text=True)
    outcomes += [json.loads(line) for line in said.stdout.splitlines()]
assert len(outcomes) == len(contents), f"{len(outcomes)} outcomes of {len(contents)} resources"
ours = both = 0
for (content, is_whole), outcome in zip(contents, outcomes):
    issues = [issue for issue in outcome["issue"] if issue["severity"] == "error"]
    theirs = refused(content)
    ours, both = ours + bool(issues), both + bool(issues and theirs)
    if theirs and not issues:
        print(f"taken, and not by fhir.resources ({theirs}): {json.dumps(content)[:400]}")
    # Whole ones break the rules across elements by chance, and nothing else.
    for issue in issues if is_whole else []:
        if issue["code"] != "invariant":
            print(f"refused: {issue['diagnostics']} at {issue.get('expression')}: {json.dumps(content)[:400]}")
print(f"{len(contents)} judged, {ours} refused, {both} by both")
