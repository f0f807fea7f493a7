"""A small Aether workspace that is a good peer of the documented channels, and, by flag, a deliberately wrong one.

It prints its URL as its first line and serves until it is stopped. Its terminals are real shells in a folder of its own, which it
removes at the end; its agent knows a handful of sentences.
"""

import argparse
import asyncio
import base64
import datetime
import fcntl
import http
import json
import os
import pathlib
import pty
import shutil
import signal
import struct
import sys
import tempfile
import termios
import urllib.parse
import uuid

from websockets.asyncio.server import serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Response

from wire import name_version

MAX_MESSAGE = 1024 * 1024
MAX_FILE = 100 * 1024 * 1024
PING_INTERVAL = 45.0
PONG_TIMEOUT = 120.0
POLL = 0.3
IGNORED = {"node_modules", ".git", ".next", "dist", "build", "__pycache__"}
RESERVED = {22, 2222, 3001}
LISTENING = "0A"
WRONG = (
    "any-token", "lower-case", "plain-401", "any-workspace", "no-size", "no-resize", "exit-zero", "reap", "no-reply", "two-replies",
    "silent-failures", "traversal", "utf8", "watch-all", "watch-id", "no-history", "no-abort", "no-ping", "no-limit", "crash",
)


class Failure(Exception):
    """A request that cannot be done."""


