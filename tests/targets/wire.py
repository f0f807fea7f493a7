"""What peers of several protocols do alike on the WebSocket layer."""

import http

from websockets.asyncio.client import ClientConnection
from websockets.frames import Opcode


class Deaf(ClientConnection):
    """A connection that does not answer pings."""

    def connection_made(self, transport):
        super().connection_made(transport)
        send = self.protocol.send_frame
        self.protocol.send_frame = lambda frame: None if frame.opcode is Opcode.PONG else send(frame)


def name_version(connection, request, response):
    """Says which version is spoken where another one was asked for (RFC 6455, 4.4)."""
    if response.status_code == http.HTTPStatus.BAD_REQUEST and request.headers.get("Sec-WebSocket-Version") != "13":
        response.headers["Sec-WebSocket-Version"] = "13"
