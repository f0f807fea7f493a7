"""A small z4j brain that is a good peer of the documented protocol, and, by flag, a deliberately wrong one.

It prints its URL as its first line and serves until it is stopped. It sends no commands by itself.
"""

import argparse
import asyncio
import http
import json

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

from wire import name_version

MAX_MESSAGE = 1024 * 1024
EVENT_TYPES = ("task_sent", "task_started", "task_succeeded", "task_failed", "task_retry", "task_cancelled", "task_expired")
FRAMEWORKS = ("django", "flask", "fastapi", "bare")
WRONG = ("ack-lost", "ack-seq", "two-acks", "any-token", "any-version", "any-hello", "one-code", "no-close", "two-of-a-name", "talks-on", "subprotocol")


class Malformed(Exception):
    """A frame that does not fit its schema."""


class Brain:
    """What all connections share."""

    def __init__(self, options):
        self.options = options
        self.online = {}

    def is_wrong(self, mode):
        return self.options.wrong == mode

    def door(self, socket, request):
        """What is said before the upgrade: nothing, but for paths that are not there."""
        if request.path.split("?")[0] != "/ws":
            return socket.respond(http.HTTPStatus.NOT_FOUND, "there is nothing here\n")
        if self.options.refuse_at_upgrade and self.verdict(request) is not None:
            return socket.respond(http.HTTPStatus.UNAUTHORIZED, "unknown token\n")
        return None

    def verdict(self, request):
        """The code with which this token is refused, or nothing."""
        fields = request.headers.get_all("Authorization")
        scheme, _, token = fields[0].partition(" ") if len(fields) == 1 else ("", "", "")
        if self.is_wrong("any-token"):
            return None
        if scheme == "Bearer" and token == self.options.revoked_token:
            return 4003
        return None if scheme == "Bearer" and token in (self.options.token, self.options.other_token) else 4002

    async def serve(self, socket):
        code = self.verdict(socket.request)
        if code is not None:
            return await self.close(socket, code)
        agent = Agent(self, socket)
        try:
            async for message in socket:
                await agent.take(message)
        except ConnectionClosed:
            pass
        finally:
            if self.online.get(agent.name) is agent:
                del self.online[agent.name]

    async def close(self, socket, code):
        if not self.is_wrong("no-close"):
            await socket.close(1008 if self.is_wrong("one-code") else code)


class Agent:
    """One connection of an agent."""

    def __init__(self, brain, socket):
        self.brain, self.socket, self.name = brain, socket, None

    async def take(self, message):
        try:
            frame = read(message)
            if self.name is None:
                await self.welcome(frame)
            else:
                await self.serve(frame)
        except Malformed as error:
            await self.fail(4005, "malformed_frame", str(error))

    async def welcome(self, frame):
        if frame["type"] != "hello":
            raise Malformed("the first frame must be hello")
        version = frame.get("protocol")
        if isinstance(version, str) and version != "v1" and not self.brain.is_wrong("any-version"):
            return await self.fail(4001, "protocol_mismatch", "this brain speaks v1")
        if not self.brain.is_wrong("any-hello"):
            check_hello(frame)
        name = frame.get("agent_name")
        if name in self.brain.online and not self.brain.is_wrong("two-of-a-name"):
            return await self.brain.close(self.socket, 4004)
        self.name = name
        self.brain.online[name] = self

    async def serve(self, frame):
        if frame["type"] == "event_batch":
            check_batch(frame)
            return await self.acknowledge(frame["seq"])
        if frame["type"] in CHECKS:
            return CHECKS[frame["type"]](frame)
        raise Malformed("no agent sends this")

    async def acknowledge(self, seq):
        if self.brain.is_wrong("ack-lost"):
            return
        ack = json.dumps({"type": "ack", "seq": seq + 1 if self.brain.is_wrong("ack-seq") else seq})
        await self.socket.send(ack)
        if self.brain.is_wrong("two-acks"):
            await self.socket.send(ack)

    async def fail(self, code, word, message):
        await self.socket.send(json.dumps({"type": "error", "code": word, "message": message}))
        if self.brain.is_wrong("talks-on"):
            await self.socket.send(json.dumps({"type": "error", "code": "again", "message": message}))
        await self.brain.close(self.socket, code)


def read(message):
    """A frame out of a message."""
    if isinstance(message, bytes):
        raise Malformed("frames are text")
    try:
        frame = json.loads(message, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise Malformed("a frame is one JSON object") from None
    if not isinstance(frame, dict) or not isinstance(frame.get("type"), str):
        raise Malformed("a frame is a JSON object with a type")
    return frame


def no_constant(name):
    raise ValueError(name)


def need(holds, what):
    if not holds:
        raise Malformed(what)


def texts(value):
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check_hello(frame):
    need(frame.get("protocol") == "v1", "protocol")
    need(isinstance(frame.get("agent_name"), str) and frame["agent_name"], "agent_name")
    need(frame.get("framework") in FRAMEWORKS, "framework")
    need(isinstance(frame.get("framework_version"), str), "framework_version")
    need(texts(frame.get("engines")) and texts(frame.get("schedulers")), "engines and schedulers")
    need(isinstance(frame.get("capabilities"), dict), "capabilities")
    metadata = frame.get("metadata")
    need(isinstance(metadata, dict) and isinstance(metadata.get("hostname"), str) and number(metadata.get("pid")), "metadata")


def check_batch(frame):
    need(number(frame.get("seq")) and isinstance(frame.get("events"), list), "seq and events")
    for event in frame["events"]:
        need(isinstance(event, dict) and event.get("event_type") in EVENT_TYPES, "event_type")
        need(all(isinstance(event.get(field), str) for field in ("task_id", "engine", "ts", "name")), "an event's texts")
        need(isinstance(event.get("args_redacted"), list) and isinstance(event.get("kwargs_redacted"), dict), "an event's arguments")


def check_snapshot(frame):
    schedules = frame.get("schedules")
    need(isinstance(frame.get("scheduler"), str) and isinstance(schedules, list), "scheduler and schedules")
    need(all(isinstance(schedule, dict) for schedule in schedules), "schedules")


def check_update(frame):
    need(isinstance(frame.get("scheduler"), str), "scheduler")
    need(all(isinstance(frame.get(field, []), list) for field in ("added", "modified")), "added and modified")
    need(texts(frame.get("removed", [])), "removed")


CHECKS = {
    "heartbeat": lambda frame: need(isinstance(frame.get("ts"), str), "ts"),
    "command_result": lambda frame: need(isinstance(frame.get("cmd_id"), str) and isinstance(frame.get("ok"), bool), "cmd_id and ok"),
    "schedule_snapshot": check_snapshot,
    "schedule_update": check_update,
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="z4j_agent_one")
    parser.add_argument("--other-token", default="z4j_agent_two")
    parser.add_argument("--revoked-token", default="z4j_agent_revoked")
    parser.add_argument("--refuse-at-upgrade", action="store_true", help="refuse bad tokens with HTTP 401")
    parser.add_argument("--time-scale", type=float, default=1.0, help="taken for the sake of form: a brain has no timers")
    parser.add_argument("--wrong", choices=WRONG, help="misbehave in this way")
    return parser.parse_args()


async def main():
    brain = Brain(arguments())
    select = (lambda socket, offered: "z4j") if brain.is_wrong("subprotocol") else None
    server = serve(
        brain.serve,
        "127.0.0.1",
        brain.options.port,
        process_request=brain.door,
        process_response=name_version,
        select_subprotocol=select,
        ping_interval=None,
        compression=None,
        max_size=MAX_MESSAGE,
    )
    async with server as listening:
        print(f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/ws", flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
