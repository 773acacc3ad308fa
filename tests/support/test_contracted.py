"""The check that every answer goes through can fail."""

from pathlib import Path

import pytest

import mockserver
from tests.support.contracted import check


def test_wrong_answer(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(mockserver.__file__).parents[1]))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        """
        import asyncio, httpx2
        from mockserver.server.admin import routes as admin
        from mockserver.server.app import create_app
        from starlette.responses import JSONResponse

        def test_health(monkeypatch):
            async def health(self, request):
                return JSONResponse({"status": "fine"})

            async def ask():
                transport = httpx2.ASGITransport(app=create_app())
                async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
                    return await client.get("/__mock/health")

            monkeypatch.setattr(admin.Admin, "get_health", health)
            assert asyncio.run(ask()).status_code == 200
        """
    )
    result = pytester.runpytest_subprocess("-p", "tests.support.contracted")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*ValidationError: *version*"])


def test_wrong_length() -> None:
    with pytest.raises(AssertionError):
        check("/v1/images/foo", 404, {"content-length": "5", "content-type": "image/png"}, b"four")
