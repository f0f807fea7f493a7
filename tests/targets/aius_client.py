"""A small aius tool executor that is a good client of the documented protocol, and, by flag, a deliberately wrong one.

It runs once: connects, starts a run, executes the tools that the run asks for, and ends with it.
"""

import argparse
import asyncio
import json
import os

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

WRONG = ("start-first", "late-auth", "no-start", "no-result", "two-results", "own-id", "always-ok", "unparsed", "late-tools", "redial")


class BadCall(Exception):
    """A call that cannot be run."""


def list_files(arguments):
    return sorted(os.listdir(arguments.get("path", ".")))[:5]


TOOLS = {"list_files": list_files}


class Executor:
    """One connection and the run on it."""

    def __init__(self, options, socket):
        self.options, self.socket = options, socket
        self.is_over = False

    def is_wrong(self, mode):
        return self.options.wrong == mode

    async def say(self, kind, **fields):
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def run(self):
        if self.is_wrong("late-auth"):
            await asyncio.sleep(8 * self.options.time_scale)
        if not self.is_wrong("start-first"):
            await self.say("auth", token=self.options.token)
        if not self.is_wrong("no-start"):
            messages = [{"role": "user", "content": "List the files in the project."}]
            await self.say("start", agent="build", messages=messages, generate_title=True)
        if self.is_wrong("start-first"):
            await self.say("auth", token=self.options.token)
        async for message in self.socket:
            await self.take(message)

    async def take(self, message):
        """Takes one message of the server. What it does not know it passes by."""
        try:
            frame = json.loads(message)
        except (ValueError, RecursionError):
            return
        if not isinstance(frame, dict):
            return
        if frame.get("type") == "tool_call" and (not self.is_over or self.is_wrong("late-tools")):
            await self.execute(frame)
        elif frame.get("type") == "run_completed":
            self.is_over = True

    async def execute(self, call):
        key = call.get("tool_call_id")
        if not isinstance(key, str) or not key or self.is_wrong("no-result"):
            return
        try:
            result, status = self.outcome(call), "ok"
        except (BadCall, OSError, TypeError, AttributeError) as problem:
            result, status = str(problem), "ok" if self.is_wrong("always-ok") else "error"
        for _ in range(2 if self.is_wrong("two-results") else 1):
            await self.say("tool_result", tool_call_id="tc_own" if self.is_wrong("own-id") else key, status=status, result=result)

    def outcome(self, call):
        tool = TOOLS.get(call.get("name")) if isinstance(call.get("name"), str) else None
        if tool is None:
            raise BadCall("no such tool")
        arguments = call.get("arguments")
        if isinstance(arguments, str) and not self.is_wrong("unparsed"):
            try:
                arguments = json.loads(arguments)
            except (ValueError, RecursionError):
                raise BadCall("the arguments are no JSON") from None
        if not isinstance(arguments, dict):
            raise BadCall("the arguments are no object")
        return tool(arguments)


async def converse(options):
    try:
        async with connect(options.url, ping_interval=None, compression=None) as socket:
            await Executor(options, socket).run()
    except (ConnectionClosed, InvalidHandshake, OSError) as problem:
        print(f"the run ended early: {problem}", flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--token", default="aius_good_0123456789abcdef")
    parser.add_argument("--time-scale", type=float, default=1.0, help="factor on every timer")
    parser.add_argument("--wrong", choices=WRONG, help="misbehave in this way")
    return parser.parse_args()


async def main():
    options = arguments()
    await converse(options)
    while options.wrong == "redial":
        await converse(options)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
