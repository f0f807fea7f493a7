"""A small z4j agent that is a good peer of the documented protocol, and, by flag, a deliberately wrong one.

Each line on its standard input is something that its application does: task, failing-task, secret-task, schedule-add,
schedule-change, schedule-remove or stop. It dials again when it has lost its connection, unless the brain told it not to.
"""

import argparse
import asyncio
import datetime
import json
import os
import random
import socket as sockets
import sys
import uuid

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

HEARTBEAT = 30.0
SNAPSHOT = 300.0
FIRST_RETRY = 1.0
LAST_RETRY = 30.0
FATAL = (4001, 4002, 4003)
TASK_COMMANDS = ("retry_task", "cancel_task", "query_state")
PLAIN_COMMANDS = ("bulk_retry", "purge_queue", "schedule_create")
WRITES = {"schedule_pause": False, "schedule_resume": True}
WRONG = (
    "no-hello", "version", "one-snapshot", "no-heartbeat", "seq", "forgets", "secret", "no-result", "two-results", "any-ok",
    "returns", "no-return", "no-backoff", "deaf", "url-token", "fragile",
)


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def schedule(identity, name, enabled=True):
    trigger = {"minute": "0", "hour": "9", "day_of_week": "*"}
    return {
        "id": identity, "name": name, "scheduler": "celery-beat", "trigger_type": "cron", "trigger": trigger,
        "task": name, "args": [], "kwargs": {}, "enabled": enabled, "last_run_at": None,
    }


