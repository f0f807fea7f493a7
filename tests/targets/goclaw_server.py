"""A small GoClaw gateway that is a good peer of the documented channel, and, by flag, a deliberately wrong one.

It prints its URL as its first line and serves until it is stopped. Its agent knows a handful of sentences.
"""

import argparse
import asyncio
import http
import json
import uuid

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Opcode

from wire import name_version

MAX_MESSAGE = 512 * 1024
PING_INTERVAL = 30.0
READ_DEADLINE = 60.0
SEND_BUFFER = 256
SIGNS_OF_LIFE = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT, Opcode.PONG)
WRONG = ("id", "error-shape", "no-ping", "role", "two-replies", "viewer-chat", "no-deadline", "seq", "session")


class BadRequest(Exception):
    """A request that is refused: its id as far as it is known, a code and a message."""

    def __init__(self, code, message, request_id=""):
        super().__init__(message)
        self.code, self.message, self.request_id = code, message, request_id


class Connection(ServerConnection):
    """A connection that remembers when it last heard of its client, pongs included."""

    def connection_made(self, transport):
        super().connection_made(transport)
        self.heard = self.loop.time()

    def process_event(self, event):
        if getattr(event, "opcode", None) in SIGNS_OF_LIFE:
            self.heard = self.loop.time()
        super().process_event(event)


class Gateway:
    """What all connections share."""

    def __init__(self, options):
        self.options = options
        self.sessions = {}

    def is_wrong(self, mode):
        return self.options.wrong == mode

    async def serve(self, socket):
        client = Client(self, socket)
        tasks = [asyncio.create_task(task) for task in (client.write(), client.ping(), client.watch())]
        try:
            async for message in socket:
                await client.take(message)
        except ConnectionClosed:
            pass
        finally:
            for task in tasks:
                task.cancel()
            for run in client.runs:
                run.cancel()


