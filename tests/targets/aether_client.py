"""A small Aether client that is a good peer of the documented channels, and, by flag, a deliberately wrong one.

Each line on its standard input is something that its user does: list, read, change-files, write-large, open-terminal, type, resize,
close-terminal, ask-agent, abort, answer, approve, reject, settings or kill-port. It dials again when it has lost its connection.
"""

import argparse
import asyncio
import itertools
import json
import sys
import urllib.parse

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from wire import Deaf

FIRST_RETRY = 2.0
LAST_RETRY = 30.0
MAX_MESSAGE = 1_000_000
FATAL = (401, 403, 404)
WRONG = (
    "token", "same-id", "no-path", "no-channel", "before-create", "after-end", "result-object", "answers-twice", "approves-all",
    "too-large", "fragile", "null-exit", "tight-loop", "no-return", "no-pong", "waits",
)


class Client:
    """What outlives a connection."""

    def __init__(self, options):
        self.options = options
        self.socket, self.numbers = None, itertools.count(1)
        self.session, self.task, self.calls, self.permissions = None, None, [], []
        self.pending = {}

    def is_wrong(self, mode):
        return self.options.wrong == mode

    async def run(self):
        retry = FIRST_RETRY
        while True:
            try:
                await self.converse()
                retry = FIRST_RETRY
            except InvalidStatus as error:
                if error.response.status_code in FATAL and not self.is_wrong("tight-loop"):
                    print(f"refused with {error.response.status_code}", file=sys.stderr)
                    await asyncio.Event().wait()
                retry = min(retry * 2, LAST_RETRY)
            except (OSError, InvalidHandshake, TimeoutError, EOFError):
                retry = min(retry * 2, LAST_RETRY)
            if self.is_wrong("no-return"):
                await asyncio.Event().wait()
            await asyncio.sleep(0.05 if self.is_wrong("tight-loop") else retry * self.options.time_scale)

    async def converse(self):
        """One connection, from its beginning to its end."""
        url, words, token = self.options.url, None, "other" if self.is_wrong("token") else self.options.token
        if self.options.token_in_query:
            url += ("&" if "?" in url else "?") + urllib.parse.urlencode({"token": token})
        else:
            words = ["Bearer", token]
        kind = Deaf if self.is_wrong("no-pong") else ClientConnection
        socket = await connect(url, subprotocols=words, create_connection=kind, ping_interval=None, compression=None)
        self.session, self.task, self.calls, self.permissions, self.pending = None, None, [], [], {}
        self.socket = socket
        try:
            async for message in socket:
                self.take(message)
        except ConnectionClosed:
            pass
        finally:
            self.socket = None

    def take(self, message):
        """Takes one message of the server. What it does not know it passes by."""
        try:
            frame = json.loads(message)
        except (ValueError, RecursionError):
            frame = None
        channel = frame.get("channel") if isinstance(frame, dict) else None
        if channel not in ("terminal", "files", "agent", "ports") and self.is_wrong("fragile"):
            sys.exit("a message that it does not know")
        kind = frame.get("type") if isinstance(frame, dict) else None
        if channel == "terminal" and kind == "close" and frame.get("sessionId") == self.session:
            if self.is_wrong("null-exit"):
                int(frame["exitCode"])
            if not self.is_wrong("after-end"):
                self.session = None
        elif channel == "files" and isinstance(frame.get("requestId"), str):
            self.pending.pop(frame["requestId"], None)
        elif channel == "agent" and isinstance(frame.get("toolCallId"), str) and kind == "question":
            self.calls.append(frame["toolCallId"])
        elif channel == "agent" and isinstance(frame.get("requestId"), str):
            self.permissions.append(frame["requestId"])

    async def say(self, channel, kind, **fields):
        frame = {"channel": channel, "type": kind, **fields}
        if self.is_wrong("no-channel"):
            del frame["channel"]
        text = json.dumps(frame)
        if self.socket is None or len(text.encode()) > MAX_MESSAGE and not self.is_wrong("too-large"):
            return print(f"not sent: {channel} {kind}", file=sys.stderr)
        try:
            await self.socket.send(text)
        except ConnectionClosed:
            pass

    async def ask(self, kind, **fields):
        number = 1 if self.is_wrong("same-id") else next(self.numbers)
        self.pending[f"req-{number}"] = kind
        if self.is_wrong("no-path"):
            fields.pop("path", None)
        await self.say("files", kind, requestId=f"req-{number}", **fields)

    async def act(self, words):
        """Does what the user does."""
        if self.is_wrong("waits") and not self.pending and words == "list":
            return
        action = getattr(self, "do_" + words.replace("-", "_"), None)
        if action:
            await action()

    # What the user may do

    async def do_list(self):
        await self.ask("list", path="/")

    async def do_read(self):
        await self.ask("read", path="/src/index.ts")

    async def do_change_files(self):
        await self.ask("write", path="/src/config.ts", content="export const PORT = 3000;\n", encoding="utf-8")
        await self.ask("stat", path="/src/config.ts")
        await self.ask("rename", oldPath="/src/config.ts", newPath="/src/settings.ts")
        await self.ask("delete", path="/src/settings.ts")
        await self.ask("mkdir", path="/src/lib")

    async def do_write_large(self):
        await self.ask("write", path="/large.txt", content="x" * 2_000_000)

    async def do_open_terminal(self):
        self.session = f"cli-{next(self.numbers)}"
        if not self.is_wrong("before-create"):
            await self.say("terminal", "create", sessionId=self.session)

    async def do_type(self):
        if self.session:
            await self.say("terminal", "input", sessionId=self.session, data="ls\n")

    async def do_resize(self):
        if self.session:
            await self.say("terminal", "resize", sessionId=self.session, cols=132, rows=43)

    async def do_close_terminal(self):
        if self.session:
            await self.say("terminal", "close", sessionId=self.session)

    async def do_ask_agent(self):
        self.task = f"task-{next(self.numbers)}"
        await self.say("agent", "prompt", prompt="Say hello.", taskId=self.task)

    async def do_abort(self):
        if self.task:
            await self.say("agent", "abort", taskId=self.task)
            self.task = None

    async def do_answer(self):
        result = {"answer": "yes"} if self.is_wrong("result-object") else "Yes, use PostgreSQL for the database"
        while self.calls:
            call = self.calls.pop()
            for _ in range(2 if self.is_wrong("answers-twice") else 1):
                await self.say("agent", "tool_response", toolCallId=call, result=result)

    async def do_approve(self):
        while self.permissions:
            await self.say("agent", "approve", requestId=self.permissions.pop())

    async def do_reject(self):
        while self.permissions:
            await self.say("agent", "approve" if self.is_wrong("approves-all") else "reject", requestId=self.permissions.pop())

    async def do_settings(self):
        await self.say("agent", "settings", provider="anthropic", model="claude-sonnet-4-5-20250929")

    async def do_kill_port(self):
        await self.say("ports", "kill", port=3000)


async def listen(client):
    """Takes the user's lines until there are no more."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await client.act(line.decode(errors="replace").strip())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--token", default="aether_token_of_ann")
    parser.add_argument("--token-in-query", action="store_true", help="send the token in the URL")
    parser.add_argument("--time-scale", type=float, default=1.0, help="factor on every timer")
    parser.add_argument("--wrong", choices=WRONG, help="misbehave in this way")
    return parser.parse_args()


async def main():
    client = Client(arguments())
    running, listening = asyncio.create_task(client.run()), asyncio.create_task(listen(client))
    done, _ = await asyncio.wait([running, listening], return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    listening.cancel()
    for task in done:
        task.result()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