class Agent:
    """What outlives a connection: the schedules, the number of the last batch, and what nobody has acknowledged."""

    def __init__(self, options):
        self.options = options
        self.schedules = {"celery-beat": {"sch-1": schedule("sch-1", "email.daily-digest")}, "apscheduler": {}}
        self.sequence, self.unacknowledged = 0, {}
        self.socket, self.is_quiet, self.is_stopping, self.is_restarting = None, False, False, False

    def is_wrong(self, mode):
        return self.options.wrong == mode

    async def run(self):
        retry = FIRST_RETRY
        while True:
            code = await self.converse()
            if self.is_stopping or code in FATAL and not self.is_wrong("returns"):
                print(f"stopped: the connection was closed with {code}", file=sys.stderr)
                return
            if self.is_wrong("no-return"):
                await asyncio.Event().wait()
            if code is not None and not self.is_wrong("no-backoff"):
                retry = FIRST_RETRY
            await asyncio.sleep(retry * random.uniform(1.0, 1.1) * self.options.time_scale)
            retry = retry if self.is_wrong("no-backoff") else min(retry * 2, LAST_RETRY)

    async def converse(self):
        """One connection, from its beginning to its end: its close code, or nothing if it never stood."""
        self.is_quiet = self.is_restarting = False
        url = f"{self.options.url}?token={self.options.token}" if self.is_wrong("url-token") else self.options.url
        fields = {"Authorization": f"Bearer {self.options.token}"}
        try:
            self.socket = await connect(url, additional_headers=fields, ping_interval=None, compression=None)
        except InvalidStatus as error:
            return 4002 if error.response.status_code == 401 else None
        except (OSError, InvalidHandshake, TimeoutError, EOFError):
            return None
        beats = [asyncio.create_task(beat) for beat in (self.beat(), self.snapshot_again())]
        try:
            await self.introduce()
            async for message in self.socket:
                await self.take(message)
        except ConnectionClosed:
            pass
        finally:
            for beat in beats:
                beat.cancel()
        return self.socket.close_code or 1006

    async def introduce(self):
        flags = {"read": True, "write": True}
        if not self.is_wrong("no-hello"):
            await self.say(
                type="hello", protocol="v2" if self.is_wrong("version") else "v1", agent_name=self.options.name, framework="bare",
                framework_version="1.0", engines=["celery"], schedulers=list(self.schedules),
                capabilities={"celery": {"native_retry": True, "purge": True}, "celery-beat": flags, "apscheduler": flags},
                metadata={"hostname": sockets.gethostname(), "pid": os.getpid(), "python": sys.version.split()[0]},
            )
        await self.snapshot()
        for batch in [] if self.is_wrong("forgets") else list(self.unacknowledged.values()):
            await self.say(**batch)

    async def snapshot(self):
        for scheduler, schedules in list(self.schedules.items())[: 1 if self.is_wrong("one-snapshot") else None]:
            await self.say(type="schedule_snapshot", scheduler=scheduler, schedules=list(schedules.values()))

    async def snapshot_again(self):
        while True:
            await asyncio.sleep(SNAPSHOT * self.options.time_scale)
            await self.snapshot()

    async def beat(self):
        while not self.is_wrong("no-heartbeat"):
            await asyncio.sleep(HEARTBEAT * self.options.time_scale)
            await self.say(type="heartbeat", ts=now())

    async def say(self, **frame):
        if self.socket is None or self.is_quiet:
            return
        try:
            await self.socket.send(json.dumps(frame))
        except ConnectionClosed:
            pass

    async def take(self, message):
        """Takes one message of the brain. What it does not know it passes by."""
        try:
            frame = json.loads(message)
        except (ValueError, RecursionError):
            frame = None
        kind = frame.get("type") if isinstance(frame, dict) else None
        if kind == "ack" and isinstance(frame.get("seq"), (int, float)):
            self.unacknowledged.pop(frame["seq"], None)
        elif kind == "error":
            self.is_quiet = not self.is_wrong("deaf")
        elif kind == "command" and isinstance(frame.get("cmd_id"), str):
            await self.obey(frame["cmd_id"], frame.get("cmd"), frame.get("args"))
        elif self.is_wrong("fragile"):
            sys.exit("a message that it does not know")

    async def obey(self, identity, command, given):
        given = given if isinstance(given, dict) else {}
        known = self.schedules["celery-beat"].get(str(given.get("id", given.get("schedule_id"))))
        if command == "restart_agent":
            await self.answer(identity, True)
            await self.socket.close()
        elif command in WRITES and known:
            known["enabled"] = WRITES[command]
            await self.answer(identity, True)
            await self.say(type="schedule_update", scheduler="celery-beat", modified=[known])
        elif command in PLAIN_COMMANDS or command in TASK_COMMANDS and isinstance(given.get("task_id"), str):
            await self.answer(identity, True)
        else:
            await self.answer(identity, self.is_wrong("any-ok"))

    async def answer(self, identity, is_done):
        if self.is_wrong("no-result"):
            return
        result = {"result": {}} if is_done else {"error": {"code": "unsupported", "message": "this agent cannot do that"}}
        for _ in range(2 if self.is_wrong("two-results") else 1):
            await self.say(type="command_result", cmd_id=identity, ok=is_done, **result)

    async def act(self, words):
        """Does what the application does."""
        if words == "stop":
            self.is_stopping = True
            return await self.socket.close()
        if words.startswith("schedule-"):
            return await self.change(words.removeprefix("schedule-"))
        event = {
            "event_type": "task_failed" if words == "failing-task" else "task_succeeded", "task_id": str(uuid.uuid4()), "engine": "celery",
            "ts": now(), "name": "email.send", "args_redacted": [], "kwargs_redacted": {}, "queue": "default",
        }
        if words == "failing-task":
            event["error"] = {"exc_type": "ValueError", "exc_msg": "bad input", "traceback_redacted": "…"}
        if words == "secret-task":
            event["kwargs_redacted"] = {"password": "the-secret-value" if self.is_wrong("secret") else "<redacted>"}
        if not self.is_wrong("seq"):
            self.sequence += 1
        batch = {"type": "event_batch", "seq": self.sequence, "events": [event]}
        self.unacknowledged[self.sequence] = batch
        await self.say(**batch)

    async def change(self, what):
        schedules = self.schedules["celery-beat"]
        if what == "remove":
            schedules.pop("sch-2", None)
            return await self.say(type="schedule_update", scheduler="celery-beat", removed=["sch-2"])
        schedules["sch-2"] = schedule("sch-2", "report.weekly", enabled=what == "add")
        await self.say(type="schedule_update", scheduler="celery-beat", **{"added" if what == "add" else "modified": [schedules["sch-2"]]})


async def listen(agent):
    """Takes the application's lines until there are no more."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        await agent.act(line.decode(errors="replace").strip())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--token", default="z4j_agent_one")
    parser.add_argument("--name", default="web-01")
    parser.add_argument("--time-scale", type=float, default=1.0, help="factor on every timer")
    parser.add_argument("--wrong", choices=WRONG, help="misbehave in this way")
    return parser.parse_args()


async def main():
    agent = Agent(arguments())
    running, listening = asyncio.create_task(agent.run()), asyncio.create_task(listen(agent))
    await asyncio.wait([running, listening], return_when=asyncio.FIRST_COMPLETED)
    running.cancel()
    listening.cancel()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
