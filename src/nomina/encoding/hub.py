"""The model hub: whether it can be asked, found out before anything waits for it."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlsplit

__all__ = ["why_unreachable"]

_CONNECT_TIMEOUT_S = 5.0


def why_unreachable() -> str | None:
    """Why the hub cannot be asked, as the second half of a sentence; ``None`` if it probably can.

    The hub's own client would try again and again for half a minute.
    """
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    if any(os.environ.get(key) for key in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return None  # only the proxy may be reachable from here
    endpoint = urlsplit(constants.ENDPOINT)
    address = (endpoint.hostname or "", endpoint.port or (80 if endpoint.scheme == "http" else 443))
    try:
        socket.create_connection(address, timeout=_CONNECT_TIMEOUT_S).close()
    except OSError as error:
        return f"the model hub cannot be reached ({error})"
    return None