class Workspace:
    """What all connections share: files, shells, listeners, and the conversation with the agent."""

    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.clients, self.shells, self.history = set(), {}, []
        self.seen, self.ports = {}, {}

    def is_wrong(self, mode):
        return self.options.wrong == mode

    def tell(self, **frame):
        for client in list(self.clients):
            client.say(**frame)

    # The door

    def door(self, socket, request):
        """What is said before the upgrade: nothing, if token and workspace are good."""
        path = urllib.parse.urlsplit(request.path)
        query = urllib.parse.parse_qs(path.query)
        offered = [word.strip() for field in request.headers.get_all("Sec-WebSocket-Protocol") for word in field.split(",")]
        is_good = query.get("token") == [self.options.token] or offered[:2] == ["Bearer", self.options.token]
        if not is_good and not self.is_wrong("any-token"):
            return self.refuse(http.HTTPStatus.UNAUTHORIZED, "Unauthorized")
        if path.path != "/workspaces/ws-123/ws" and not self.is_wrong("any-workspace"):
            return self.refuse(http.HTTPStatus.NOT_FOUND, "There is no such workspace")
        return None

    def refuse(self, status, words):
        body = words if self.is_wrong("plain-401") else json.dumps({"error": words})
        kind = "text/plain" if self.is_wrong("plain-401") else "application/json"
        fields = Headers({"Content-Type": kind, "Content-Length": str(len(body)), "Connection": "close"})
        return Response(status.value, status.phrase, fields, body.encode())

    def select(self, socket, offered):
        """The subprotocol of the 101: the word before the token, where it was offered."""
        if self.is_wrong("lower-case") and offered:
            return "bearer"
        return "Bearer" if "Bearer" in offered else None

    # Files

    def path(self, text):
        """The path of a request inside the workspace."""
        if not isinstance(text, str) or "\0" in text or not text:
            raise Failure("that is no path")
        if self.is_wrong("traversal"):
            return pathlib.Path(text) if text.startswith("/etc") else (self.folder / text.lstrip("/")).resolve()
        path = (self.folder / text.lstrip("/")).resolve()
        if path != self.folder and self.folder not in path.parents:
            raise Failure("the path leaves the workspace")
        return path

    def entry(self, path):
        stat = path.stat()
        modified = datetime.datetime.fromtimestamp(stat.st_mtime, datetime.timezone.utc).isoformat().replace("+00:00", "Z")
        kind = "directory" if path.is_dir() else "file"
        return {"name": path.name, "type": kind, "size": 0 if path.is_dir() else stat.st_size, "modified": modified}

    def list(self, frame):
        return {"data": [self.entry(path) for path in sorted(self.path(frame.get("path")).iterdir())]}

    def read(self, frame):
        path = self.path(frame.get("path"))
        if path.stat().st_size > MAX_FILE:
            raise Failure("the file is too large")
        content = path.read_bytes()
        try:
            return {"data": {"content": content.decode(), "encoding": "utf8" if self.is_wrong("utf8") else "utf-8"}}
        except UnicodeDecodeError:
            return {"data": {"content": base64.b64encode(content).decode(), "encoding": "base64"}}

    def write(self, frame):
        path, content, encoding = self.path(frame.get("path")), frame.get("content"), frame.get("encoding", "utf-8")
        if not isinstance(content, str) or encoding not in ("utf-8", "base64"):
            raise Failure("content and encoding do not fit")
        content = base64.b64decode(content, validate=True) if encoding == "base64" else content.encode()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return {}

    def mkdir(self, frame):
        self.path(frame.get("path")).mkdir(parents=True, exist_ok=True)
        return {}

    def delete(self, frame):
        path = self.path(frame.get("path"))
        if path == self.folder:
            raise Failure("the workspace stays")
        shutil.rmtree(path) if path.is_dir() else path.unlink()
        return {}

    def rename(self, frame):
        self.path(frame.get("oldPath")).rename(self.path(frame.get("newPath")))
        return {}

    def stat(self, frame):
        return {"data": self.entry(self.path(frame.get("path")))}

    def scan(self):
        """Every path that the watcher sees, with what changes when it does."""
        found = {}
        for folder, folders, files in os.walk(self.folder):
            if not self.is_wrong("watch-all"):
                folders[:] = [name for name in folders if name not in IGNORED]
            for name in folders + files:
                path = pathlib.Path(folder, name)
                try:
                    found["/" + str(path.relative_to(self.folder))] = (path.stat().st_mtime_ns, path.is_dir())
                except OSError:
                    pass
        return found

    async def watch(self):
        self.seen = self.scan()
        while True:
            await asyncio.sleep(POLL)
            now = self.scan()
            for path in sorted(self.seen.keys() | now.keys()):
                action = "create" if path not in self.seen else "delete" if path not in now else "modify"
                if self.seen.get(path) != now.get(path):
                    extra = {"requestId": "watch"} if self.is_wrong("watch-id") else {}
                    is_folder = (now.get(path) or self.seen[path])[1]
                    self.tell(channel="files", type="change", action=action, path=path, isDirectory=is_folder, **extra)
            self.seen = now

    # Ports

    async def watch_ports(self):
        while True:
            await asyncio.sleep(POLL)
            now = listeners({shell.process for shell in self.shells.values()})
            for port in sorted(self.ports.keys() - now.keys()):
                self.tell(channel="ports", type="close", port=port)
            for port in sorted(now.keys() - self.ports.keys()):
                self.tell(channel="ports", type="open", port=port, pid=now[port], process=name_of(now[port]))
            self.ports = now

    async def serve(self, socket):
        client = Client(self, socket)
        self.clients.add(client)
        tasks = [asyncio.create_task(client.write()), asyncio.create_task(client.ping())]
        if self.history and not self.is_wrong("no-history"):
            client.say(channel="agent", type="history", history=self.history)
        try:
            async for message in socket:
                await client.take(message)
        except ConnectionClosed:
            pass
        finally:
            self.clients.discard(client)
            for task in tasks + list(client.tasks.values()):
                task.cancel()
            if self.is_wrong("reap"):
                for shell in list(self.shells.values()):
                    shell.end()


