"""What tells whose machine it was is found, and what looks like it is let pass."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossscale_results import privacy
from crossscale_results.privacy import private_part

WORDS = st.from_regex(r"[A-Za-z0-9]{1,9}", fullmatch=True)


@pytest.fixture(scope="module", autouse=True)
def somebody() -> Iterator[None]:
    """An account and a machine of the tests' own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", "/srv/people/somebody")
        patch.setattr(socket, "gethostname", lambda: "work-bench7.example.org")
        privacy._host_names.cache_clear()
        yield
    privacy._host_names.cache_clear()


@pytest.mark.parametrize(
    "text",
    [
        "/usr/share/data",
        "/data",
        "/.hidden",
        "//data",
        "/ümlaut/x",
        "read from /data/rows",
        "'/data/rows'",
        '"/data/rows"',
        "(/data)",
        "[/data]",
        "path=/data",
        "a,/data",
        "path:/data",
        "file:///data/rows",
        "~/data",
        "in ~/data",
        "~somebody/data",
        r"C:\Users\somebody",
        "c:/users/somebody",
        r"in D:\data",
    ],
)
def test_an_absolute_path_is_private(text: str) -> None:
    assert private_part(text) == "an absolute path"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "N/S",
        "and/or",
        "km / h",
        "GB/s",
        "8.0/2",
        "CPU w/ Graphics",
        "Example(R) CPU i9 @ 2.00GHz",
        "data/rows.csv",
        "./rows.csv",
        "../rows.csv",
        "https://example.org/a/b",
        "http://example.org",
        "see https://example.org/~a/",
        "~5 ms",
        "a ~ b",
        "/",
        "a: b; c: d",
        "2.13.0+cpu",
        "local training",
        "workbench7",
        "work-bench70",
        "bench7",
        "/".join(["people", "somebody"]),
    ],
)
def test_a_harmless_text_passes(text: str) -> None:
    assert private_part(text) == ""


@given(st.lists(WORDS, min_size=1, max_size=5), st.sampled_from(["/", " / ", ", ", "; ", " - "]))
def test_words_however_joined_are_no_path(words: list[str], joint: str) -> None:
    assert private_part(joint.join(words)) == ""


@given(st.lists(WORDS, min_size=1, max_size=5), st.sampled_from(["/", "~/", "C:\\", "file:///"]))
def test_a_path_anywhere_in_a_text_is_private(words: list[str], root: str) -> None:
    path = root + "/".join(words)
    for text in (path, f"see {path}", f"see {path}.", f"'{path}'", f"a={path} b"):
        assert private_part(text) == "an absolute path"


@pytest.mark.parametrize("text", ["x/srv/people/somebody", "x/srv/people/somebody/data"])
def test_the_home_folder_is_private_wherever_it_stands(text: str) -> None:
    assert private_part(text) == "the home folder"


def test_another_folder_that_begins_like_the_home_folder_is_not_it() -> None:
    assert private_part("x/srv/people/somebodyelse") == ""


@pytest.mark.parametrize("home", ["/", ""])
def test_a_home_that_is_no_folder_of_its_own_makes_nothing_private(
    monkeypatch: pytest.MonkeyPatch, home: str
) -> None:
    monkeypatch.setenv("HOME", home)
    assert private_part("N/S ~ km / h") == ""


@pytest.mark.parametrize(
    "text",
    [
        "work-bench7",
        "on work-bench7.",
        "WORK-BENCH7",
        "work-bench7.example.org",
        "rank 0@work-bench7:1",
    ],
)
def test_the_machines_name_is_private_with_and_without_its_domain(text: str) -> None:
    assert private_part(text) == "this machine's name"


@pytest.mark.parametrize("name", ["vm", "gpu", "localhost"])
def test_a_name_that_is_hardly_one_is_let_pass(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: name)
    privacy._host_names.cache_clear()
    try:
        assert private_part(f"a {name} b") == ""
    finally:
        privacy._host_names.cache_clear()


def test_a_machine_may_be_called_after_its_hardware() -> None:
    assert private_part("WORK-BENCH7 CPU", may_hold_host_name=True) == ""
    assert private_part("/work-bench7", may_hold_host_name=True) == "an absolute path"
