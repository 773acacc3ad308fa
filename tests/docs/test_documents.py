"""The runner of documents runs valid blocks and reports failing ones."""

from pathlib import Path

import pytest

from tests.support.documents import blocks, matches_output, normalize, play, strip_installs

RIGHT = """
```json
{"a": 1}
```

```toml
a = 1
```

```ini file=pytest.ini
[pytest]
images_mock_scenario = flaky
```

```text
anything
```

```
anything
```

```yaml
on: [push]
```

```yaml excerpt
- {ok: {}}
```

```js
const answer = await 1;
```

```console install
$ python3 -m pip install 'mockserver-images[redis]' pytest
```

```sh
python3 -m pip install .
```

```sh parsed
mockserver --workers 4 --state redis://127.0.0.1:6379/0
mockserver conform https://gateway.test --budget 1
node adapter.mjs < calls.json
```

```console
$ mockserver --scenario flaky
```

```console
$ echo "$OPENAI_BASE_URL" \\
    "$OPENAI_API_KEY"
http://127.0.0.1:4010/v1 test
$ true
```

```python
import os

print(os.environ["MOCKSERVER_URL"] == "http://127.0.0.1:4010")
```
"""


def write_document(folder: Path, text: str) -> Path:
    document = folder / "document.md"
    document.write_text(text)
    return document


def test_valid_blocks_run(tmp_path: Path) -> None:
    document = write_document(tmp_path, RIGHT)
    results = play(document, tmp_path, {"anything": "something"})
    assert [block.line for block, _ in results] == [block.line for block in blocks(document)]
    assert results[3][1] == "something\n"
    assert results[-1][1] == "True\n"
    assert (tmp_path / "pytest.ini").read_text().startswith("[pytest]")


@pytest.mark.parametrize(
    ("info", "code", "wrong"),
    [
        ("ruby", "puts 1", "unsupported language 'ruby'"),
        ("json", "{", ""),
        ("yaml", "scenario: x\nsteps: [{eror: x}]", "unknown key"),
        ("python", "raise SystemExit(3)", "status 3"),
        ("python", "import warnings; warnings.warn('x')", "UserWarning"),
        ("python", "def test_x():\n    assert 0", "test_x"),
        ("python file=test_x.py", "def test_x():\n    assert 0", "no command runs these tests"),
        ("sh", "echo x >&2", "status 0"),
        ("sh", "python3 -m pip install nonsuch", "unknown packages: nonsuch"),
        ("sh parsed", "mockserver --prot 1", "--prot"),
        ("sh parsed", "if", ""),
        ("console", "mockserver", "a console begins with a command"),
        ("console", "$ echo one\ntwo", "actual:\none"),
        ("console", "$ false", "status 1"),
    ],
    ids=[
        "language",
        "json",
        "scenario",
        "exit-status",
        "warning",
        "failing-test",
        "test-without-command",
        "stderr",
        "package",
        "option",
        "shell-syntax",
        "no-prompt",
        "output",
        "failing-command",
    ],
)
def test_failing_block_is_reported_with_its_position(tmp_path: Path, info: str, code: str, wrong: str) -> None:
    document = write_document(tmp_path, f"\n```{info}\n{code}\n```\n")
    with pytest.raises(AssertionError, match=r"^document.md:2: ") as caught:
        play(document, tmp_path)
    assert wrong in str(caught.value)


@pytest.mark.parametrize(
    ("shown", "said", "is_same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "b\n", False),
        ("...\nb\n", "a\na\nb\n", True),
        ("...\nb\n", "a\n", False),
        ("a ...\nb\n", "a long line\nb\n", True),
        ("at 127.0.0.1:4010 in 1.00s\n", "at 127.0.0.1:55555 in 2.34s\n", True),
    ],
    ids=["equal", "different", "any-lines", "missing-line", "rest-of-line", "address-and-time"],
)
def test_matches_output(shown: str, said: str, is_same: bool) -> None:
    assert matches_output(shown, said) is is_same


def test_normalize_and_strip_installs() -> None:
    assert normalize("== one ====  \n") == "= one =\n"
    assert strip_installs("npm install --dev openai ai\nnode x.mjs\n") == "node x.mjs\n"
