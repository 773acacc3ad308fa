"""Loads a scenario file again when it has changed."""

from collections.abc import Callable
from pathlib import Path

from mockserver.scenario.loader import ScenarioError, load
from mockserver.state.sessions import SessionStore

# Modification time in nanoseconds, size in bytes, and inode.
Fingerprint = tuple[int, int, int] | None


class Watch:
    """A scenario file, played by all sessions without a scenario of their own. `say` takes one line for the user."""

    def __init__(self, file: str, sessions: SessionStore, say: Callable[[str], object]) -> None:
        self.file, self.sessions, self.say = file, sessions, say
        self._fingerprint = self._read_fingerprint()

    def look(self) -> None:
        """Play the file from its start if it has changed; if it is invalid, keep the old scenario and report why."""
        fingerprint = self._read_fingerprint()
        if fingerprint == self._fingerprint:
            return
        # Stored before the file is read, so that a change made meanwhile is seen the next time.
        self._fingerprint = fingerprint
        try:
            self.sessions.play(None, load(self.file))
        except ScenarioError as error:
            self.say(f"{' '.join(str(error).split())}; the scenario was not changed")
        else:
            self.say(f"{self.file} has changed: every session starts it again")

    def _read_fingerprint(self) -> Fingerprint:
        try:
            status = Path(self.file).stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
