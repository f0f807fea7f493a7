"""A small polyclaw server that is a good peer of the documented chat, and, by flag, a deliberately wrong one.

It prints its URL as its first line and serves until it is stopped. Its agent knows a handful of sentences.
"""

import argparse
import asyncio
import json
import uuid

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

from wire import name_version

PATH = "/api/chat/ws"
APPROVAL_TIMEOUT = 300.0
MODELS = {"models": [{"id": "gpt-5"}, {"id": "claude-sonnet-4"}], "current": "gpt-5"}
PAGES = {"/api/chat/suggestions": ["What can you do?", "Tell me the news."], "/api/models": MODELS, "/api/chat/models": MODELS}
WRONG = ("two-sessions", "forgetful", "no-error", "no-done", "late-delta", "streamed-command", "approves-all", "deaf", "tool-order", "closes", "no-json")


class Chat:
    """What all connections share: the sessions."""

    def __init__(self, options):
        self.options = options
        self.sessions = set()

    async def serve(self, socket):
        connection = Connection(self, socket)
        turns = asyncio.create_task(connection.work())
        try:
            async for message in socket:
                await connection.take(message)
        except ConnectionClosed:
            pass
        finally:
            turns.cancel()


class Connection:
    """One connection: frames are taken at once, turns are worked off one after another."""

    def __init__(self, chat, socket):
        self.chat, self.socket = chat, socket
        self.session, self.turns, self.pending = None, asyncio.Queue(), {}

    def is_wrong(self, mode):
        return self.chat.options.wrong == mode

    async def say(self, kind, **fields):
        await self.socket.send("It is so." if self.is_wrong("no-json") and kind == "delta" else json.dumps({"type": kind, **fields}))

    async def event(self, event, **fields):
        await self.say("event", event=event, **fields)

    async def error(self, text):
        if not self.is_wrong("no-error"):
            await self.say("error", content=text)
        if self.is_wrong("closes"):
            await self.socket.close(1011)

    async def take(self, message):
        try:
            frame = json.loads(message)
        except (ValueError, RecursionError):
            frame = None
        action = frame.get("action") if isinstance(frame, dict) else None
        if action == "new_session":
            await self.open(str(uuid.uuid4()))
        elif action == "resume_session":
            await self.resume(frame.get("session_id"))
        elif action == "send":
            self.turns.put_nowait(frame.get("text"))
        elif action == "approve_tool":
            self.approve(frame.get("call_id"), frame.get("response"))
        else:
            await self.error("Unknown action")

    async def open(self, session):
        self.session = session
        self.chat.sessions.add(session)
        for _ in range(2 if self.is_wrong("two-sessions") else 1):
            await self.say("session_created", session_id=session)

    async def resume(self, session):
        if isinstance(session, str) and session in self.chat.sessions and not self.is_wrong("forgetful"):
            await self.open(session)
        else:
            await self.error("Session not found")

    def approve(self, call, response):
        waiting = self.pending.pop(call, None) if isinstance(call, str) else None
        if waiting is not None and not waiting.done() and not self.is_wrong("deaf"):
            waiting.set_result(response in ("yes", "y") or self.is_wrong("approves-all"))

    async def work(self):
        try:
            while True:
                await self.turn(await self.turns.get())
                if not self.is_wrong("no-done"):
                    await self.say("done")
                if self.is_wrong("late-delta"):
                    await self.say("delta", content="And one more thing.")
        except ConnectionClosed:
            pass

    async def turn(self, text):
        """Answers one message of the user, but for the done."""
        text = text.strip() if isinstance(text, str) else ""
        if text.startswith("/"):
            await self.command(text)
        elif not text:
            await self.error("No text")
        elif self.session is None:
            await self.error("No session")
        elif text.startswith("Search"):
            await self.tool("web_search")
        elif text.startswith("Delete"):
            await self.guarded()
        elif text.startswith("Show"):
            await self.stream("Look.")
            await self.media()
            await self.say("cards", cards=[{"contentType": "application/vnd.microsoft.card.adaptive", "content": {}}])
        elif text.startswith("Run"):
            await self.say("sandbox_result", stdout="Hello\n", stderr="", exit_code=0)
            await self.stream("It ran.")
        elif text.startswith("Fail"):
            await self.error("The agent failed")
        elif not text.startswith("Say nothing"):
            await self.stream("Here I am.")

    async def stream(self, text):
        for word in text.split():
            await self.say("delta", content=word + " ")

    async def command(self, text):
        reply = "All is well." if text.lower().split()[0] == "/status" else "Unknown command"
        if self.is_wrong("streamed-command"):
            await self.stream(reply)
        else:
            await self.say("message", content=reply)

    async def tool(self, name):
        call = f"call-{uuid.uuid4().hex}"
        steps = [
            lambda: self.event("tool_start", tool=name, call_id=call, arguments=json.dumps({"query": "latest news"})),
            lambda: self.event("tool_done", call_id=call, result="Nothing new."),
        ]
        for step in reversed(steps) if self.is_wrong("tool-order") else steps:
            await step()
        await self.stream("Nothing new.")

    async def guarded(self):
        call, arguments = f"call-{uuid.uuid4().hex}", json.dumps({"path": "/tmp/data.csv"})
        self.pending[call] = asyncio.get_running_loop().create_future()
        waiting = self.pending[call]
        await self.event("tool_start", tool="delete_file", call_id=call, arguments=arguments)
        await self.event("tool_approval_request", tool="delete_file", call_id=call, arguments=arguments)
        try:
            approved = await asyncio.wait_for(waiting, APPROVAL_TIMEOUT * self.chat.options.time_scale)
        except TimeoutError:
            approved = False
        await self.event("approval_resolved", call_id=call, approved=approved)
        await self.stream("It is gone." if approved else "It stays.")
        if approved:
            await self.event("tool_done", call_id=call, result="deleted")
            await self.media()

    async def media(self):
        await self.say("media", files=[{"url": "/api/media/output_abc.png", "mime": "image/png", "name": "output_abc.png"}])


def page(_, request):
    """Answers the plain requests; None lets the upgrade go on."""
    path = request.path.partition("?")[0]
    if path == PATH:
        return None
    found = path in PAGES
    body = json.dumps(PAGES.get(path, {"error": "not found"})).encode()
    headers = Headers([("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Connection", "close")])
    return Response(200, "OK", headers, body) if found else Response(404, "Not Found", headers, body)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--time-scale", type=float, default=1.0, help="factor on every timer")
    parser.add_argument("--wrong", choices=WRONG, help="misbehave in this way")
    return parser.parse_args()


async def main():
    options = arguments()
    chat = Chat(options)
    async with serve(
        chat.serve, "127.0.0.1", options.port, process_request=page, process_response=name_version, ping_interval=None, compression=None, max_size=4 * 1024 * 1024
    ) as server:
        port = server.sockets[0].getsockname()[1]
        print(f"ws://127.0.0.1:{port}{PATH}", flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
