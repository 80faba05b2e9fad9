"""Knows a relay before any server that breaks some of its connections, at random places of what is answered."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from random import Random

FAULTS = ("cut", "error 503", "flipped bit", "garbage", "refused", "reset", "stall")


class Wire:
    """Relays while it is open; a share of the connections meets a fault."""

    def __init__(self, target: tuple[str, int], seed: str, stall: float) -> None:
        self.share = 0.0
        self.faults: Counter[str] = Counter()
        self._target = target
        self._seed = seed
        self._stall = stall
        self._number = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        """Take no further connection."""
        with suppress(OSError):  # wakes the thread that waits for one
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._number += 1
            chance = Random(f"{self._seed} {self._number}")
            fault = chance.choice(FAULTS) if chance.random() < self.share else ""
            if fault:
                self.faults[fault] += 1
            at = int(chance.expovariate(1 / 60_000))
            threading.Thread(target=self._serve, args=(client, fault, at), daemon=True).start()

    def _serve(self, client: socket.socket, fault: str, at: int) -> None:
        with suppress(OSError), client:
            if fault == "refused":
                _reset(client)
            elif fault == "garbage":
                client.sendall(b"SSH-2.0-x\r\n" + bytes(range(200)))
            elif fault == "error 503":
                client.recv(1 << 16)
                client.sendall(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            else:
                with socket.create_connection(self._target) as server:
                    threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()
                    self._answer(client, server, fault, at)

    def _answer(self, client: socket.socket, server: socket.socket, fault: str, at: int) -> None:
        """Pass on what a server answers, until the byte at which the fault is."""
        seen = 0
        while data := server.recv(1 << 16):
            if fault and seen <= at < seen + len(data):
                before, after = data[: at - seen], data[at - seen :]
                client.sendall(before)
                if fault == "cut":
                    return
                if fault == "reset":
                    _reset(client)
                    return
                if fault == "stall":
                    time.sleep(self._stall)
                elif fault == "flipped bit":
                    after = bytes([after[0] ^ 0x10]) + after[1:]
                client.sendall(after)
            else:
                client.sendall(data)
            seen += len(data)


@contextmanager
def wire(address: str, seed: str, stall: float = 0.5) -> Iterator[Wire]:
    """Run a relay before `host:port` while the context lasts."""
    host, _, port = address.rpartition(":")
    made = Wire((host, int(port)), seed, stall)
    try:
        yield made
    finally:
        made.close()


def _pass_on(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while data := client.recv(1 << 16):
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
