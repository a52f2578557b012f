"""A table's columns: provenance, the row's key, what was run, what was measured."""

from dataclasses import make_dataclass
from typing import Annotated, Any

import pytest
from typing_extensions import Doc

from crossscale_results.columns import columns_of
from crossscale_results.provenance import Provenance
from crossscale_results.table import Table


def one_column(name: str, hint: Any = int) -> type:
    return make_dataclass("Made", [(name, Annotated[hint, Doc("It.")])])


def test_columns_are_provenance_key_configuration_and_measurement(toy: Any) -> None:
    shared = [column.name for column in columns_of(Provenance)]
    assert list(toy.TOY.header) == [
        *shared,
        *("seed", "repeat", "not_measured"),
        *("kernel", "mode", "warm", "batch_size"),
        *("step_s", "other_step_s", "moved_bytes", "note"),
    ]
    assert [column.name for column in toy.TOY.columns] == list(toy.TOY.header)


def test_only_measurements_with_none_in_their_type_may_be_empty(toy: Any) -> None:
    assert toy.TOY.optional == ("other_step_s", "moved_bytes", "note")


@pytest.mark.parametrize(
    "name", ["", "Toy", "toy.csv", "../toy", "a/b", "1toy", "_toy", "töy", "a\n"]
)
def test_a_name_that_is_no_plain_file_name_is_refused(toy: Any, name: str) -> None:
    with pytest.raises(TypeError, match="must be of a-z, 0-9 and _"):
        Table(name, "One.", toy.ToyRun, toy.ToyMeasurement)


@pytest.mark.parametrize("name", ["a", "toy_2", "module1_ladder"])
def test_a_plain_name_is_taken(toy: Any, name: str) -> None:
    assert Table(name, "One.", toy.ToyRun, toy.ToyMeasurement).name == name


@pytest.mark.parametrize("name", ["run_id", "seed", "not_measured", "batch_size"])
def test_a_column_that_is_there_already_is_refused(toy: Any, name: str) -> None:
    with pytest.raises(TypeError, match=f"table toy has the column {name} twice"):
        Table("toy", "One.", toy.ToyRun, one_column(name))


def test_a_field_that_cannot_be_a_column_is_refused_at_once(toy: Any) -> None:
    with pytest.raises(TypeError, match=r"Made\.step is a float whose name ends in no unit"):
        Table("toy", "One.", toy.ToyRun, one_column("step", float))
