"""Generate the images of README.md beside this file: `python docs/images/generate.py`. Needs openai and chromium."""

import base64
import contextlib
import io
import subprocess
import tempfile
from pathlib import Path
from urllib.request import urlopen

import openai
from PIL import Image

import mockserver

HERE = Path(__file__).parent
NOON = 1_795_262_400  # 2026-11-21T12:00:00Z
SCENARIO = """
scenario: busy
steps:
  - {error: rate-input-images, retry_after: 0.1}
  - {ok: {}, times: forever}
then: ok
"""


def save(image: Image.Image, name: str) -> None:
    """Write a PNG of at most 64 colors, which keeps it small."""
    image.convert("RGB").quantize(64, dither=Image.Dither.NONE).save(HERE / name, optimize=True)


def screenshot(url: str) -> Image.Image:
    """The top of a page, from a window in which all of it fits: Chromium leaves gaps in a scrolled one."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "page.png")
        command = ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        command += [f"--user-data-dir={folder}", "--window-size=1280,3000", "--virtual-time-budget=10000"]
        subprocess.run([*command, f"--screenshot={file}", url], check=True, capture_output=True)
        with Image.open(file) as image:
            return image.crop((0, 0, 1280, 975))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder, "busy.yaml")
        scenario.write_text(SCENARIO)
        with mockserver.serve(scenario, clock=lambda: NOON, port=0) as mock:
            house = urlopen(f"{mock.url}/__mock/sample.png").read()
            mask = Image.open(io.BytesIO(house)).convert("RGBA")
            mask.paste((0, 0, 0, 0), (80, 80, 180, 180))
            hole = io.BytesIO()
            mask.save(hole, "PNG")
            with openai.OpenAI(base_url=mock.base_url, api_key="test", max_retries=2) as client:
                response = client.images.edit(
                    model="gpt-image-2",
                    image=("house.png", house),
                    mask=("mask.png", hole.getvalue()),
                    prompt="Make it night, with a light in the window",
                    quality="low",
                    size="1024x1024",
                )
                with Image.open(io.BytesIO(base64.b64decode(response.data[0].b64_json))) as receipt:
                    save(receipt.convert("RGB").resize((512, 512)), "receipt.png")
                with contextlib.suppress(openai.BadRequestError):
                    client.images.edit(model="gpt-image-2", image=house, prompt="Make it night")
            save(screenshot(f"{mock.url}/__mock/#e000002"), "page.png")


if __name__ == "__main__":
    main()
