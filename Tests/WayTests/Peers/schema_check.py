"""Validates YAML files against a JSON schema: prints what is wrong with each, or nothing.

usage: schema_check.py SCHEMA FILE...
"""
import json
import re
import sys

import jsonschema
import yaml


class Loader(yaml.SafeLoader):
    """YAML 1.2's words, as editors read them: `yes` and `1:30` are texts."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
    ("bool", "^(true|false)$", "tf"),
    ("int", "^-?[0-9]+$", "-0123456789"),
    ("null", "^(null|~|)$", ["n", "~", ""]),
]:
    Loader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), list(first))

with open(sys.argv[1]) as file:
    schema = json.load(file)
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
for path in sys.argv[2:]:
    with open(path) as file:
        content = yaml.load(file, Loader)
    for error in validator.iter_errors(content):
        worst = jsonschema.exceptions.best_match([error])
        print(f"{path}: {'/'.join(map(str, worst.absolute_path))}: {worst.message}")
