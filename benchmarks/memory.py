"""What sixteen uploads of 50 MB at once take. `python -m benchmarks.memory [--uploads 16] [--megabytes 50]`."""

import argparse
import json
import socket
import threading
from pathlib import Path

from benchmarks.load import EDGE, form, free, mock, serving
from benchmarks.speed import noise

MB = 1024 * 1024


def process(port: int) -> Path:
    """The folder in /proc of the process that listens on a port."""
    lines = Path("/proc/net/tcp").read_text().splitlines()
    ends = {line.split()[9] for line in lines if f":{port:04X} 00000000" in line}
    for found in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(one.readlink()).strip("socket:[]") in ends for one in (found / "fd").iterdir()):
                return found
        except OSError:
            continue
    raise SystemExit(f"nobody listens on port {port}")


def held(port: int, what: str) -> int:
    """Bytes that the process which listens on a port holds now (VmRSS), or held at most (VmHWM)."""
    lines = (process(port) / "status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(what))


def upload(port: int, body: bytes, together: threading.Barrier, said: list[bytes]) -> None:
    """One edit: all of it but the last bytes, and these when all others have come as far."""
    with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
        about = f"Content-Type: multipart/form-data; boundary={EDGE}\r\nContent-Length: {len(body)}"
        connection.sendall(
            f"POST /v1/images/edits HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{about}\r\n".encode()
        )
        connection.sendall(b"Authorization: Bearer sk-benchmark\r\n\r\n" + body[:-10])
        together.wait()
        connection.sendall(body[-10:])
        said.append(b"".join(iter(lambda: connection.recv(65_536), b""))[9:12])


def main() -> None:
    """Print what the server holds at rest, at most while the uploads come, and afterwards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=16)
    parser.add_argument("--megabytes", type=int, default=50)
    options = parser.parse_args()
    picture, port = noise(min(options.megabytes, 20) * MB), free()
    # A picture is followed by what no decoder reads, up to the size wanted; each upload is one that nobody has seen.
    fill = bytes(max(0, options.megabytes * MB - 4096 - len(picture)))
    bodies = [form(picture + fill + b"%d" % number, size="1024x1024") for number in range(options.uploads)]
    with serving(mock(port, "--paint", "flat"), port, "/__mock/health"):
        found = {"at rest": held(port, "VmRSS")}
        together, said = threading.Barrier(options.uploads), list[bytes]()
        threads = [threading.Thread(target=upload, args=(port, body, together, said)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found |= {"at most": held(port, "VmHWM"), "afterwards": held(port, "VmRSS")}
    print(json.dumps({name: f"{size // MB} MiB" for name, size in found.items()} | {"answers": sorted(map(str, said))}))


if __name__ == "__main__":
    main()
