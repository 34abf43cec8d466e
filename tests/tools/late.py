"""A port that is always there, as an adapter's in a fixture is; the ESP32 board behind it comes when its own port does.

The argument is the board's port. Prints the port for the station. Speeds are not passed on: 115,200 baud throughout.
"""

import os
import select
import sys
import termios
import tty

host, port = os.openpty()
tty.setraw(port)
print(os.ttyname(port), flush=True)
line = None
while True:
    if line is None and os.path.exists(sys.argv[1]):
        line = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
        tty.setraw(line)
        settings = termios.tcgetattr(line)
        settings[4] = settings[5] = termios.B115200
        termios.tcsetattr(line, termios.TCSANOW, settings)
    ready, _, _ = select.select([host] if line is None else [host, line], [], [], 0.1)
    if host in ready:
        said = os.read(host, 4096)
        if line is not None:
            os.write(line, said)
    if line in ready:
        os.write(host, os.read(line, 4096))
