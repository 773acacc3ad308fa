"""The reader of documents: it does what is right, and finds what is wrong."""

from pathlib import Path

import pytest

from tests.support.documents import blocks, installed, plain, play, same

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


def written(folder: Path, text: str) -> Path:
    document = folder / "document.md"
    document.write_text(text)
    return document


def test_right(tmp_path: Path) -> None:
    document = written(tmp_path, RIGHT)
    told = play(document, tmp_path, {"anything": "something"})
    assert [block.line for block, _ in told] == [block.line for block in blocks(document)]
    assert told[3][1] == "something\n"
    assert told[-1][1] == "True\n"
    assert (tmp_path / "pytest.ini").read_text().startswith("[pytest]")


@pytest.mark.parametrize(
    ("info", "code", "wrong"),
    [
        ("ruby", "puts 1", "nobody can run 'ruby'"),
        ("json", "{", ""),
        ("yaml", "scenario: x\nsteps: [{eror: x}]", "unknown key"),
        ("python", "raise SystemExit(3)", "status 3"),
        ("python", "import warnings; warnings.warn('x')", "UserWarning"),
        ("python", "def test_x():\n    assert 0", "test_x"),
        ("python file=test_x.py", "def test_x():\n    assert 0", "no command runs these tests"),
        ("sh", "echo x >&2", "status 0"),
        ("sh", "python3 -m pip install nonsuch", "nobody knows nonsuch"),
        ("sh parsed", "mockserver --prot 1", "--prot"),
        ("sh parsed", "if", ""),
        ("console", "mockserver", "a console begins with a command"),
        ("console", "$ echo one\ntwo", "said:\none"),
        ("console", "$ false", "status 1"),
    ],
    ids=lambda value: None,
)
def test_wrong(tmp_path: Path, info: str, code: str, wrong: str) -> None:
    """What fails is told with its place."""
    document = written(tmp_path, f"\n```{info}\n{code}\n```\n")
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
)
def test_same(shown: str, said: str, is_same: bool) -> None:
    assert same(shown, said) is is_same


def test_plain_and_installed() -> None:
    assert plain("== one ====  \n") == "= one =\n"
    assert installed("npm install --dev openai ai\nnode x.mjs\n") == "node x.mjs\n"
