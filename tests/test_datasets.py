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
import numpy as np
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
        "type": {"enum": ["integer", "number", "string", "datetime", "boolean", "list", "mapping"]},
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
WRITTEN = {  # by hand, as YAML: no size that an edit would change, and no builder
    **SCHEMA,
    "required": [key for key in SCHEMA["required"] if key not in ("rows", "bytes", "sha256", "seed", "made")],
}

IS_OF_TYPE = {
    "integer": types.is_integer_dtype,
    "number": types.is_numeric_dtype,
    "string": types.is_string_dtype,
    "datetime": types.is_datetime64_any_dtype,
    "boolean": types.is_bool_dtype,
    "list": lambda series: series.map(type).eq(list).all(),
    "mapping": lambda series: series.map(type).eq(dict).all(),
}

built = sorted(path.stem for path in DATASETS.glob("*.csv"))
written = sorted(path.stem.removesuffix("-card") for path in DATASETS.glob("*-card.yml"))
every_dataset = pytest.mark.parametrize("dataset", built)
every_table = pytest.mark.parametrize("dataset", built + written)


def card_of(dataset):
    """The card of a data set."""
    file = f"{dataset}-card.yml" if dataset in written else f"{dataset}.yml"
    return yaml.safe_load((DATASETS / file).read_text(encoding="utf-8"))


def frame_of(dataset):
    """The rows of a data set; of a CSV the datetime columns parsed."""
    if dataset in written:
        return pd.DataFrame(yaml.safe_load((DATASETS / f"{dataset}.yml").read_text(encoding="utf-8")))
    times = [column["name"] for column in card_of(dataset)["columns"] if column["type"] == "datetime"]
    return pd.read_csv(DATASETS / f"{dataset}.csv", parse_dates=times)


def test_every_csv_has_a_card_and_a_builder():
    for path in DATASETS.glob("*.csv"):
        for suffix in (".yml", ".py"):
            assert path.with_suffix(suffix).exists(), (
                f"datasets/{path.name} has no {path.stem}{suffix}: write it, or delete the CSV"
            )


def test_every_yaml_is_a_card_or_has_one():
    cards = set(catalogue.card_paths())
    for path in DATASETS.glob("*.yml"):
        data = (
            path.with_name(path.name.replace("-card", "")) if "-card" in path.name else path.with_suffix(".csv")
        )
        assert path not in cards or data.exists(), (
            f"datasets/{path.name}: if it is a card, its data are missing; if it is data, write {path.stem}-card.yml"
        )


@every_table
def test_card_has_every_field(dataset):
    try:
        jsonschema.validate(card_of(dataset), WRITTEN if dataset in written else SCHEMA)
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


@every_table
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
        if "range" not in column:
            continue
        low, high = column["range"]
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


@every_table
def test_stated_ground_truth_holds(dataset):
    frame = frame_of(dataset)
    for truth in card_of(dataset)["ground_truth"]:
        holds = eval(truth["check"], {"df": frame})  # the cards are part of the course
        assert bool(holds), f"datasets/{dataset}.csv: not true: {truth['says']} ({truth['check']})"


@every_table
def test_card_names_the_chapters_that_read_it(dataset):
    file = f"{dataset}.yml" if dataset in written else f"{dataset}.csv"
    readers = sorted(
        name(path)
        for path in CHAPTERS.glob("*/*.md")
        if re.search(rf"datasets/{re.escape(file)}", path.read_text(encoding="utf-8"))
    )
    assert card_of(dataset)["used_by"] == readers, f"datasets/{dataset}.yml: used_by should be {readers}"


def test_catalogue_is_in_step_with_the_cards():
    in_step = (DATASETS / "README.md").read_text(encoding="utf-8") == catalogue.catalogue()
    assert in_step, "datasets/README.md is not what the cards give: run `make catalogue`"


def builder_of(dataset):
    """The builder of a data set as a module."""
    spec = importlib.util.spec_from_file_location(f"build_{dataset}", DATASETS / f"{dataset}.py")
    builder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(builder)
    return builder


def test_shop_pages_are_answered_as_the_truth_says():
    builder, log = builder_of("shop"), frame_of("shop").drop_duplicates()
    listed, joined, pages = (log[log["event"] == event] for event in ("listed", "joined", "page"))
    item = listed.set_index("item")["truth"].str.split(expand=True).astype(float)
    user = joined.set_index("user")["truth"].str.split(expand=True).astype(float)
    item.columns, user.columns = ["kind", "style", "quality", "picture", "dear"], ["style", "budget", *range(5)]
    shown = pages.assign(item=pages["shown"].str.split()).explode("item").astype({"item": float})
    shown["position"] += shown.groupby(["session", "time"]).cumcount()
    shown["intent"] = shown["truth"].astype(float)
    shown = shown.join(item, on="item").join(user, on="user", rsuffix="_user")
    needed = shown[list(range(5))].eq(shown["kind"], axis=0).any(axis=1)
    wanted = needed.map({True: builder.OFF_INTENT["needed"], False: builder.OFF_INTENT["other"]})
    wanted = wanted.where(shown["kind"] != shown["intent"], 1.0)
    day = (shown["time"] - pd.Timestamp(builder.START)).dt.days - builder.SALE["first"]
    discount = builder.SALE["discount"] * day.between(0, builder.SALE["days"] - 1)
    gap = shown["dear"] + np.log((1 - discount) / shown["budget"])
    match = shown["style"] == shown["style_user"]
    p_view = shown["position"] ** -builder.DECAY * builder.p_view(
        match, wanted, gap, shown["picture"], shown["quality"]
    )
    p_buy = builder.p_buy(match, gap, shown["quality"])
    views = log[(log["event"] == "view") & log["source"].notna()]
    for source in ("home", "search", "shuffled"):
        p = p_view[shown["source"] == source]
        seen = (views["source"] == source).sum()
        assert abs(seen - p.sum()) < 4 * (p * (1 - p)).sum() ** 0.5, (
            f"datasets/shop.csv: views on {source} pages"
        )
    state = log["event"].where(log["event"].isin(["sold_out", "restocked"])).groupby(log["item"]).ffill()
    in_stock = state.loc[views.index] != "sold_out"
    keys = ["session", "item", "position"]
    half = shown.assign(half=p_buy**0.5).merge(views.loc[in_stock, keys], on=keys)["half"]
    carts = (log["event"] == "cart").sum()
    assert abs(carts - half.sum()) < 4 * (half * (1 - half)).sum() ** 0.5, (
        "datasets/shop.csv: carts of what was viewed"
    )
