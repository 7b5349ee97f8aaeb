"""Runs commands where no way leads out, and tells whom they asked for and what they left; run by `unshare --net`.

The network has a loopback device and nothing else. All addresses of the world lead to that device, where nobody
answers, so that whatever is sent to anybody is seen: look-ups of names, by whichever resolver the system names, and
connections without one. The first argument is the folder that the commands take for the user's home. Standard input
holds a JSON list of commands; standard output gets, for each, a JSON object on a line of its own.
"""

import ipaddress
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

_EVERY_PROTOCOL, _OUTGOING = 3, 4
_TCP, _UDP, _DNS = 6, 17, 53
_SYN, _SYN_OR_ACK = 0x02, 0x12
_SETTLING_SECONDS = 0.2
"""Until the last packets of a command that has ended are seen."""

_SILENCED = ("GRADIO_", "HF_", "MPL", "ORT_", "PHOTOCHROM_", "XDG_")
"""Beginnings of variables that must not do the work of the code under test."""


def close_off() -> socket.socket:
    """Lead all addresses to the loopback device; gives what hears all that is sent there."""
    for words in ("link set lo up", "route add local default dev lo", "-6 route add local default dev lo"):
        subprocess.run(["ip", *words.split()], check=True)
    ear = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_EVERY_PROTOCOL))
    ear.bind(("lo", 0))
    return ear


def contact(packet: bytes) -> str | None:
    """Whom a packet of IP is for; None if that is this machine, which may be asked for anything but names."""
    if packet[0] >> 4 == 4:
        protocol, start, address = packet[9], (packet[0] & 15) * 4, packet[16:20]
    else:
        protocol, start, address = packet[6], 40, packet[24:40]
    if protocol not in (_TCP, _UDP):  # what the system says about packets that were sent
        return None
    if protocol == _TCP and packet[start + 13] & _SYN_OR_ACK != _SYN:  # answers, and what follows the first packet
        return None
    host, port = ipaddress.ip_address(address), int.from_bytes(packet[start + 2 : start + 4])
    if protocol == _UDP and port == _DNS:
        return f"look-up of {asked_name(packet[start + 8 :])}"
    if host.is_loopback and port != _DNS:
        return None
    return f"{'connection' if protocol == _TCP else 'packet'} to {host} port {port}"


def asked_name(query: bytes) -> str:
    """The name in a query of DNS (RFC 1035, section 4.1.2)."""
    labels, place = [], 12
    while place < len(query) and query[place]:
        labels.append(query[place + 1 : place + 1 + query[place]].decode("ascii", "replace"))
        place += 1 + query[place]
    return ".".join(labels)


def listen(ear: socket.socket, contacts: list[str]) -> None:
    while True:
        packet, sender = ear.recvfrom(65535)
        if sender[2] == _OUTGOING and (found := contact(packet)) is not None:
            contacts.append(found)


def main() -> None:
    home, contacts = Path(sys.argv[1]), []
    ear = close_off()
    threading.Thread(target=listen, args=(ear, contacts), daemon=True).start()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_SILENCED)}
    environment |= {"HOME": str(home), "OMP_NUM_THREADS": "1"}
    for command in json.load(sys.stdin):
        known = set(home.rglob("*"))
        ended = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        time.sleep(_SETTLING_SECONDS)
        told = {
            "status": ended.returncode,
            "output": (ended.stdout + ended.stderr)[-2000:],
            "contacts": sorted(set(contacts)),
            "files": sorted(str(path.relative_to(home)) for path in set(home.rglob("*")) - known if path.is_file()),
        }
        print(json.dumps(told), flush=True)  # noqa: T201 - the test reads it
        contacts.clear()


if __name__ == "__main__":
    main()
