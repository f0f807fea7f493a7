"""Programs of this folder, for as long as they are needed."""

import subprocess

PATIENCE = 5


class Server:
    """A server on a free port, for as long as the block lasts; gives its URL. A quiet one says nothing of what goes wrong."""

    def __init__(self, command, is_quiet=False):
        self.command, self.errors = command, subprocess.DEVNULL if is_quiet else None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, stderr=self.errors, text=True)
        return self.process.stdout.readline().strip().split()[-1]

    def __exit__(self, *_):
        end(self.process)


def end(process):
    """Ends a process, and kills it if it does not."""
    process.terminate()
    try:
        process.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
