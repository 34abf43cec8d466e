"""Stands between a station and two ESP32 boards: the first one's line, until the station has asked so many times for a
digest of the flash; from then on the second one's, as if somebody had swapped the boards behind the same port.

The arguments are the boards' ports and the number of that digest. Prints the port for the station. Speeds are not passed
on: 115,200 baud throughout.
"""

import os
import select
import sys
import termios
import tty

# What the frame of SPI_FLASH_MD5 begins with.
DIGEST = b"\xc0\x00\x13"


def board(path):
    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
    tty.setraw(line)
    settings = termios.tcgetattr(line)
    settings[4] = settings[5] = termios.B115200
    termios.tcsetattr(line, termios.TCSANOW, settings)
    return line


# A board whose port is closed leaves: both are held from the beginning.
line, second = (board(path) for path in sys.argv[1:3])
digests = int(sys.argv[3])
host, port = os.openpty()
tty.setraw(port)
print(os.ttyname(port), flush=True)
while True:
    ready, _, _ = select.select([host, line], [], [])
    if host in ready:
        said = os.read(host, 4096)
        if digests > 0 and DIGEST in said:
            digests -= 1
            if digests == 0:
                os.close(line)
                line = second
        os.write(line, said)
    elif line in ready:
        os.write(host, os.read(line, 4096))
