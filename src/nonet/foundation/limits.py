"""How much one request may bring."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

__all__ = ["MOST_BYTES", "BodyLimit"]

MOST_BYTES = 40 * 2**20  # more than the largest picture that a page takes


class BodyLimit:
    """Refuses requests whose body is larger than any page takes, before it is in memory.

    A size that is declared is refused at once; one that is not, when so much has come.

    Args:
        app: the application behind.
        most: bytes.
    """

    def __init__(self, app: Any, most: int = MOST_BYTES) -> None:
        self.app, self.most = app, most
        self._message = f"The request is larger than {most // 2**20} MB."

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Passes a request on, or answers with 413."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        if declared.isdigit() and len(declared) < 20 and int(declared) > self.most:
            await JSONResponse({"detail": self._message}, status_code=413)(scope, receive, send)
            return
        come = 0

        async def counted() -> Any:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > self.most:
                raise HTTPException(413, self._message)
            return message

        await self.app(scope, counted, send)
