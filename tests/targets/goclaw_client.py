"""A small GoClaw client that is a good peer of the documented channel, and, by flag, a deliberately wrong one.

Each line on its standard input is a message of its user; `/resume TEXT` says TEXT in the session of the last answer. It dials
again when it has lost its connection, and stays until its input ends or it is stopped.
"""

import argparse
import asyncio
import itertools
import json
import sys

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from wire import Deaf

FIRST_RETRY = 1.0
LAST_RETRY = 30.0
WRONG = ("no-connect", "duplicate-id", "no-user", "impatient", "any-id", "fragile", "no-reconnect", "no-pong", "no-session")


class Client:
    """What outlives a connection: the user's words, and the session of the last answer."""

    def __init__(self, options):
        self.options = options
        self.words = asyncio.Queue()
        self.session = None
        self.socket, self.pending, self.ids = None, {}, itertools.count(1)

    def is_wrong(self, mode):
        return self.options.wrong == mode

    async def run(self):
        retry = FIRST_RETRY
        while True:
            try:
                await self.converse()
                retry = FIRST_RETRY
            except (OSError, InvalidHandshake, TimeoutError):
                retry = min(retry * 2, LAST_RETRY)
            if self.is_wrong("no-reconnect"):
                await asyncio.Event().wait()
            await asyncio.sleep(retry * self.options.time_scale)

    async def converse(self):
        """One connection, from its beginning to its end."""
        kind = Deaf if self.is_wrong("no-pong") else ClientConnection
        socket = await connect(self.options.url, create_connection=kind, ping_interval=None, compression=None)
        self.socket, self.pending, self.ids = socket, {}, itertools.count(1)
        speaking = asyncio.create_task(self.speak())
        try:
            async for message in socket:
                self.take(message)
        except ConnectionClosed:
            pass
        finally:
            speaking.cancel()

    async def speak(self):
        """Connects, and says what the user says."""
        try:
            if not self.is_wrong("no-connect"):
                greeting = await self.request("connect", self.identity())
                if not self.is_wrong("impatient") and not (await greeting).get("ok"):
                    return
            while True:
                words = await self.words.get()
                params = {"agentId": self.options.agent, "message": words, "channel": "websocket"}
                if words.startswith("/resume "):
                    params["message"] = words.removeprefix("/resume ")
                    if self.session and not self.is_wrong("no-session"):
                        params["sessionId"] = self.session
                await self.request("chat.send", params)
        except ConnectionClosed:
            pass

    def identity(self):
        identity = {"user_id": self.options.user}
        if self.options.token:
            identity["token"] = self.options.token
        if self.is_wrong("no-user"):
            del identity["user_id"]
        return identity

    async def request(self, method, params):
        request_id = "1" if self.is_wrong("duplicate-id") else str(next(self.ids))
        answer = asyncio.get_running_loop().create_future()
        self.pending[request_id] = answer
        await self.socket.send(json.dumps({"type": "req", "id": request_id, "method": method, "params": params}))
        return answer

    def take(self, message):
        """Takes one message of the server. What it does not know it passes by."""
        try:
            frame = json.loads(message)
        except (ValueError, RecursionError):
            frame = None
        known = isinstance(frame, dict) and frame.get("type") in ("res", "event")
        if self.is_wrong("fragile") and (not known or frame.get("event") not in (None, "chat")):
            sys.exit("a message that it does not know")
        if not known or frame["type"] != "res" or not isinstance(frame.get("id"), str):
            return
        request_id = frame["id"]
        if self.is_wrong("any-id") and self.pending:
            request_id = next(iter(self.pending))
        answer = self.pending.pop(request_id, None)
        if answer is None:
            return
        if not answer.done():
            answer.set_result(frame)
        payload = frame.get("payload")
        if frame.get("ok") is True and isinstance(payload, dict) and isinstance(payload.get("sessionId"), str):
            self.session = payload["sessionId"]


async def listen(client):
    """Takes the user's lines until there are no more."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        client.words.put_nowait(line.decode(errors="replace").rstrip("\r\n"))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--token", default="", help="without one it is a viewer")
    parser.add_argument("--user", default="framegate")
    parser.add_argument("--agent", default="main")
    parser.add_argument("--time-scale", type=float, default=1.0, help="factor on every timer")
    parser.add_argument("--wrong", choices=WRONG, help="misbehave in this way")
    return parser.parse_args()


async def main():
    client = Client(arguments())
    running, listening = asyncio.create_task(client.run()), asyncio.create_task(listen(client))
    await asyncio.wait([running, listening], return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    listening.cancel()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
