"""Small clients with one classic bug each, and the property that brings it to light."""

import base64
import contextlib
import http.client
import json
import re
import unicodedata
import urllib.request
from pathlib import Path
from typing import Any, ClassVar

from tests.fuzz.clients.base import Call, Client, Result, Trouble


class SplitsAtBlankLines(Client):
    """Knows no other line ends than LF."""

    def events(self, chunks: Any) -> Any:
        text = b"".join(chunks).decode()
        for frame in text.split("\n\n"):
            data = [line[5:].strip() for line in frame.split("\n") if line.startswith("data:")]
            if data:
                yield "\n".join(data)


class DecodesEachChunk(Client):
    """A character may lie in two chunks."""

    def events(self, chunks: Any) -> Any:
        return super().events(chunk.decode("utf-8", "replace").encode() for chunk in chunks)


class DropsSecondImage(Client):
    def files(self, call: Call) -> list[tuple[str, str]]:
        return super().files({**call, "images": call["images"][:1]})


class TurnsImagesRound(Client):
    def files(self, call: Call) -> list[tuple[str, str]]:
        return super().files({**call, "images": sorted(call["images"], key=lambda path: Path(path).name)})


class MaskOfNoType(Client):
    def media_type(self, field: str, path: str) -> str:
        return "application/octet-stream" if field == "mask" else super().media_type(field, path)


class IgnoresErrorEvents(Client):
    def stream(self, response: Any, connection: Any, result: Result) -> None:
        for data in self.events(self.chunks(response, connection)):
            event = json.loads(data) if data.strip() != "[DONE]" else {}
            if "b64_json" in event:
                self.event(event, result)
            elif "error" in event and result["events"]:
                result["images"] = [result["events"][-1]["b64_json"]]
        if not result["images"]:
            raise Trouble("stream", "no completed event")


class WaitsForCompleted(Client):
    def stream(self, response: Any, connection: Any, result: Result) -> None:
        while not result["images"]:
            for data in self.events(self.chunks(response, connection)):
                if data.strip() != "[DONE]":
                    self.event(json.loads(data), result)


class TakesAnyEnd(Client):
    """Takes the last partial picture for the picture."""

    def stream(self, response: Any, connection: Any, result: Result) -> None:
        with contextlib.suppress(Trouble):
            super().stream(response, connection, result)
        result["images"] = result["images"] or [event["b64_json"] for event in result["events"][-1:]]
        if not result["images"]:
            raise Trouble("stream", "nothing came")


class RetriesRefusals(Client):
    def again(self, trouble: Trouble) -> bool:
        return trouble.told["status"] is not None


class RetriesEmptyAccounts(Client):
    def again(self, trouble: Trouble) -> bool:
        return trouble.told["status"] in (408, 409, 429, 500, 502, 503)


class IgnoresRetryAfter(Client):
    def backoff(self, trouble: Trouble, attempt: int) -> float:
        return 0.05


class NeedsUsage(Client):
    def whole(self, response: Any, result: Result) -> None:
        document = json.loads(response.read())
        result["images"] = [item["b64_json"] for item in document["data"]]
        for picture in result["images"]:
            self.decoded(picture)
        result["usage"] = {name: document["usage"][name] for name in document["usage"]}


class RefusesUnknownFields(Client):
    known = frozenset(
        ("created", "background", "data", "output_format", "quality", "size", "usage", "safety_identifier")
    )

    def whole(self, response: Any, result: Result) -> None:
        body = response.read()
        if set(json.loads(body)) - self.known:
            raise Trouble("bad_answer", "unknown field")
        super().whole(Again(body), result)


class Again:
    """A body that can be read once more."""

    def __init__(self, body: bytes) -> None:
        self.read = lambda: body


