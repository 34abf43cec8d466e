"""Runs a command at a terminal of its own, and types.

    at_terminal.py COMMAND [ARGUMENT...]

Standard input is JSON: a list of [prompt, answer]. Each answer is typed, with Enter, when its prompt stands on the
terminal. Prints what was on the terminal. The exit code is the command's; 124 if it did not end within a minute, 125 if
it ended before it asked for everything.
"""

import json
import os
import pty
import select
import sys
import time

SECONDS = 60


def main(command, answers):
    process, terminal = pty.fork()
    if process == 0:
        os.execvp(command[0], command)
    shown, seen_to, waiting = b"", 0, list(answers)
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if not select.select([terminal], [], [], 0.1)[0]:
            continue
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux says "input/output error" when the other side is closed
            part = b""
        if not part:
            break
        shown += part
        if waiting:
            prompt, answer = waiting[0]
            at = shown.find(prompt.encode(), seen_to)
            if at >= 0:
                seen_to = at + len(prompt.encode())
                waiting.pop(0)
                time.sleep(0.1)  # whoever asks for a secret switches the echo off, some only after the prompt
                os.write(terminal, answer.encode() + b"\n")
    else:
        os.kill(process, 9)
        os.waitpid(process, 0)
        os.write(1, shown)
        return 124
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.write(1, shown)
    return 125 if waiting else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], json.load(sys.stdin)))
