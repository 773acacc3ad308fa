"""Markers, options and settings of the fixtures, the client fixtures, and what a failed test tells."""

import json
from textwrap import dedent

import pytest

from tests.plugin.test_fixtures import imported, passes, project, run, run_apart

__all__ = ["imported", "project"]


@pytest.fixture(autouse=True)
def contracted() -> None:
    """A server that crashes keeps to no contract."""


def test_marker_before_option_before_ini(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nimages_mock_scenario = quota_exhausted\nimages_mock_as_of = 2026-04-21\n")
    text = """
    from client import *

    def code(images_mock):
        try:
            edit(images_mock.base_url)
        except openai.APIStatusError as error:
            return error.code
        return images_mock.journal[0]["as_of"]

    def test_ini(images_mock):
        assert code(images_mock) == EXPECTED

    @pytest.mark.images_mock(scenario="moderation", as_of="latest")
    class TestMarked:
        def test_class(self, images_mock):
            assert code(images_mock) == "latest"

        @pytest.mark.images_mock(scenario="unverified_org", seed=3)
        def test_closest(self, images_mock):
            with pytest.raises(openai.PermissionDeniedError):
                edit(images_mock.base_url)
    """
    for options, expected in (((), "insufficient_quota"), (("--images-mock-scenario", "ok"), "2026-04-21")):
        pytester.makepyfile(test_theirs=f"EXPECTED = {expected!r}\n" + dedent(text))
        run(pytester, *options).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ("scenaro='ok'", "*the marker images_mock takes scenario, as_of, seed, strict by name, not scenaro*"),
        ("'ok'", "*by name, not ('ok',)*"),
        ("scenario='nope'", "*test_it: there is no scenario 'nope'*"),
        ("as_of='never'", "*test_it: *never*"),
        ("as_of='2022-11-02'", "*test_it: as-of 2022-11-02 is before 2022-11-03, when the first model was released*"),
        ("seed='x'", "*test_it: seed: expected an integer, got 'x'*"),
        ("seed=''", "*test_it: seed: expected an integer, got ''*"),
        ("seed=1.5", "*test_it: seed: expected an integer, got 1.5*"),
        ("seed=()", "*test_it: seed: expected an integer, got ()*"),
        ("scenario=''", "*test_it: there is no scenario ''*"),
        ("as_of=''", "*test_it: as-of: expected 'any', 'latest' or a date such as 2026-04-21, got ''*"),
        ("as_of=20260421", "*test_it: as-of: expected 'any', 'latest' or a date such as 2026-04-21, got 20260421*"),
        ("strict='perhaps'", "*test_it: strict: expected true or false, got 'perhaps'*"),
    ],
)
def test_wrong_markers(pytester: pytest.Pytester, marker: str, said: str) -> None:
    pytester.makepyfile(
        test_theirs=f"""
        import pytest

        @pytest.mark.images_mock({marker})
        def test_it(images_mock):
            pass
        """
    )
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("scenario=", "*test_it: there is no scenario ''*"),
        ("as-of=", "*test_it: as-of: expected 'any', 'latest' or a date such as 2026-04-21, got ''*"),
        ("as-of=2022-11-02", "*test_it: as-of 2022-11-02 is before 2022-11-03, when the first model was released*"),
        ("seed=", "*test_it: seed: expected an integer, got ''*"),
        ("seed=1_0", "*test_it: seed: expected an integer, got '1_0'*"),
        (f"seed={'9' * 5000}", "*test_it: seed: expected an integer, got '9999*"),
    ],
)
def test_wrong_options(pytester: pytest.Pytester, option: str, said: str) -> None:
    """On the command line, and what is not empty in the ini file too."""
    pytester.makepyfile(test_theirs="def test_it(images_mock):\n    pass\n")
    result = run(pytester, f"--images-mock-{option}")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([said])
    name, _, value = option.partition("=")
    pytester.makeini(f"[pytest]\nimages_mock_{name.replace('-', '_')} = {value}\n")
    result = run(pytester)
    result.assert_outcomes(errors=int(value != ""), passed=int(value == ""))