class Shell:
    """A shell on a terminal of its own."""

    def __init__(self, workspace, session, columns, rows):
        self.workspace, self.session = workspace, session
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(workspace.folder)
            # A server that was started in the background ignores Ctrl-C; its shells must not inherit that.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.environ.update(TERM="xterm-256color", PS1="$ ")
            os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
        self.resize(columns, rows)
        os.set_blocking(self.terminal, False)
        asyncio.get_running_loop().add_reader(self.terminal, self.print)
        self.rest = b""

    def resize(self, columns, rows):
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, keys):
        os.write(self.terminal, keys.encode(errors="replace"))

    def print(self):
        try:
            read = os.read(self.terminal, 4096)
        except BlockingIOError:
            return
        except OSError:
            read = b""
        if not read:
            asyncio.get_running_loop().remove_reader(self.terminal)
            asyncio.ensure_future(self.bury())
            return
        # A character may be cut by the end of what was read.
        read = self.rest + read
        cut = next((n for n in range(1, 4) if read[-n:-n + 1 or None] and read[-n] >= 0xC0), 0)
        self.rest, read = (read[-cut:], read[:-cut]) if cut else (b"", read)
        self.workspace.tell(channel="terminal", type="output", sessionId=self.session, data=read.decode(errors="replace"))

    async def bury(self):
        """Waits for the process, and tells how it ended."""
        status = (await asyncio.to_thread(os.waitpid, self.process, 0))[1]
        os.close(self.terminal)
        self.workspace.shells.pop(self.session, None)
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        code = 0 if self.workspace.is_wrong("exit-zero") else code
        self.workspace.tell(channel="terminal", type="close", sessionId=self.session, exitCode=code)

    def end(self):
        for process in [*descendants({self.process}), self.process]:
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                pass


class Client:
    """One connection of a client."""

    def __init__(self, workspace, socket):
        self.workspace, self.socket = workspace, socket
        self.queue, self.tasks = asyncio.Queue(), {}
        self.calls, self.permissions = {}, {}
        self.pong = None

    def say(self, **frame):
        self.queue.put_nowait(json.dumps(frame))

    async def write(self):
        while True:
            await self.socket.send(await self.queue.get())

    async def ping(self):
        """Pings, and gives the client up when no pong comes."""
        scale = self.workspace.options.time_scale
        while not self.workspace.is_wrong("no-ping"):
            await asyncio.sleep(PING_INTERVAL * scale)
            waiter = await self.socket.ping()
            if self.pong is None or self.pong.done():
                self.pong = asyncio.create_task(self.give_up(waiter, PONG_TIMEOUT * scale))

    async def give_up(self, waiter, timeout):
        try:
            await asyncio.wait_for(asyncio.shield(waiter), timeout)
        except TimeoutError:
            await self.socket.close(1001, "no pong")

    async def take(self, message):
        try:
            frame = json.loads(message, parse_constant=no_constant)
        except (ValueError, RecursionError):
            frame = None
        if not isinstance(frame, dict) or isinstance(message, bytes):
            if self.workspace.is_wrong("crash"):
                self.socket.transport.abort()
            return
        channels = {"terminal": self.terminal, "files": self.files, "agent": self.agent, "ports": self.ports}
        handle = channels.get(frame.get("channel")) if isinstance(frame.get("channel"), str) else None
        if handle and isinstance(frame.get("type"), str):
            await handle(frame["type"], frame)

    # Channels

    async def terminal(self, kind, frame):
        session, shells = frame.get("sessionId"), self.workspace.shells
        if not isinstance(session, str):
            return
        size = [frame.get("cols", 80), frame.get("rows", 24)]
        is_size = all(isinstance(number, int) and not isinstance(number, bool) and 0 < number < 1000 for number in size)
        if kind == "create" and session not in shells and is_size:
            size = [80, 24] if self.workspace.is_wrong("no-size") else size
            shells[session] = Shell(self.workspace, session, *size)
        elif kind == "input" and session in shells and isinstance(frame.get("data"), str):
            shells[session].type(frame["data"])
        elif kind == "resize" and session in shells and is_size and not self.workspace.is_wrong("no-resize"):
            shells[session].resize(*size)
        elif kind == "close" and session in shells:
            shells[session].end()

    async def files(self, kind, frame):
        identity, workspace = frame.get("requestId"), self.workspace
        known = ("list", "read", "write", "mkdir", "delete", "rename", "stat")
        if not isinstance(identity, str) or kind not in known or workspace.is_wrong("no-reply"):
            return
        try:
            answer = getattr(workspace, kind)(frame)
        except (Failure, OSError, ValueError) as error:
            if workspace.is_wrong("silent-failures"):
                return
            answer = {"error": str(error) or "failed"}
        for _ in range(2 if workspace.is_wrong("two-replies") else 1):
            self.say(channel="files", type=kind, requestId=identity, **answer)

    async def agent(self, kind, frame):
        if kind == "prompt" and isinstance(frame.get("prompt"), str):
            task = frame.get("taskId") if isinstance(frame.get("taskId"), str) else str(uuid.uuid4())
            self.tasks[task] = asyncio.create_task(self.work(frame["prompt"]))
        elif kind == "abort" and isinstance(frame.get("taskId"), str) and not self.workspace.is_wrong("no-abort"):
            task = self.tasks.pop(frame["taskId"], None)
            if task and not task.done():
                task.cancel()
                self.say(channel="agent", type="done")
        elif kind == "tool_response" and isinstance(frame.get("result"), str):
            self.resolve(self.calls, frame.get("toolCallId"))
        elif kind in ("approve", "reject"):
            self.resolve(self.permissions, frame.get("requestId"))

    def resolve(self, waiting, identity):
        future = waiting.pop(identity, None) if isinstance(identity, str) else None
        if future:
            future.set_result(None)

    async def work(self, prompt):
        """What the agent does with a prompt."""
        self.say(channel="agent", type="thinking", content="Let me see.")
        words = prompt.lower()
        identity, answered = str(uuid.uuid4()), asyncio.get_running_loop().create_future()
        if "ask me" in words:
            self.calls[identity] = answered
            self.say(channel="agent", type="question", toolCallId=identity, question="Which one?")
            await answered
        elif "delete" in words:
            self.permissions[identity] = answered
            self.say(channel="agent", type="permission", requestId=identity, tool="delete")
            await answered
        pieces = ["Once ", "upon ", "a time "] * (1000 if "story" in words else 1)
        for piece in pieces:
            self.say(channel="agent", type="text", content=piece)
            await asyncio.sleep(0.05)
        self.say(channel="agent", type="done")
        self.workspace.history += [{"role": "user", "content": prompt}, {"role": "assistant", "content": "".join(pieces)}]

    async def ports(self, kind, frame):
        port = frame.get("port")
        process = self.workspace.ports.get(port) if kind == "kill" and isinstance(port, int) else None
        if process:
            os.kill(process, signal.SIGTERM)


