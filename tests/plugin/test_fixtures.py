"""The fixtures, as another project's tests see them: in runs of their own, with the plugin loaded by name."""

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import openai
import pytest

import mockserver
from mockserver.images import sample

HOME = Path(mockserver.__file__).parents[1]
CLIENT = """
import json
from pathlib import Path
from urllib.request import urlopen

import openai
import pytest

PICTURE = Path(__file__).with_name("house.png")


def edit(base_url, prompt="Make it night", retries=0):
    with openai.OpenAI(base_url=base_url, api_key="test", max_retries=retries) as client:
        return client.images.edit(model="gpt-image-2", image=PICTURE, prompt=prompt)
"""


@pytest.fixture(autouse=True, scope="session")
def imported() -> None:
    """All that a call imports stays here: what a run in this process is the first to import is gone after it."""
    with mockserver.serve() as mock, openai.OpenAI(base_url=mock.base_url, api_key="test") as client:
        client.images.generate(model="gpt-image-2", prompt="x")


@pytest.fixture(autouse=True)
def project(unmeasured: None, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another project: a client, a picture, and no settings of ours."""
    monkeypatch.setenv("PYTHONPATH", str(HOME))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(client=CLIENT)
    (pytester.path / "house.png").write_bytes(sample.png())


OPTIONS = ("-p", "mockserver.pytest_plugin", "-W", "error", "-W", "default:gpt-image:UserWarning")


def run(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """The other project's run, with our plugin and no other; warnings are errors. It takes place in this process, which
    has imported already what a new one would spend seconds on."""
    return pytester.runpytest_inprocess(*OPTIONS, *options)


def run_apart(pytester: pytest.Pytester, *options: str) -> pytest.RunResult:
    """The same in a process of its own, for what a process would keep: modules, threads, and processes of its own."""
    return pytester.runpytest_subprocess(*OPTIONS, *options)


def passes(pytester: pytest.Pytester, text: str, count: int) -> pytest.RunResult:
    """Run a file of tests, of which all must pass."""
    pytester.makepyfile(test_theirs="from client import *\n" + dedent(text))
    result = run(pytester)
    result.assert_outcomes(passed=count)
    assert result.ret == 0
    return result


def test_urls_name_the_session(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        def test_edit(images_mock):
            edit(images_mock.base_url)
            assert images_mock.base_url == f"{images_mock.url}/__mock/s/{images_mock.session}/v1"
            with urlopen(f"{images_mock.url}/__mock/journal?session={images_mock.session}") as answer:
                entries = json.load(answer)["entries"]
            assert [entry["session"] for entry in entries] == [images_mock.session]
            assert entries == images_mock.journal
        """,
        1,
    )


def test_sync_and_async_client(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        import asyncio

        def test_sync(images_mock):
            assert edit(images_mock.base_url).data[0].b64_json
            job = images_mock.journal[0]["job"]
            assert (job["model"], job["prompt"]) == ("gpt-image-2", "Make it night")

        async def stream(base_url):
            async with openai.AsyncOpenAI(base_url=base_url, api_key="test") as client:
                events = await client.images.edit(
                    model="gpt-image-2", image=PICTURE, prompt="x", stream=True, partial_images=1
                )
                return [event.type async for event in events]

        def test_async(images_mock):
            events = asyncio.run(stream(images_mock.base_url))
            assert events == ["image_edit.partial_image", "image_edit.completed"]
            assert images_mock.journal[0]["job"]["stream"] is True
        """,
        2,
    )


def test_two_tests_never_mix(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        @pytest.mark.parametrize("turn", [1, 2])
        def test_flaky(images_mock, turn):
            images_mock.scenario("flaky")
            for error in (openai.RateLimitError, openai.RateLimitError):
                with pytest.raises(error):
                    edit(images_mock.base_url)
            assert [entry["answer"]["status"] for entry in images_mock.journal] == [429, 429]
            assert [entry["attempt"] for entry in images_mock.journal] == [1, 2]

        def test_without(images_mock):
            assert images_mock.journal == []
            assert edit(images_mock.base_url).data
        """,
        3,
    )


def test_scenarios(pytester: pytest.Pytester) -> None:
    pytester.path.joinpath("quota.yaml").write_text("scenario: quota\nsteps:\n  - {error: insufficient-quota}\n")
    pytester.path.joinpath("broken.yaml").write_text("scenario: broken\nsteps:\n  - {eror: insufficient-quota}\n")
    passes(
        pytester,
        """
        from mockserver.scenario.loader import ScenarioError

        def test_built_in(images_mock):
            images_mock.scenario("flaky")
            assert edit(images_mock.base_url, retries=3).data
            assert [entry["answer"]["status"] for entry in images_mock.journal] == [429, 429, 500, 200]

        def test_path(images_mock):
            images_mock.scenario("quota.yaml")
            with pytest.raises(openai.RateLimitError, match="current quota"):
                edit(images_mock.base_url)
            turn = images_mock.journal[0]["turn"]
            assert (turn["scenario"], turn["step"], turn["faults"]) == ("quota", 1, [])

        def test_from_its_first_step(images_mock):
            images_mock.scenario("flaky")
            for _ in range(3):
                with pytest.raises(openai.RateLimitError):
                    edit(images_mock.base_url)
                images_mock.scenario("flaky")

        @pytest.mark.parametrize(
            ("name", "said"), [("nope", "no scenario 'nope'"), ("broken.yaml", "broken.yaml:3: .*eror.*: unknown key")]
        )
        def test_wrong(images_mock, name, said):
            with pytest.raises(ScenarioError, match=said):
                images_mock.scenario(name)
            assert edit(images_mock.base_url).data
        """,
        5,
    )


