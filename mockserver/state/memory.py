"""The state of a server in the memory of its process."""

from mockserver.state.server_state import ServerState


class MemoryState(ServerState):
    """The state of a server whose sessions share nothing with another process."""
