"""The server of this example: a small GoClaw gateway with one failure that everybody knows of. It forgets its sessions."""

import asyncio
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "targets"))
import goclaw_server  # noqa: E402


class Gateway(goclaw_server.Gateway):
    """The gateway without a memory."""

    def is_wrong(self, mode):
        return mode == "session" or super().is_wrong(mode)


goclaw_server.Gateway = Gateway

if __name__ == "__main__":
    try:
        asyncio.run(goclaw_server.main())
    except KeyboardInterrupt:
        pass