def no_constant(name):
    raise ValueError(name)


def descendants(roots):
    """Every process below these."""
    found, open_ends = set(), set(roots)
    while open_ends:
        below = children(open_ends.pop()) - found
        found |= below
        open_ends |= below
    return found


def children(process):
    try:
        return {int(child) for child in pathlib.Path(f"/proc/{process}/task/{process}/children").read_text().split()}
    except OSError:
        return set()


def listeners(roots):
    """The ports on which processes below these listen, with the process."""
    if not roots:
        return {}
    ports = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == LISTENING:
                ports[f"socket:[{fields[9]}]"] = int(fields[1].rpartition(":")[2], 16)
    found = {}
    for process in descendants(roots):
        try:
            links = {os.readlink(link) for link in pathlib.Path(f"/proc/{process}/fd").iterdir()}
        except OSError:
            continue
        found.update({ports[link]: process for link in links if link in ports and ports[link] not in RESERVED})
    return found


def name_of(process):
    try:
        return pathlib.Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return None


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--token", default="aether_token_of_ann")
    parser.add_argument("--time-scale", type=float, default=1.0, help="factor on pings and pong timeout")
    parser.add_argument("--wrong", choices=WRONG, help="misbehave in this way")
    return parser.parse_args()


async def main():
    options = arguments()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="aether-")).resolve()
    (folder / "src").mkdir()
    (folder / "src" / "index.ts").write_text("export {};\n")
    workspace = Workspace(options, folder)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, sys.exit)
    limit = None if workspace.is_wrong("no-limit") else MAX_MESSAGE
    server = serve(
        workspace.serve,
        "127.0.0.1",
        options.port,
        process_request=workspace.door,
        process_response=name_version,
        select_subprotocol=workspace.select,
        ping_interval=None,
        compression=None,
        max_size=limit,
    )
    try:
        async with server as listening:
            print(f"ws://127.0.0.1:{listening.sockets[0].getsockname()[1]}/workspaces/ws-123/ws", flush=True)
            await asyncio.gather(workspace.watch(), workspace.watch_ports())
    finally:
        for shell in list(workspace.shells.values()):
            shell.end()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