class Client:
    """One connection of a client."""

    def __init__(self, gateway, socket):
        self.gateway, self.socket = gateway, socket
        self.role, self.user, self.sequence = None, "", 0
        self.queue = asyncio.Queue(SEND_BUFFER)
        self.runs = set()

    async def write(self):
        while True:
            await self.socket.send(await self.queue.get())

    async def ping(self):
        if self.gateway.is_wrong("no-ping"):
            return
        interval = PING_INTERVAL * self.gateway.options.time_scale
        due = self.socket.loop.time() + interval
        while True:
            await asyncio.sleep(due - self.socket.loop.time())
            await self.socket.ping()
            due += interval

    async def watch(self):
        if self.gateway.is_wrong("no-deadline"):
            return
        deadline = READ_DEADLINE * self.gateway.options.time_scale
        while True:
            left = self.socket.heard + deadline - self.socket.loop.time()
            if left <= 0:
                self.socket.transport.close()
                return
            await asyncio.sleep(left)

    def say(self, frame):
        try:
            self.queue.put_nowait(json.dumps(frame))
        except asyncio.QueueFull:
            pass  # The documented behaviour: dropped.

    def answer(self, request_id, payload):
        if self.gateway.is_wrong("id"):
            request_id = request_id.upper() + "-"
        frame = {"type": "res", "id": request_id, "ok": True, "payload": payload}
        self.say(frame)
        if self.gateway.is_wrong("two-replies"):
            self.say(frame)

    def refuse(self, error):
        request_id = error.request_id + "-" if self.gateway.is_wrong("id") else error.request_id
        detail = {"code": error.code, "message": error.message, "retryable": False}
        frame = {"type": "res", "id": request_id, "ok": False, "error": detail}
        if self.gateway.is_wrong("error-shape"):
            frame["error"] = error.message
        self.say(frame)
        if self.gateway.is_wrong("two-replies"):
            self.say(frame)

    def event(self, name, payload):
        if not self.gateway.is_wrong("seq"):
            self.sequence += 1
        self.say({"type": "event", "event": name, "payload": payload, "seq": self.sequence})

    async def take(self, message):
        try:
            request = read(message)
            await self.handle(request["id"], request["method"], request.get("params"))
        except BadRequest as error:
            self.refuse(error)

    async def handle(self, request_id, method, params):
        if method == "connect":
            return self.connect(request_id, params)
        if self.role is None:
            raise BadRequest("UNAUTHORIZED", "the first request must be connect", request_id)
        if method == "chat.send":
            run = asyncio.create_task(self.chat(request_id, params))
            self.runs.add(run)
            return run.add_done_callback(self.runs.discard)
        if method == "agents.create":
            if self.role != "admin":
                raise BadRequest("UNAUTHORIZED", "only an admin may do that", request_id)
            return self.answer(request_id, {"agentId": "new"})
        if method == "health":
            return self.answer(request_id, {"status": "ok"})
        raise BadRequest("INVALID_REQUEST", "unknown method", request_id)

    def connect(self, request_id, params):
        params = params if params is not None else {}
        if not isinstance(params, dict) or not isinstance(params.get("token", ""), str):
            raise BadRequest("INVALID_REQUEST", "bad params", request_id)
        user = params.get("user_id")
        if not isinstance(user, str) or not 1 <= len(user) <= 255:
            raise BadRequest("UNAUTHORIZED", "user_id is required", request_id)
        roles = {self.gateway.options.token: "admin", self.gateway.options.operator_token: "operator"}
        self.role = roles.get(params.get("token", ""), "viewer")
        if self.gateway.is_wrong("role"):
            self.role = "admin"
        self.user = user
        self.answer(request_id, {"protocol": 3, "role": self.role, "user_id": user})

    async def chat(self, request_id, params):
        try:
            message, session_id = self.admit(request_id, params)
            session = self.gateway.sessions.setdefault(session_id, {"owner": self.user, "said": []})
            run = str(uuid.uuid4())
            self.event("agent", {"run_id": run, "status": "started"})
            content = await self.think(request_id, run, message, session)
            session["said"].append(message)
            self.event("agent", {"run_id": run, "status": "completed"})
            usage = {"input_tokens": len(message), "output_tokens": len(content)}
            self.answer(request_id, {"content": content, "usage": usage, "sessionId": session_id})
            self.event("session.updated", {"sessionKey": session_id})
        except BadRequest as error:
            self.refuse(error)

    def admit(self, request_id, params):
        """The message and the session of a chat.send, or a refusal."""
        if self.role == "viewer" and not self.gateway.is_wrong("viewer-chat"):
            raise BadRequest("UNAUTHORIZED", "viewers only read", request_id)
        fields = ("message", "agentId", "channel", "sessionId")
        if not isinstance(params, dict) or not all(isinstance(params.get(field, ""), str) for field in fields):
            raise BadRequest("INVALID_REQUEST", "bad params", request_id)
        if params.get("agentId", "main") != "main":
            raise BadRequest("NOT_FOUND", "no such agent", request_id)
        session_id = params.get("sessionId") or f"session_{uuid.uuid4()}"
        if self.gateway.is_wrong("session"):
            session_id = f"session_{uuid.uuid4()}"
        owner = self.gateway.sessions.get(session_id, {"owner": self.user})["owner"]
        if self.role != "admin" and owner != self.user:
            raise BadRequest("UNAUTHORIZED", "the session of another user", request_id)
        return params.get("message", ""), session_id

    async def think(self, request_id, run, message, session):
        lower = message.lower()
        if "fail" in lower:
            self.event("agent", {"run_id": run, "status": "failed"})
            raise BadRequest("INTERNAL", "the agent failed", request_id)
        if "calculator" in lower:
            self.event("tool.call", {"tool": "calculator", "input": {"expression": "2+2"}})
            await asyncio.sleep(0)
            self.event("tool.result", {"tool": "calculator", "output": "4"})
            return "2+2 equals 4."
        if "count" in lower:
            text = ""
            for delta in ("one", " two", " three"):
                text += delta
                self.event("chat", {"chunk": text, "delta": delta})
                await asyncio.sleep(0.01)
            return text
        if "which word" in lower:
            heard = [said for said in session["said"] if "heron" in said]
            return "The word was heron." if heard else "I know of no word."
        return "2+2 equals 4."


def read(message):
    """A request out of a message. What is no request has no id."""
    if not isinstance(message, str):
        raise BadRequest("INVALID_REQUEST", "invalid frame")
    try:
        frame = json.loads(message, parse_constant=no_constant)
    except (ValueError, RecursionError):
        raise BadRequest("INVALID_REQUEST", "invalid frame") from None
    if not isinstance(frame, dict):
        raise BadRequest("INVALID_REQUEST", "invalid frame")
    if frame.get("type") != "req":
        raise BadRequest("INVALID_REQUEST", "unexpected frame type")
    if not isinstance(frame.get("id"), str) or not isinstance(frame.get("method"), str):
        raise BadRequest("INVALID_REQUEST", "invalid frame")
    return frame


def no_constant(name):
    raise ValueError(f"{name} is no JSON")


def only_ws(connection, request):
    if request.path.split("?")[0] != "/ws":
        return connection.respond(http.HTTPStatus.NOT_FOUND, "not found\n")
    return None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--token", default="gateway-token", help="gives the role admin")
    parser.add_argument("--operator-token", default="operator-token", help="gives the role operator")
    parser.add_argument("--time-scale", type=float, default=1.0, help="factor on every timer")
    parser.add_argument("--wrong", choices=WRONG, help="misbehave in this way")
    return parser.parse_args()


async def main():
    gateway = Gateway(arguments())
    server = await serve(
        gateway.serve,
        "127.0.0.1",
        gateway.options.port,
        create_connection=Connection,
        process_request=only_ws,
        process_response=name_version,
        compression=None,
        ping_interval=None,
        max_size=MAX_MESSAGE,
        close_timeout=10,
    )
    async with server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
