"""A data set is what its card says, and anybody can make it again."""

import filecmp
import hashlib
import importlib.util
import json
import re
import subprocess
import sys

import catalogue
import jsonschema
import pandas as pd
import pytest
import yaml
from course import CHAPTERS, DATASETS, name
from pandas.api import types

TEXT = {"type": "string", "minLength": 3}
COLUMN = {
    "type": "object",
    "required": ["name", "type", "unit", "description", "missing"],
    "properties": {
        "name": {"type": "string"},
        "type": {"enum": ["integer", "number", "string", "datetime", "boolean"]},
        "unit": {"type": ["string", "null"]},
        "description": TEXT,
        "values": {"type": "array", "minItems": 1},
        "range": {"type": "array", "minItems": 2, "maxItems": 2},
        "missing": {"type": "boolean"},
    },
    "additionalProperties": False,
}
SCHEMA = {
    "type": "object",
    "required": [
        "name",
        "title",
        "row",
        "rows",
        "bytes",
        "sha256",
        "seed",
        "source",
        "licence",
        "used_by",
        "columns",
        "made",
        "ground_truth",
    ],
    "properties": {
        "name": {"type": "string"},
        "title": TEXT,
        "row": TEXT,
        "rows": {"type": "integer", "minimum": 1},
        "bytes": {"type": "integer", "minimum": 1, "maximum": 5_000_000},
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
        "made": {
            "type": "object",
            "required": ["mechanism", "parameters"],
            "properties": {"mechanism": TEXT, "parameters": {"type": "object", "minProperties": 1}},
            "additionalProperties": False,
        },
        "seed": {"type": "integer"},
        "columns": {"type": "array", "items": COLUMN, "minItems": 1},
        "ground_truth": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["says", "check"],
                "properties": {"says": TEXT, "check": TEXT},
            },
        },
        "source": TEXT,
        "licence": TEXT,
        "used_by": {"type": "array", "items": {"type": "string"}},
    },
    "additionalProperties": False,
}

IS_OF_TYPE = {
    "integer": types.is_integer_dtype,
    "number": types.is_numeric_dtype,
    "string": types.is_string_dtype,
    "datetime": types.is_datetime64_any_dtype,
    "boolean": types.is_bool_dtype,
}

every_dataset = pytest.mark.parametrize("dataset", sorted(path.stem for path in DATASETS.glob("*.csv")))


def card_of(dataset):
    """The card of a data set."""
    return yaml.safe_load((DATASETS / f"{dataset}.yml").read_text(encoding="utf-8"))


def frame_of(dataset):
    """The CSV of a data set, its datetime columns parsed."""
    times = [column["name"] for column in card_of(dataset)["columns"] if column["type"] == "datetime"]
    return pd.read_csv(DATASETS / f"{dataset}.csv", parse_dates=times)


def test_every_csv_has_a_card_and_a_builder():
    for path in DATASETS.glob("*.csv"):
        for suffix in (".yml", ".py"):
            assert path.with_suffix(suffix).exists(), (
                f"datasets/{path.name} has no {path.stem}{suffix}: write it, or delete the CSV"
            )


@every_dataset
def test_card_has_every_field(dataset):
    try:
        jsonschema.validate(card_of(dataset), SCHEMA)
    except jsonschema.ValidationError as error:
        where = "/".join(str(part) for part in error.absolute_path)
        pytest.fail(f"datasets/{dataset}.yml: {where + ': ' if where else ''}{error.message}", pytrace=False)
    assert card_of(dataset)["name"] == dataset, f"datasets/{dataset}.yml: name is {card_of(dataset)['name']!r}"


@every_dataset
def test_csv_is_the_one_the_card_describes(dataset):
    content = (DATASETS / f"{dataset}.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == card_of(dataset)["sha256"], (
        f"datasets/{dataset}.csv is not the file its card describes: restore it with `python datasets/{dataset}.py`, "
        "or, if the builder was changed on purpose, update sha256, rows and bytes in the card"
    )
    assert len(content) == card_of(dataset)["bytes"], f"datasets/{dataset}.yml: bytes should be {len(content)}"
    assert len(frame_of(dataset)) == card_of(dataset)["rows"], (
        f"datasets/{dataset}.yml: rows should be {len(frame_of(dataset))}"
    )


@every_dataset
def test_columns_hold_what_the_card_says(dataset):
    frame, columns = frame_of(dataset), card_of(dataset)["columns"]
    assert list(frame.columns) == [column["name"] for column in columns], (
        f"datasets/{dataset}: columns of card and CSV differ"
    )
    for column in columns:
        where, series = f"datasets/{dataset}: column {column['name']}", frame[column["name"]]
        assert column.get("missing") or series.notna().all(), (
            f"{where} has missing values, which the card does not allow"
        )
        known = series.dropna()
        assert IS_OF_TYPE[column["type"]](series), f"{where} is {series.dtype}, the card says {column['type']}"
        assert "values" not in column or set(known.unique()) <= set(column["values"]), (
            f"{where} has values not in the card"
        )
        low, high = column.get("range", [known.min(), known.max()])
        inside = (
            known.between(pd.Timestamp(low), pd.Timestamp(high))
            if column["type"] == "datetime"
            else known.between(low, high)
        )
        assert inside.all(), f"{where} leaves the card's range {[low, high]}"


@every_dataset
def test_card_states_the_parameters_of_the_builder(dataset):
    spec = importlib.util.spec_from_file_location(f"build_{dataset}", DATASETS / f"{dataset}.py")
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    assert card_of(dataset)["seed"] == builder.SEED, f"datasets/{dataset}.yml: seed should be {builder.SEED}"
    for parameter, stated in card_of(dataset)["made"]["parameters"].items():
        used = json.loads(json.dumps(getattr(builder, parameter, None), default=list))
        assert used == stated, (
            f"datasets/{dataset}.yml: {parameter} is {used} in the builder, {stated} in the card"
        )


@every_dataset
def test_builder_makes_the_same_bytes(dataset, tmp_path):
    builder = tmp_path / f"{dataset}.py"
    builder.write_text((DATASETS / f"{dataset}.py").read_text(encoding="utf-8"), encoding="utf-8")
    subprocess.run([sys.executable, builder], check=True, cwd=tmp_path, capture_output=True)
    same = filecmp.cmp(tmp_path / f"{dataset}.csv", DATASETS / f"{dataset}.csv", shallow=False)
    assert same, (  # pytest would look for the differences between two long byte strings for minutes
        f"datasets/{dataset}.py writes other bytes than datasets/{dataset}.csv: run it, and update the card"
    )


@every_dataset
def test_stated_ground_truth_holds(dataset):
    frame = frame_of(dataset)
    for truth in card_of(dataset)["ground_truth"]:
        holds = eval(truth["check"], {"df": frame})  # the cards are part of the course
        assert bool(holds), f"datasets/{dataset}.csv: not true: {truth['says']} ({truth['check']})"


@every_dataset
def test_card_names_the_chapters_that_read_it(dataset):
    readers = sorted(
        name(path)
        for path in CHAPTERS.glob("*/*.md")
        if re.search(rf"datasets/{dataset}\.csv", path.read_text(encoding="utf-8"))
    )
    assert card_of(dataset)["used_by"] == readers, f"datasets/{dataset}.yml: used_by should be {readers}"


def test_catalogue_is_in_step_with_the_cards():
    in_step = (DATASETS / "README.md").read_text(encoding="utf-8") == catalogue.catalogue()
    assert in_step, "datasets/README.md is not what the cards give: run `make catalogue`"
