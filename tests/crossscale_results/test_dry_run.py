"""What every `--dry-run` says of its device and of the columns that stay empty."""

import pytest

from crossscale_results import dry_run
from crossscale_results.dry_run import device_line, empty_lines, rows_line


@pytest.mark.parametrize(
    ("device", "found", "line"),
    [
        ("cpu", "none", "device: cpu; no accelerator was found"),
        ("cpu", "TEST GPU", "device: cpu; TEST GPU is unused"),
        ("cuda", "TEST GPU", "device: cuda, TEST GPU"),
    ],
)
def test_the_device_is_named_and_so_is_an_accelerator_that_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, device: str, found: str, line: str
) -> None:
    monkeypatch.setattr(dry_run, "accelerator", lambda: found)
    assert device_line(device) == line


def test_columns_of_one_reason_are_in_one_line(toy: object) -> None:
    table = toy.TOY  # type: ignore[attr-defined]
    lines = empty_lines(
        table,
        {
            "A": {"copy_ms": "no copy", "load_ms": "no load", "wait_ms": "no copy"},
            "B": {"copy_ms": "no copy", "wait_ms": "no copy"},
            "C": {"copy_ms": "no copy"},
        },
    )
    assert lines == [
        f"empty in {table.name}:",
        "  copy_ms, wait_ms: no copy (A, B)",
        "  load_ms: no load (A)",
        "  copy_ms: no copy (C)",
    ]
    assert empty_lines(table, {"A": {}})[1:] == ["  nothing"]


def test_the_file_is_named_with_its_rows(toy: object, tmp_path: object) -> None:
    table = toy.TOY  # type: ignore[attr-defined]
    assert rows_line(table, tmp_path, 3) == f"{tmp_path}/{table.name}.csv: 3 rows"  # type: ignore[arg-type]
