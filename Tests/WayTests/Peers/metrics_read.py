"""Reads metrics from standard input with the parser of prometheus_client and writes them as JSON: the type of each
family, and each sample as [name, labels, value]. Ends with 1 where the text is no such text."""

import json
import sys

from prometheus_client.parser import text_string_to_metric_families

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    families = list(text_string_to_metric_families(file.read()))
names = [family.name for family in families]
assert len(names) == len(set(names)), "a family comes twice"
for family in families:
    assert family.documentation, family.name
    keys = [(s.name, tuple(sorted(s.labels.items()))) for s in family.samples]
    assert len(keys) == len(set(keys)), "a sample comes twice: " + family.name
json.dump(
    {
        "types": {family.name: family.type for family in families},
        "samples": [
            {"name": s.name, "labels": s.labels, "value": s.value} for family in families for s in family.samples
        ],
    },
    sys.stdout,
)
