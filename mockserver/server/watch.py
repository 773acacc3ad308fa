"""Reads a scenario's file again once it has changed; one that is broken changes nothing. Knows no sockets."""

from collections.abc import Callable
from pathlib import Path

from mockserver.scenario.loader import ScenarioError, load
from mockserver.state.sessions import SessionStore

Seen = tuple[int, int, int] | None


class Watch:
    """A scenario's file, played by all sessions that have none of their own. `say` takes one line for the user."""

    def __init__(self, file: str, memory: SessionStore, say: Callable[[str], object]) -> None:
        self.file, self.memory, self.say = file, memory, say
        self._seen = self._look()

    def look(self) -> None:
        """Play the file from its start if it has changed; if it cannot be used, keep the old scenario and say why."""
        seen = self._look()
        if seen == self._seen:
            return
        # Noted before it is read: what is written meanwhile is seen the next time.
        self._seen = seen
        try:
            self.memory.play(None, load(self.file))
        except ScenarioError as error:
            self.say(f"{' '.join(str(error).split())}; the scenario stays as it was")
        else:
            self.say(f"{self.file} has changed: every session begins it from its start")

    def _look(self) -> Seen:
        try:
            found = Path(self.file).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
