"""Derives device keys as the PyPI package iotc does, for comparison with ours.

Reads lines `group_key,registration_id` on standard input and prints `registration_id,device_key` for each.
"""

import csv
import sys

from iotc import IoTCClient


def main():
    writer = csv.writer(sys.stdout, lineterminator="\n")
    for group_key, registration_id in csv.reader(sys.stdin):
        # The derivation is a method that uses nothing of its object.
        device_key = IoTCClient._compute_derived_symmetric_key(None, group_key, registration_id)
        text = device_key.decode() if isinstance(device_key, bytes) else device_key
        writer.writerow([registration_id, text])


if __name__ == "__main__":
    main()