def test_settings_and_clients(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        import asyncio

        @pytest.fixture(scope="session")
        def images_mock_settings():
            return {"paint": "flat", "auth": "exact", "keys": ["sk-mockserver"]}

        def test_client(images_mock, images_mock_client):
            with PICTURE.open("rb") as picture:
                assert images_mock_client.images.edit(model="gpt-image-2", image=picture, prompt="x").data
            images_mock.assert_called_once(prompt="x", images=1)

        def test_async_client(images_mock_async_client):
            async def play():
                async with images_mock_async_client as client:
                    return await client.images.generate(model="gpt-image-2", prompt="x")

            assert asyncio.run(play()).data

        def test_env(images_mock_env):
            with openai.OpenAI() as client:
                assert client.images.generate(model="gpt-image-2", prompt="x").data
            images_mock_env.assert_called_once()
        """,
        3,
    )


def test_the_real_api_is_out_of_reach(pytester: pytest.Pytester) -> None:
    """Also when the code under test keeps its failure to itself."""
    pytester.makepyfile(
        test_theirs="""
        from client import *

        def test_it(images_mock_env):
            with openai.OpenAI(base_url="https://api.openai.com/v1", max_retries=0) as client:
                with pytest.raises(openai.APIConnectionError):
                    client.images.generate(model="gpt-image-2", prompt="x")
            with openai.OpenAI() as client:
                assert client.images.generate(model="gpt-image-2", prompt="x").data
        """
    )
    result = run(pytester)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the code under test looked up api.openai.com: read OPENAI_BASE_URL*"])


def test_strict(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_theirs="""
        from client import *

        @pytest.mark.images_mock(scenario="flaky")
        def test_ordered(images_mock):
            edit(images_mock.base_url, retries=3)

        def test_refused(images_mock):
            with pytest.raises(openai.BadRequestError):
                edit(images_mock.base_url, prompt="")

        @pytest.mark.images_mock(scenario="flaky")
        def test_unreached(images_mock):
            pass
        """
    )
    result = run(pytester, "--images-mock-strict")
    result.assert_outcomes(passed=3, errors=2)
    result.stdout.fnmatch_lines(["*was rejected with 400 empty_string: *"])
    result.stdout.fnmatch_lines(["*steps that were never reached: 1, 2, 3*"])


DATED = """
from client import *


def test_it(images_mock, images_mock_client, images_mock_server, monkeypatch):
    images_mock_client.images.generate(model="gpt-image-1.5", prompt="x")
"""


def test_shutdown_warning(pytester: pytest.Pytester) -> None:
    """It shows the test, not the plugin."""
    pytester.makepyfile(test_theirs=DATED)
    result = run(pytester)
    result.assert_outcomes(passed=1, warnings=1)
    result.stdout.fnmatch_lines(
        ["*test_theirs.py:4: ShutdownWarning: gpt-image-1.5 is shut down from 2026-12-01 on", "    def test_it(*"]
    )


def test_shutdown_warning_is_an_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_theirs=DATED)
    result = run(pytester, "-W", "error")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["ShutdownWarning: gpt-image-1.5 is shut down from 2026-12-01 on"])
    result.stdout.no_fnmatch_line("*During handling*")
    result.stdout.no_fnmatch_line("*pytest_plugin*")


@pytest.mark.parametrize("name", ["mockserver.ShutdownWarning", "mockserver.pytest_plugin.ShutdownWarning"])
def test_shutdown_warning_can_be_ignored(pytester: pytest.Pytester, name: str) -> None:
    pytester.makepyfile(test_theirs=DATED)
    run(pytester, "-W", "error", "-W", f"ignore::{name}").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "*steps that were never reached: 2, 3*"),
        (
            """
    monkeypatch.setattr(images_mock_server.server, "witness", None)
    with pytest.raises(openai.InternalServerError):
        images_mock_client.images.generate(model="gpt-image-1.5", prompt="x")
""",
            "*the server crashed:*",
        ),
    ],
)
def test_shutdown_warning_hides_no_failure(pytester: pytest.Pytester, more: str, said: str) -> None:
    reached = """
    images_mock.scenario("flaky")
    with pytest.raises(openai.RateLimitError):
        images_mock_client.images.generate(model="gpt-image-1.5", prompt="x")
"""
    pytester.makepyfile(test_theirs=DATED + reached + more)
    result = run(pytester, "-W", "error", "--images-mock-strict")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([said])


def test_crash(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_theirs="""
        from client import *

        def test_it(images_mock, images_mock_server, monkeypatch):
            monkeypatch.setattr(images_mock_server.server, "witness", None)
            with pytest.raises(openai.InternalServerError):
                edit(images_mock.base_url)
        """
    )
    result = run(pytester)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the server crashed:*", "*TypeError: 'NoneType' object is not callable*"])


def test_failed_test_tells(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_theirs="""
        from client import *

        def test_it(images_mock):
            edit(images_mock.base_url)
            with pytest.raises(openai.BadRequestError):
                edit(images_mock.base_url, prompt="")
            svg = {"output_format": "svg", "svg": {"model": "gpt-6-luna"}}
            with openai.OpenAI(base_url=images_mock.base_url, api_key="x") as client:
                client.images.generate(model="gpt-image-2.6-flare", prompt="x", extra_body=svg)
            assert False

        def test_nothing(images_mock):
            assert False
        """
    )
    run(pytester).assert_outcomes(failed=2)
    assert not (pytester.path / "kept").exists()
    result = run(pytester, "--images-mock-artifacts", "kept")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        ["*- images_mock -*", "*<e000001 /v1/images/edits gpt-image-2 'Make it night': 200 served>*"]
    )
    result.stdout.fnmatch_lines(["*400 empty_string>*", "*prompt*", "no calls"])
    folder = pytester.path / "kept" / "test_theirs.py.test_it"
    assert len(json.loads((folder / "journal.json").read_text())) == 3
    assert len(list(folder.glob("*.png"))) == 2


# What fails a test outside of its own lines, and what it says.
OUTSIDE = {
    "strict": (
        """
        @pytest.mark.images_mock(strict=True)
        def test_it(images_mock):
            edit(images_mock.base_url)
            with pytest.raises(openai.BadRequestError):
                edit(images_mock.base_url, prompt="")
        """,
        "*images_mock is strict:*",
    ),
    "real": (
        """
        def test_it(images_mock_env):
            edit(images_mock_env.base_url)
            with pytest.raises(openai.APIConnectionError):
                edit("https://api.openai.com/v1")
        """,
        "*the code under test looked up api.openai.com*",
    ),
    "crash": (
        """
        def test_it(images_mock, images_mock_server, monkeypatch):
            edit(images_mock.base_url)
            monkeypatch.setattr(images_mock_server.server, "witness", None)
            with pytest.raises(openai.InternalServerError):
                edit(images_mock.base_url)
        """,
        "*the server crashed:*",
    ),
    "setup": (
        """
        @pytest.fixture
        def pictured(images_mock):
            edit(images_mock.base_url)
            assert False, "no picture"

        def test_it(pictured):
            pass
        """,
        "*no picture*",
    ),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_failed_outside_tells(pytester: pytest.Pytester, case: str) -> None:
    """Also when the session is over and the server has ended, as it has after the last test."""
    text, said = OUTSIDE[case]
    pytester.makepyfile(test_theirs="from client import *\n" + dedent(text))
    result = run(pytester, "--images-mock-artifacts", "kept")
    result.assert_outcomes(passed=int(case != "setup"), errors=1)
    result.stdout.fnmatch_lines([said])
    result.stdout.fnmatch_lines(
        ["*- images_mock -*", "*<e000001 /v1/images/edits gpt-image-2 'Make it night': 200 served>*"]
    )
    folder = pytester.path / "kept" / "test_theirs.py.test_it"
    assert json.loads((folder / "journal.json").read_text())[0]["job"]["prompt"] == "Make it night"
    assert len(list(folder.glob("*.png"))) == 2


def test_workers(pytester: pytest.Pytester) -> None:
    """Each of several processes has a server of its own."""
    text = "from client import *\n" + "".join(
        f"def test_{number}(images_mock):\n    edit(images_mock.base_url)\n    assert len(images_mock.calls) == 1\n"
        for number in range(8)
    )
    pytester.makepyfile(test_theirs=text)
    run_apart(pytester, "-p", "xdist", "-n", "2").assert_outcomes(passed=8)
