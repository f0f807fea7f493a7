"""A small polyclaw client that is a good peer of the documented chat, and, by flag, a deliberately wrong one.

Each line on its standard input is a message of its user; while a tool waits for approval the line is the answer to that. `/quit`
ends it. When its connection ends it dials again after three seconds and resumes its session.
"""

import argparse
import asyncio
import json
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

RETRY = 3.0
WRONG = ("no-session", "no-text", "approves-all", "other-call", "no-reconnect", "hasty", "no-resume", "fragile")


class Client:
    """What outlives a connection: the user's words, and the session."""

    def __init__(self, options):
        self.options = options
        self.words = asyncio.Queue()
        self.session, self.call, self.has_left = None, None, False

    def is_wrong(self, mode):
        return self.options.wrong == mode

    async def run(self):
        while True:
            try:
                async with connect(self.options.url, ping_interval=None, compression=None) as socket:
                    await self.converse(socket)
            except (OSError, InvalidHandshake, ConnectionClosed, TimeoutError):
                pass
            if self.has_left:
                return
            if self.is_wrong("no-reconnect"):
                await asyncio.Event().wait()
            await asyncio.sleep((0.2 if self.is_wrong("hasty") else RETRY) * self.options.time_scale)

    async def converse(self, socket):
        """One connection, from its beginning to its end."""
        if self.session and not self.is_wrong("no-resume"):
            await self.say(socket, "resume_session", session_id=self.session)
        elif not self.is_wrong("no-session"):
            await self.say(socket, "new_session")
        speaking = asyncio.create_task(self.speak(socket))
        try:
            async for message in socket:
                self.take(message)
        except ConnectionClosed:
            pass
        if not self.has_left:
            speaking.cancel()

    async def say(self, socket, action, **fields):
        await socket.send(json.dumps({"action": action, **fields}))

    async def speak(self, socket):
        """Says what the user says."""
        try:
            while True:
                words = await self.words.get()
                if words == "/quit":
                    self.has_left = True
                    await socket.close()
                    return
                if self.call:
                    call, self.call = self.call, None
                    response = "yes" if self.is_wrong("approves-all") else words
                    await self.say(socket, "approve_tool", call_id="call-none" if self.is_wrong("other-call") else call, response=response)
                elif self.is_wrong("no-text"):
                    await self.say(socket, "send", message=words)
                else:
                    await self.say(socket, "send", text=words)
        except ConnectionClosed:
            pass

    def take(self, message):
        """Takes one message of the server. What it does not know it passes by."""
        try:
            frame = json.loads(message)
        except (ValueError, RecursionError):
            frame = None
        if not isinstance(frame, dict):
            if self.is_wrong("fragile"):
                sys.exit("a message that it does not know")
            return
        if frame.get("type") == "session_created" and isinstance(frame.get("session_id"), str):
            self.session = frame["session_id"]
        elif frame.get("event") == "tool_approval_request" and isinstance(frame.get("call_id"), str):
            self.call = frame["call_id"]


async def listen(client):
    """Takes the user's lines until there are no more."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        client.words.put_nowait(line.decode(errors="replace").rstrip("\r\n"))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
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