class SavesCutPicture(Client):
    """Takes what it finds of a body that was cut."""

    def whole(self, response: Any, result: Result) -> None:
        try:
            body = response.read()
        except http.client.IncompleteRead as cut:
            body = cut.partial
        found = re.findall(rb'"b64_json": ?"([A-Za-z0-9+/=]+)', body)
        if not found:
            raise ValueError("no picture")
        texts = [one.decode()[: len(one) // 4 * 4] for one in found]
        for text in texts:
            base64.b64decode(text, validate=True)
        usage = json.loads(body)["usage"] if b'"usage": {' in body and body.rstrip().endswith(b"}") else None
        result |= {"images": texts, "usage": usage}


class LosesN(Client):
    def fields(self, call: Call) -> dict[str, Any]:
        return {name: value for name, value in super().fields(call).items() if name != "n"}


class LosesEmptyValues(Client):
    def fields(self, call: Call) -> dict[str, Any]:
        return {name: value for name, value in super().fields(call).items() if value}


class KeyInUrl(Client):
    def path(self, path: str, call: Call) -> str:
        return f"{super().path(path, call)}?api_key={call['api_key']}"


class StripsPrompt(Client):
    def fields(self, call: Call) -> dict[str, Any]:
        return {**super().fields(call), "prompt": call["prompt"].strip() or call["prompt"]}


class AsksTwice(Client):
    """Sends once more what was cut, though it was served."""

    def again(self, trouble: Trouble) -> bool:
        return trouble.told["kind"] in ("bad_answer", "timeout") or super().again(trouble)


class Crashes(Client):
    """Knows of no answer that is not JSON."""

    def refused(self, response: Any) -> None:
        error = json.loads(response.read())["error"]
        raise Trouble("status", error["message"], response.status, error["code"], response.getheader("retry-after"))

    def edit(self, call: Call) -> Result:
        self.attempt, attempt = self._guarded, self.attempt  # type: ignore[method-assign]
        self._attempt = attempt
        return super().edit(call)

    def _guarded(self, call: Call, result: Result) -> None:
        try:
            self._attempt(call, result)
        except Trouble as trouble:
            if trouble.told["kind"] == "bad_answer":
                raise RuntimeError(str(trouble)) from trouble
            raise


class MistakesKinds(Client):
    """Tells every trouble as one of the connection."""

    def edit(self, call: Call) -> Result:
        result = super().edit(call)
        if result["error"]:
            result["error"]["kind"] = "connection"
        return result


class GarblesNames(Client):
    def form(self, call: Call) -> tuple[bytes, str]:
        body, kind = super().form(call)
        for path in (*call["images"], *filter(None, [call["mask"]])):
            name = Path(path).name
            body = body.replace(name.encode(), name.encode("ascii", "replace").replace(b"?", b"\xef\xbf\xbd"))
        return body, kind


class LeavesAnswersOpen(Client):
    """Raises on an event that tells of an error, and never lets go of the connection."""

    open: ClassVar[list[Any]] = []

    def stream(self, response: Any, connection: Any, result: Result) -> None:
        try:
            super().stream(response, connection, result)
        except Trouble:
            self.open += [connection.sock, response]
            connection.close = lambda: None
            raise


class ForgetsPath(Client):
    """Knows but the host of its base_url."""

    def path(self, path: str, call: Call) -> str:
        return "/v1/images/edits"


class ChoosesModel(Client):
    def fields(self, call: Call) -> dict[str, Any]:
        return {**super().fields(call), "model": "gpt-image-1"}


class TakesFirstPicture(Client):
    def whole(self, response: Any, result: Result) -> None:
        super().whole(response, result)
        result["images"] = result["images"][:1]


class DropsUsage(Client):
    def event(self, event: Any, result: Result) -> None:
        super().event(event, result)
        result["usage"] = None


class CutsPrompts(Client):
    def fields(self, call: Call) -> dict[str, Any]:
        return {**super().fields(call), "prompt": call["prompt"][:4000]}


class ComposesPrompts(Client):
    """What looks the same is not the same."""

    def fields(self, call: Call) -> dict[str, Any]:
        return {**super().fields(call), "prompt": unicodedata.normalize("NFC", call["prompt"])}


class StumblesOverComments(Client):
    def chunks(self, response: Any, connection: Any) -> Any:
        for chunk in super().chunks(response, connection):
            if b"\n:" in chunk or chunk.startswith(b":"):
                raise ValueError("what is this line?")
            yield chunk


class AsksForModelsFirst(Client):
    def attempt(self, call: Call, result: Result) -> None:
        urllib.request.urlopen(f"{call['base_url']}/models").close()
        super().attempt(call, result)


class CountsIn32Bits(Client):
    def whole(self, response: Any, result: Result) -> None:
        super().whole(response, result)
        if result["usage"]:
            result["usage"]["input_tokens"] &= 2**31 - 1


class ReadsOnce(Client):
    """Takes the first piece for the whole."""

    def whole(self, response: Any, result: Result) -> None:
        super().whole(Again(response.read1(65536)), result)


class SucceedsAlways(Client):
    def edit(self, call: Call) -> Result:
        return {**super().edit(call), "error": None}


class WaitsForEver(Client):
    """Knows no deadline."""

    def left(self) -> float:
        return 600


class RetriesForEver(Client):
    retries = 10_000

    def edit(self, call: Call) -> Result:
        return super().edit({**call, "deadline_s": 600})


class NeedsLength(Client):
    """Knows no other bodies than those with a Content-Length."""

    def whole(self, response: Any, result: Result) -> None:
        super().whole(Again(response.read(int(response.getheader("content-length")))), result)


class AddsParameters(Client):
    def fields(self, call: Call) -> dict[str, Any]:
        return {"quality": "high", **super().fields(call)}


class StreamsAlways(Client):
    def fields(self, call: Call) -> dict[str, Any]:
        return {**super().fields(call), "stream": True}


class RoundsPictures(Client):
    """Writes pictures anew before it sends them."""

    def form(self, call: Call) -> tuple[bytes, str]:
        body, kind = super().form(call)
        return body.replace(b"IEND\xaeB`\x82", b"IEND\xaeB`\x82\n"), kind


class SendsLessAgain(Client):
    """Its pictures are read up when it asks once more."""

    def attempts(self, call: Call, result: Result) -> None:
        self.sent = 0
        super().attempts(call, result)

    def form(self, call: Call) -> tuple[bytes, str]:
        self.sent += 1
        return super().form(call if self.sent == 1 else {**call, "images": call["images"][:1] * 2})


class NeedsSeconds(Client):
    """Takes Retry-After for a number, always."""

    def refused(self, response: Any) -> None:
        int(response.getheader("retry-after") or 0)
        super().refused(response)

    def attempt(self, call: Call, result: Result) -> None:
        try:
            super().attempt(call, result)
        except Trouble as trouble:
            if "invalid literal" in str(trouble):
                raise RuntimeError(str(trouble)) from trouble
            raise


class TellsKey(Client):
    """Tells what it was asked with."""

    def edit(self, call: Call) -> Result:
        return {**super().edit(call), "request": {"headers": self.headers(call)}}


class Hurries(Client):
    """Has a timeout of its own."""

    def left(self) -> float:
        return min(super().left(), 0.5)


class ForgetsOneOfMany(Client):
    """Cannot count beyond two."""

    def fields(self, call: Call) -> dict[str, Any]:
        return super().fields({**call, "options": dict(list(call["options"].items())[:2])})


class AnswersItself(Client):
    """Asks nobody."""

    def edit(self, call: Call) -> Result:
        return {"images": ["aGVsbG8="], "events": [], "usage": None, "error": None}


class FailsAtOnce(Client):
    def edit(self, call: Call) -> Result:
        error = {"kind": "timeout", "status": None, "code": None, "message": "no time"}
        return {"images": [], "events": [], "usage": None, "error": error}


class KeepsLines(Client):
    """Tells lines of a stream for its events."""

    def event(self, event: Any, result: Result) -> None:
        super().event(event, result)
        result["events"] = [f"data: {json.dumps(one)}" for one in result["events"] if isinstance(one, dict)]


class ChangesEvents(Client):
    def event(self, event: Any, result: Result) -> None:
        super().event({**event, "quality": "best"}, result)


class InventsEvents(Client):
    def event(self, event: Any, result: Result) -> None:
        super().event(event, result)
        if result["images"]:
            result["events"].append({"type": "client.done"})


class InventsPartials(Client):
    def edit(self, call: Call) -> Result:
        result = super().edit(call)
        if call["stream"] and not result["error"]:
            result["events"].insert(0, {"type": "image_edit.partial_image", "b64_json": "aGVsbG8="})
        return result


class RenamesParameters(Client):
    def fields(self, call: Call) -> dict[str, Any]:
        return {{"size": "dimensions"}.get(name, name): value for name, value in super().fields(call).items()}


class SpellsNumbers(Client):
    def fields(self, call: Call) -> dict[str, Any]:
        fields = super().fields(call)
        return fields | ({"n": "many"} if fields.get("n", 0) > 1 else {})


class SendsToken(Client):
    def headers(self, call: Call) -> dict[str, str]:
        return {"Authorization": f"Token {call['api_key']}"}


class TakesBadPictures(Client):
    def decoded(self, picture: str) -> bytes:
        return b""


class GuessesUsage(Client):
    def edit(self, call: Call) -> Result:
        result = super().edit(call)
        if not result["error"]:
            result["usage"] = {"total_tokens": 1}
        return result


class TellsNoWords(Client):
    """Says that it failed, and not of what."""

    def edit(self, call: Call) -> Result:
        result = super().edit(call)
        if result["error"]:
            result["error"] |= {"code": None, "message": "failed"}
        return result


class TellsWrongStatus(Client):
    def edit(self, call: Call) -> Result:
        result = super().edit(call)
        if result["error"] and result["error"]["status"]:
            result["error"]["status"] = 500 + (result["error"]["status"] == 500)
        return result


class LeavesSilence(Client):
    """Has no time any more, and hangs up on nobody."""

    open: ClassVar[list[Any]] = []

    def chunks(self, response: Any, connection: Any) -> Any:
        try:
            yield from super().chunks(response, connection)
        except TimeoutError:
            self.open += [connection.sock, response]
            connection.close = lambda: None
            raise


class MistakesEvents(MistakesKinds):
    """And so it tells an event that tells of an error."""


class TellsNoCode(TellsNoWords):
    """And of a refusal neither code nor words."""


# A client for each property, and for each thing that a check of it can find amiss: the tests run these.
FIRST: dict[type[Client], str] = {
    SplitsAtBlankLines: "response-frames",
    DecodesEachChunk: "response-pieces",
    TurnsImagesRound: "request-images",
    MaskOfNoType: "request-mask",
    IgnoresRetryAfter: "faults-retry-after",
    NeedsUsage: "response-optional",
    RefusesUnknownFields: "response-unknown",
    SavesCutPicture: "faults-true",
    KeyInUrl: "request-key",
    StripsPrompt: "request-prompt",
    AsksTwice: "faults-repeat",
    Crashes: "faults-end",
    MistakesKinds: "faults-kind",
    GarblesNames: "request-names",
    LeavesAnswersOpen: "faults-left",
    ForgetsPath: "request-one",
    TakesFirstPicture: "response-plain",
    CountsIn32Bits: "response-numbers",
    SucceedsAlways: "faults-true",
    RetriesForEver: "faults-end",
    AddsParameters: "request-parameters",
    SendsLessAgain: "faults-retry",
    ForgetsOneOfMany: "request-parameters",
    AnswersItself: "response-plain",
    FailsAtOnce: "faults-kind",
    KeepsLines: "response-plain",
    SpellsNumbers: "request-contract",
    SendsToken: "request-key",
    GuessesUsage: "faults-true",
    TellsNoWords: "faults-error-event",
    TellsWrongStatus: "faults-kind",
    MistakesEvents: "faults-error-event",
    TellsNoCode: "faults-kind",
    Hurries: "response-time",
}
# Other ways to go wrong that the same checks find. `python -m benchmarks.fuzz_seeds` runs all.
PROPERTIES: dict[type[Client], str] = FIRST | {
    DropsSecondImage: "request-images",
    IgnoresErrorEvents: "faults-error-event",
    WaitsForCompleted: "faults-end",
    TakesAnyEnd: "faults-true",
    RetriesRefusals: "faults-retry",
    RetriesEmptyAccounts: "faults-retry",
    LosesN: "request-parameters",
    LosesEmptyValues: "request-parameters",
    ChoosesModel: "request-parameters",
    DropsUsage: "response-plain",
    CutsPrompts: "request-prompt",
    ComposesPrompts: "request-prompt",
    StumblesOverComments: "response-frames",
    AsksForModelsFirst: "request-one",
    ReadsOnce: "response-pieces",
    WaitsForEver: "faults-end",
    NeedsLength: "response-plain",
    StreamsAlways: "request-parameters",
    RoundsPictures: "request-images",
    ChangesEvents: "response-plain",
    InventsEvents: "response-plain",
    InventsPartials: "faults-true",
    RenamesParameters: "request-parameters",
    TakesBadPictures: "faults-true",
    LeavesSilence: "faults-left",
    NeedsSeconds: "faults-end",
    TellsKey: "request-key",
}


def __getattr__(name: str) -> Any:
    """`edit_NAME` is a client of the class NAME, as a function."""
    kind = next((one for one in PROPERTIES if f"edit_{one.__name__}" == name), None)
    if kind is None:
        raise AttributeError(name)
    return lambda call: kind().edit(call)
