"""Makes a release for an ESP32 board, its partition table with Espressif's esp-idf-defs.

The argument is a new folder: bootloader.bin, partition-table.bin and sensor.bin go there. Of bootloader and application
only the size is like the real ones: the station takes any bytes.
"""

import pathlib
import random
import sys

from esp_idf_defs import partitions

TABLE = """\
nvs, data, nvs, 0x9000, 0x3000
identity, data, nvs, 0xc000, 0x3000, readonly
factory, app, factory, 0x10000, 1M
esp_secure_cert, 0x3F, , 0x110000, 0x2000
nvs_keys, data, nvs_keys, 0x112000, 0x1000
"""

folder = pathlib.Path(sys.argv[1])
folder.mkdir()
seeded = random.Random(20261125)
table = partitions.PartitionTable.from_csv(TABLE)
table.verify(0x8000)
(folder / "bootloader.bin").write_bytes(seeded.randbytes(20_000))
(folder / "partition-table.bin").write_bytes(table.to_binary())
(folder / "sensor.bin").write_bytes(seeded.randbytes(60_000) + b"application " * 2_000)