def test_reset(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        def test_reset(images_mock):
            images_mock.scenario("flaky")
            with pytest.raises(openai.RateLimitError):
                edit(images_mock.base_url)
            images_mock.reset()
            assert images_mock.journal == []
            assert edit(images_mock.base_url).data
            assert [entry["attempt"] for entry in images_mock.journal] == [1]
        """,
        1,
    )


def test_late_call(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        early = []

        def test_first(images_mock):
            early.append(images_mock)

        def test_second(images_mock):
            images_mock.scenario("flaky")
            late = early[0]
            assert late.url == images_mock.url
            # No rate limit: neither the scenario nor the journal of this test is touched.
            assert edit(late.base_url, "late").data
            assert images_mock.journal == []
            assert [entry["job"]["prompt"] for entry in late.journal] == ["late"]
        """,
        2,
    )


def test_one_server_that_leaves_nothing(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        """
        import threading
        from urllib.request import urlopen

        import pytest

        urls = set()

        @pytest.fixture(autouse=True)
        def noted(images_mock):
            urls.add(images_mock.url)
            yield
            assert [thread.name for thread in threading.enumerate()].count("mockserver") == 1

        def pytest_unconfigure():
            print("servers:", len(urls), "threads:", [thread.name for thread in threading.enumerate()])
            try:
                urlopen(urls.pop())
            except OSError as error:
                print("afterwards:", error)
        """
    )
    pytester.makepyfile(
        """
        import pytest
        from client import edit

        @pytest.mark.parametrize("turn", range(5))
        def test_edit(images_mock, turn):
            edit(images_mock.base_url)
        """
    )
    result = run_apart(pytester)
    result.assert_outcomes(passed=5)
    result.stdout.fnmatch_lines(["servers: 1 threads: [[]'MainThread']", "afterwards: *refused*"])


def test_nothing_is_started_unless_used(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys
        import threading

        def test_theirs():
            assert not {"starlette", "uvicorn", "PIL", "yaml", "jsonschema"} & set(sys.modules)
            assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
        """
    )
    run_apart(pytester).assert_outcomes(passed=1)


def test_import_is_light() -> None:
    program = """
import sys
import pytest
before = set(sys.modules)
import mockserver.pytest_plugin
print(sorted(name for name in set(sys.modules) - before if not name.startswith("_")))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=HOME)
    assert eval(done.stdout) == [
        "mockserver",
        *(f"mockserver.pytest_plugin{module}" for module in ("", ".fixtures", ".reporting", ".settings")),
    ]


def test_help_of_the_fixtures(pytester: pytest.Pytester) -> None:
    result = run(pytester, "--fixtures")
    # Each by itself: pytest sorts them by the text of their lines' numbers.
    result.stdout.fnmatch_lines(["images_mock_server [[]session scope[]]*"])
    result.stdout.fnmatch_lines(["images_mock -- *", "*for this test alone*"])


def test_as_of(pytester: pytest.Pytester) -> None:
    """A test can be on a day of its own, and keeps it when it changes the scenario."""
    pytester.makepyfile(
        """
        import openai, pytest

        def edit(mock, model):
            with openai.OpenAI(base_url=mock.base_url, api_key="x", max_retries=0) as client:
                return client.images.generate(model=model, prompt="x").created

        def test_then(images_mock):
            images_mock.as_of("2026-04-21")
            images_mock.scenario("ok")
            assert edit(images_mock, "gpt-image-1")
            with pytest.raises(openai.BadRequestError, match="does not exist"):
                edit(images_mock, "gpt-image-2.5-flare")

        def test_now(images_mock):
            assert edit(images_mock, "gpt-image-2.5-flare")
            with pytest.raises(ValueError, match="as-of: expected"):
                images_mock.as_of("soon")
        """
    )
    run(pytester).assert_outcomes(passed=2)


def test_ledger_verdict_and_clock(pytester: pytest.Pytester) -> None:
    """Each test's client is judged by itself, and each test has a time of its own."""
    passes(
        pytester,
        """
        @pytest.mark.parametrize("turn", [1, 2])
        def test_client(images_mock, turn):
            images_mock.scenario("flaky")
            assert images_mock.verdict == {"verdict": "good", "findings": []}
            with pytest.raises(openai.RateLimitError):
                edit(images_mock.base_url)
            assert images_mock.verdict["findings"][0]["rule"] == "never-retried"
            assert images_mock.ledger["total"]["cost"] == 0
            images_mock.scenario("ok")
            before = edit(images_mock.base_url).created
            images_mock.advance(1_000_000)
            assert edit(images_mock.base_url).created - before >= 1_000_000
            ledger = images_mock.ledger["total"]
            assert ledger["wasted"] * 2 == ledger["cost"] > 0
            with pytest.raises(ValueError, match="the clock moves on"):
                images_mock.advance(-1)
        """,
        2,
    )
