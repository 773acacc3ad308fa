"""The limits of the server: what a client could otherwise make grow, or keep waiting, without end."""

import os
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A server's limits. Each field names its unit and what happens beyond it."""

    head_bytes: int = 65_536
    """Bytes of a request's head, of its trailers, or of a chunk's extensions. Beyond it: 431 and close."""
    pipelined_requests: int = 1_000
    """Requests waiting on one connection for an earlier response. Beyond it: 400 and close."""
    idle_seconds: float = 60
    """Time for the head of a request, from the connection's start or the response before it.

    A connection without a byte is closed; half a head gets 408.
    """
    pace_seconds: float = 30
    """The window in which `pace` is measured, and in which a client must read anything of a response."""
    pace: int = 100
    """The slowest upload, in bytes a second. A steady upload is never cut off, however long it takes."""
    linger_seconds: float = 5
    """Time to read the final response and close, after which the connection is aborted."""
    connections: int = 10_000
    """Connections, where the system allows as many. Beyond it: the one idle longest is closed."""
    upload_bytes: int = 17 * 50 * 1024 * 1024 + 1024 * 1024
    """Bytes of a request body: sixteen images and a mask of 50 MB each, and room for the rest of the form.

    Beyond it: 413, without reading the body where `Content-Length` says so.
    """
    form_parts: int = 1_000
    """Parts of a multipart form. Beyond it: 400."""
    part_headers: int = 8
    """Headers of a part. Beyond it: 400."""
    part_header_bytes: int = 4_224
    """Bytes of one header of a part. Beyond it: 400."""
    field_bytes: int = 70 * 1024 * 1024
    """Bytes of a field that is not a file: the base64 of the largest image, which some clients send, and some more.

    Beyond it: 400. Each parameter has the API's own, narrower limit.
    """
    image_threads: int = field(default_factory=lambda: 2 * (os.cpu_count() or 1))
    """Images decoded and rendered at the same time, off the event loop. Further work waits."""
    session_name_length: int = 200
    """Characters of a session's name in a path. Beyond it: 400."""
    query_bytes: int = 4_096
    """Bytes of a query under `/__mock`. Beyond it: 414."""

    sessions: int = 10_000
    """Sessions, and sessions whose clock was moved on. Beyond it: the one that was idle longest is forgotten."""
    session_jobs: int = 10_000
    """Jobs of a session whose attempts are counted. Beyond it: the oldest are forgotten."""
    waiting_steps: int = 100
    """One-shot steps that wait for a request, of one session or of any. Beyond it: 409."""
    journal_entries: int = 1_000
    """Entries of the journal. Beyond it: the oldest are dropped, and counted."""
    journal_image_bytes: int = 64 * 1024 * 1024
    """Bytes of images received and sent. Beyond it: the oldest are dropped."""
    remembered_digests: int = 10_000
    """SHA-256 digests of dropped images. Beyond it: the oldest are forgotten."""
    tracked_calls: int = 10_000
    """Calls of which repetitions are recognised. Beyond it: the oldest are forgotten."""
    session_upload_bytes: int = 256 * 1024 * 1024
    """Bytes of the files of a session. Beyond it: the upload is rejected."""
    session_uploads: int = 1_000
    """Files of a session. Beyond it: the upload is rejected."""
    sessions_with_uploads: int = 1_000
    """Sessions that have files. Beyond it: the upload is rejected."""
    total_upload_bytes: int = 1024 * 1024 * 1024
    """Bytes of the files of all sessions. Beyond it: the upload is rejected."""


DEFAULT_LIMITS = Limits()
