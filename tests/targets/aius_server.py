"""A small aius run loop that is a good server of the documented protocol, and, by flag, a deliberately wrong one.

It prints its URL as its first line and serves until it is stopped. Its model is a handful of sentences.
"""

import argparse
import asyncio
import json
import uuid

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from wire import name_version

AUTH_DEADLINE = 5.0
ITERATIONS = 4
ROLES = ("system", "user", "assistant", "tool")
WRONG = ("any-token", "no-deadline", "ready-twice", "title-unasked", "status-ignored", "impatient", "no-close", "code", "silent-error", "any-result")


class Refused(Exception):
    """A connection that is closed as a violation of policy."""


class Failed(Exception):
    """A run that goes wrong."""


def frame(message):
    """The object in a message, or nothing."""
    try:
        value = json.loads(message) if isinstance(message, str) else None
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def fits(value, kinds):
    return value is None or (isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds))


def is_message(item):
    return isinstance(item, dict) and item.get("role") in ROLES and fits(item.get("content"), (str, list))


def is_start(start):
    if start is None or start.get("type") != "start" or not isinstance(start.get("messages"), list):
        return False
    texts = ("agent", "model", "session_id", "run_id", "step_run_id")
    return all(is_message(item) for item in start["messages"]) and all(fits(start.get(name), (str,)) for name in texts) and fits(start.get("generate_title"), (bool,))


class Run:
    """One connection and the run on it."""

    def __init__(self, options, socket):
        self.options, self.socket = options, socket
        self.outcomes = {}

    def is_wrong(self, mode):
        return self.options.wrong == mode

    async def say(self, kind, **fields):
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def serve(self):
        try:
            start = await self.begin()
            reading = asyncio.create_task(self.read())
            try:
                await self.loop(start)
            finally:
                reading.cancel()
        except Refused as refused:
            await self.socket.close(1011 if self.is_wrong("code") else 1008, str(refused))
        except Failed as failed:
            if not self.is_wrong("silent-error"):
                await self.say("error", message=str(failed))
            await self.socket.close(1011, "run failed")

    async def begin(self):
        """Takes auth and start, and says that the run is ready."""
        deadline = None if self.is_wrong("no-deadline") else AUTH_DEADLINE * self.options.time_scale
        try:
            auth = frame(await asyncio.wait_for(self.socket.recv(), deadline))
        except TimeoutError:
            raise Refused("authentication timed out") from None
        if auth is None or auth.get("type") != "auth" or not isinstance(auth.get("token"), str):
            raise Refused("malformed auth")
        if auth["token"] != self.options.token and not self.is_wrong("any-token"):
            raise Refused("invalid token")
        start = frame(await self.socket.recv())
        if not is_start(start):
            raise Refused("malformed start")
        ids = {name: start.get(name) or str(uuid.uuid4()) for name in ("session_id", "run_id", "step_run_id")}
        for _ in range(2 if self.is_wrong("ready-twice") else 1):
            await self.say("ready", **ids)
        if start.get("generate_title") or self.is_wrong("title-unasked"):
            await self.say("title", title="A conversation")
        return start

    async def read(self):
        """Hands the results of tools to who waits for them; what it does not know it passes by."""
        try:
            async for message in self.socket:
                result = frame(message)
                if result is None or result.get("type") != "tool_result":
                    continue
                key = result.get("tool_call_id")
                if self.is_wrong("any-result") and self.outcomes:
                    key = next(iter(self.outcomes))
                waiting = self.outcomes.get(key) if isinstance(key, str) else None
                if waiting is not None and not waiting.done():
                    waiting.set_result(result)
        except ConnectionClosed:
            pass
        for waiting in self.outcomes.values():
            waiting.cancel()

    async def loop(self, start):
        """The model and its tools, one iteration after another."""
        words = [item.get("content") for item in start["messages"] if isinstance(item.get("content"), str)]
        said = words[-1] if words else ""
        if "Fail" in said:
            raise Failed("the model did not answer")
        status = "completed"
        if "one tool" in said and "SUCCESS" in said:
            [succeeded] = await self.call(1)
            await self.prose("SUCCESS" if succeeded else "FAILURE")
        elif "List the files" in said:
            await self.prose("I will list the files.")
            await self.call(1)
            await self.prose("These are the files.")
        elif "three tools" in said:
            await self.call(3)
            await self.prose("All three have answered.")
        elif "without end" in said:
            for _ in range(ITERATIONS):
                await self.call(1)
            status = "max_iterations"
        else:
            await self.prose("Hello.")
        await self.say("run_completed", status=status)
        if self.is_wrong("no-close"):
            await asyncio.Event().wait()
        await self.socket.close(1000)

    async def prose(self, text):
        await self.say("assistant_message", id=str(uuid.uuid4()), content=text)

    async def call(self, count):
        """Calls tools at once and waits for all of them; says which succeeded."""
        ids = [f"tc_{uuid.uuid4().hex}" for _ in range(count)]
        self.outcomes = {key: asyncio.get_running_loop().create_future() for key in ids}
        for key in ids:
            await self.say("tool_call", tool_call_id=key, name="list_files", arguments=json.dumps({"path": "."}))
        if self.is_wrong("impatient"):
            return [True] * count
        results = await asyncio.gather(*self.outcomes.values())
        return [self.is_wrong("status-ignored") or result.get("status", "ok") == "ok" for result in results]


async def serve_one(options, socket):
    try:
        await Run(options, socket).serve()
    except (ConnectionClosed, asyncio.CancelledError):
        pass


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="aius_good_0123456789abcdef")
    parser.add_argument("--time-scale", type=float, default=1.0, help="factor on every timer")
    parser.add_argument("--wrong", choices=WRONG, help="misbehave in this way")
    return parser.parse_args()


async def main():
    options = arguments()
    async with serve(
        lambda socket: serve_one(options, socket), "127.0.0.1", options.port, process_response=name_version, ping_interval=None, compression=None, max_size=4 * 1024 * 1024
    ) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"ws://127.0.0.1:{port}/api/v1/runs/ws", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
